import { DEFAULT_ADMIN_PORT } from "../constructs/proxy/proxy-config";
import { readOptions } from "../planning/read-options";
import { type UpstreamsReport } from "../proxy/observation/group-report";
import { type AnswerOfProxy } from "./cluster-proxies";
import { REGION_OPTIONS, WHICH_REGION_USAGE } from "./region-hosts";
import { askProxies } from "./region-proxies";
import { tableText } from "./table-text";

const USAGE = `usage: tricloud upstreams --region NAME [--json] [--out DIR]

Shows each origin of the region's groups as every proxy sees it: its state, since when, and why.

${WHICH_REGION_USAGE}  --json         all that each proxy tells, as JSON

Exit codes: 0 all proxies have answered; 1 one has not; 2 wrong usage.
`;

/** What one proxy has told, or why it has not. */
type Told = { readonly host: string } & (UpstreamsReport | { readonly problem: string });

/** @returns the exit code, as the usage says */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = readOptions("upstreams", {
    args: [...args],
    options: REGION_OPTIONS,
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const answers = await askProxies(values, {
    onHost: ASK_HOST,
    onMachines: (proxies) => proxies.ask(ASK_HOST, "upstreams"),
    inPods: async (proxies) =>
      Promise.all((await proxies.pods()).map((pod) => proxies.run(pod, ["node", "-e", ASK, UPSTREAMS]))),
  });
  if (answers === undefined) return 1;
  const proxies = answers.map(told);
  process.stdout.write(
    values.json
      ? `${JSON.stringify({ proxies }, undefined, 2)}\n`
      : tableText([["PROXY", "GROUP", "ORIGIN", "STATE", "SINCE", "WHY"], ...proxies.flatMap(rows)]),
  );
  return proxies.some((proxy) => "problem" in proxy) ? 1 : 0;
}

const UPSTREAMS = `http://127.0.0.1:${DEFAULT_ADMIN_PORT}/upstreams`;

/** What a host asks with. */
const ASK_HOST = `exec curl -fsS -m 5 ${UPSTREAMS}\n`;

/** What a pod asks with: it has Node and nothing else. */
const ASK = `fetch(process.argv[1], { signal: AbortSignal.timeout(5000) })
  .then(async (answer) => console.log(await answer.text()))
  .catch(({ message, cause }) => { console.error(cause?.message ?? message); process.exitCode = 1; })`;

function told({ host, code, said, lastLine }: AnswerOfProxy): Told {
  return code === 0 ? { host, ...(JSON.parse(said) as UpstreamsReport) } : { host, problem: lastLine };
}

function rows(proxy: Told): string[][] {
  if ("problem" in proxy) return [[proxy.host, "", "", "no answer", "", proxy.problem]];
  return proxy.groups.flatMap(({ group, origins }) =>
    origins.map(({ origin, state, since, why }) => [proxy.host, group, origin, state, since, why]),
  );
}
