import { BUNDLE_PATH, CONFIG_PATH } from "../constructs/proxy/host-paths";
import { readOptions } from "../planning/read-options";
import { readUpstream } from "../proxy/options/endpoint-values";
import { originKey } from "../proxy/route";
import { REGION_OPTIONS, WHICH_REGION_USAGE } from "./region-hosts";
import { askProxies } from "./region-proxies";
import { tableText } from "./table-text";

type Name = "drain" | "undrain";

const DOES: Readonly<Record<Name, string>> = {
  drain: `Has every proxy of the region ask an origin nothing any more; what is under way there ends. That holds over reloads,
restarts, deploys, new machines and new pods, until undrain.`,
  undrain: "Lets an origin that was drained back into its groups, on every proxy of the region.",
};

const usage = (name: Name): string => `usage: tricloud ${name} ORIGIN --region NAME [--json] [--out DIR]

${DOES[name]}

  ORIGIN         as the groups have it: https://search.tokyo.example.com
${WHICH_REGION_USAGE}  --json         what each proxy has answered, as JSON

Exit codes: 0 done on all proxies; 1 one has refused or is out of reach; 2 wrong usage.
`;

/** @returns the exit code, as the usage says */
export async function main(name: Name, args: readonly string[]): Promise<number> {
  const { values, positionals } = readOptions(name, {
    args: [...args],
    allowPositionals: true,
    options: REGION_OPTIONS,
  });
  if (values.help) {
    process.stdout.write(usage(name));
    return 0;
  }
  const [origin = "", ...more] = positionals;
  const upstream = readUpstream(origin);
  // What it reads holds nothing that means something to a shell.
  if (more.length > 0 || upstream === undefined)
    throw new Error(
      `expected one origin such as https://api.example.com, got: ${positionals.join(" ") || "none"}`,
    );
  const answers = await askProxies(values, {
    onHost: `exec node ${BUNDLE_PATH} ${name} '${origin}' --config ${CONFIG_PATH}\n`,
    onMachines: (proxies) => proxies.drain(name, originKey(upstream)),
    inPods: (proxies) => proxies.drain(name, originKey(upstream)),
  });
  if (answers === undefined) return 1;
  const proxies = answers.map(({ host, code, lastLine }) => ({ host, done: code === 0, answer: lastLine }));
  process.stdout.write(
    values.json
      ? `${JSON.stringify({ proxies }, undefined, 2)}\n`
      : tableText([["PROXY", "ANSWER"], ...proxies.map(({ host, answer }) => [host, answer])]),
  );
  return proxies.every(({ done }) => done) ? 0 : 1;
}
