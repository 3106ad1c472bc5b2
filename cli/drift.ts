import { type HostDrift, hostDrift } from "../planning/hosts/drift";
import { inspectHost } from "../planning/hosts/inspection";
import { repair } from "../planning/hosts/repair";
import { todaysDocuments } from "../planning/hosts/todays-documents";
import { type StackHost, stackHosts } from "../planning/matters/stack-hosts";
import { readOptions } from "../planning/read-options";
import { differenceText } from "../planning/report/matters";
import { readStacks, selectStacks, type SynthesizedStack } from "../planning/stack/synthesized-stacks";
import { synthesise } from "./assessment";
import { tableText } from "./table-text";

const USAGE = `usage: tricloud drift [STACK...] [--json] [--repair] [--out DIR]

Compares every dedicated server with its record of the last delivery, and that record with what a deploy would deliver
today, over SSH and without changing anything. Secrets are compared by digest, as a deploy has them: those of
"tricloud secrets", or in TF_VAR_NAME.

  STACK       only the servers of these stacks; of all without
  --json      the findings as JSON
  --repair    deliver to the servers that differ, in a deploy's order and with its gates, then look again
  --out DIR   take what is synthesised there; without, the app is synthesised anew (to cdktf.out)

Exit codes: 0 all is as it shall be; 1 something differs, or a server is out of reach; 2 wrong usage.
`;

/** The servers of one stack, as they were found. */
interface Found {
  readonly stack: SynthesizedStack;
  readonly hosts: readonly StackHost[];
  readonly drifts: readonly HostDrift[];
}

/** @returns the exit code, as the usage says */
export async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = readCommandLine(args);
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (values.out === undefined && !synthesise()) return 1;
  const stacks = selectStacks(readStacks(values.out ?? "cdktf.out"), positionals);
  const withHosts = stacks.filter(({ configuration }) => stackHosts(configuration).length > 0);
  const without = positionals.filter((name) => !withHosts.some((stack) => stack.name === name));
  if (without.length > 0) throw new Error(`stack "${without.join('", "')}" has no dedicated servers`);
  let found = await inspectAll(withHosts);
  if (values.repair) {
    const differing = found.map((one) => ({ ...one, hosts: hostsToRepair(one) }));
    for (const { stack, hosts } of differing) if (hosts.length > 0 && !repair(stack, hosts)) return 1;
    if (differing.some(({ hosts }) => hosts.length > 0)) found = await inspectAll(withHosts);
  }
  const drifts = found.flatMap((one) => one.drifts);
  process.stdout.write(values.json ? `${JSON.stringify({ hosts: drifts }, undefined, 2)}\n` : report(drifts));
  return drifts.every(({ state }) => state === "as it shall be") ? 0 : 1;
}

function readCommandLine(args: readonly string[]) {
  return readOptions("drift", {
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      repair: { type: "boolean", default: false },
      out: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
}

async function inspectAll(stacks: readonly SynthesizedStack[]): Promise<Found[]> {
  return Promise.all(
    stacks.map(async (stack) => {
      const hosts = stackHosts(stack.configuration);
      const { documents, missing } = todaysDocuments(stack, hosts);
      if (missing.length > 0)
        process.stderr.write(
          `drift: ${stack.name}: not compared, for it has no value here: ${missing.join(", ")}\n`,
        );
      const drifts = await Promise.all(
        hosts.map(async (host) =>
          hostDrift(host, await inspectHost(host, stack.directory), documents.get(host.name) ?? "", missing),
        ),
      );
      return { stack, hosts, drifts };
    }),
  );
}

/** One that is out of reach cannot be delivered to, and would keep the others waiting. */
const hostsToRepair = ({ hosts, drifts }: Found): StackHost[] =>
  hosts.filter(({ name }) =>
    drifts.some(({ host, state }) => host === name && (state === "differs" || state === "never deployed to")),
  );

function report(drifts: readonly HostDrift[]): string {
  const rows = drifts.flatMap(({ host, state, reason, items }) =>
    items.length === 0
      ? [[host, "", reason === undefined ? state : `${state}: ${reason}`, ""]]
      : items.map(({ what, how, compared }) => [host, what, how, compared]),
  );
  const differences = drifts.flatMap(({ host, items }) =>
    items.flatMap(({ what, difference = [] }) =>
      difference.length === 0
        ? []
        : [`\n${what} (${host})\n${differenceText(difference).replace(/^/gm, "  ")}\n`],
    ),
  );
  return [tableText([["HOST", "WHAT", "HOW", "COMPARED"], ...rows]), ...differences].join("");
}
