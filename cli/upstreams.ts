import { DEFAULT_ADMIN_PORT } from "../constructs/proxy/proxy-config";
import { readOptions } from "../planning/read-options";
import { type UpstreamsReport } from "../proxy/observation/group-report";
import { type AnswerOfHost, onHosts, PROXIES, REGION_OPTIONS, WHICH_REGION_USAGE } from "./region-hosts";
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
  const answers = await onHosts(
    { ...values, ...PROXIES },
    `exec curl -fsS -m 5 http://127.0.0.1:${DEFAULT_ADMIN_PORT}/upstreams\n`,
  );
  if (answers === undefined) return 1;
  const proxies = answers.map(told);
  process.stdout.write(
    values.json
      ? `${JSON.stringify({ proxies }, undefined, 2)}\n`
      : tableText([["PROXY", "GROUP", "ORIGIN", "STATE", "SINCE", "WHY"], ...proxies.flatMap(rows)]),
  );
  return proxies.some((proxy) => "problem" in proxy) ? 1 : 0;
}

function told({ host: { name: host }, answer: { code, said, lastLine } }: AnswerOfHost): Told {
  return code === 0 ? { host, ...(JSON.parse(said) as UpstreamsReport) } : { host, problem: lastLine };
}

function rows(proxy: Told): string[][] {
  if ("problem" in proxy) return [[proxy.host, "", "", "no answer", "", proxy.problem]];
  return proxy.groups.flatMap(({ group, origins }) =>
    origins.map(({ origin, state, since, why }) => [proxy.host, group, origin, state, since, why]),
  );
}
