import { createInterface } from "node:readline/promises";
import { readOptions } from "../planning/read-options";
import { ClusterApi } from "./recovery/cluster-api";
import { type Findings, findLeftovers } from "./recovery/findings";
import { readClusterStack, type StackObject } from "./recovery/stack-objects";
import { TerraformState } from "./recovery/terraform-state";

const USAGE = `usage: tricloud recover STACK [--yes] [--json] [--out DIRECTORY]

Clears up after a deploy to a cluster that was cut short, so that the next one can go on. What the deploy had made and
could not note is imported into Terraform's state; the mark of an operation of Helm that nobody ends any more is taken
away. Nothing on the cluster changes otherwise. Says what it would do, and asks before it does it.

  STACK            for example uk-workloads, as it was last synthesised
  --yes            do it without asking
  --json           print what was found, and whether it was done, as JSON; asks nothing
  --out DIRECTORY  where the app was synthesised. Default: cdktf.out

Needs what a deploy needs: Terraform, credentials, values of the variables (TF_VAR_...).
Exit code: 0 nothing is left to be done, 1 something is, 2 wrong usage or no answer.`;

/** Where the command reads and writes. */
export interface Terminal {
  readonly print: (text: string) => void;
  /** Progress, apart from the result. */
  readonly note: (text: string) => void;
  /** Asks for a yes; undefined when there is nobody to ask. */
  readonly confirm?: (question: string) => Promise<boolean>;
}

/** @throws Error for wrong arguments, a state that is locked, a cluster that does not answer */
export async function recover(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = readCommandLine(args);
  if (values.help) {
    terminal.print(USAGE);
    return 0;
  }
  const [name, ...others] = positionals;
  if (name === undefined || others.length > 0) {
    throw new Error(`expected one stack, got: ${positionals.join(" ") || "none"}`);
  }
  const stack = readClusterStack(values.out, name);
  const terraform = new TerraformState(stack);
  terminal.note(`reading the state of ${name}`);
  await terraform.refreshAccess();
  const { noted, host, token } = await terraform.read();
  const api = new ClusterApi(host, token);
  terminal.note(`looking on the cluster at ${host}`);
  const found = await findLeftovers(stack, noted, api);
  const due = found.unnoted.length + found.stale.length;
  if (!values.json) terminal.print(described(name, found));
  const wanted = due > 0 && (values.yes || (!values.json && (await terminal.confirm?.("Do this?")) === true));
  if (wanted) {
    for (const { release, secret } of found.stale) await api.deleteSecret(release.namespace, secret);
    for (const { address, importId } of found.unnoted) {
      terminal.note(`importing ${address}`);
      await terraform.import(address, importId);
    }
    if (!values.json) terminal.print(`done; deploy again: npx cdktf deploy ${name}`);
  } else if (due > 0 && !values.json) terminal.print("nothing done; --yes does it");
  if (values.json) terminal.print(JSON.stringify(asJson(name, found, wanted), undefined, 2));
  return (due === 0 || wanted) && found.foreign.length === 0 ? 0 : 1;
}

function readCommandLine(args: readonly string[]) {
  return readOptions("recover", {
    args: [...args],
    allowPositionals: true,
    options: {
      yes: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      out: { type: "string", default: "cdktf.out" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
}

const named = ({ kind, namespace, name }: StackObject): string =>
  `${kind} ${namespace === undefined ? name : `${namespace}/${name}`}`;

function described(stack: string, { unnoted, foreign, stale }: Findings): string {
  const lines = [
    ...stale.map(
      ({ release, revision, status, since }) =>
        `  forget revision ${revision} of Helm release ${release.namespace}/${release.name}, ${status} since ${since}`,
    ),
    ...unnoted.map((object) => `  import ${named(object)} as ${object.address}`),
  ];
  const refused = foreign.map((object) => `  ${named(object)}`);
  return [
    lines.length === 0 ? `${stack}: no deploy left anything behind` : `${stack}: to be done`,
    ...lines,
    ...(refused.length === 0
      ? []
      : [
          "not made by this project, and in the way of the next deploy: rename or delete it yourself",
          ...refused,
        ]),
  ].join("\n");
}

function asJson(stack: string, { unnoted, foreign, stale }: Findings, done: boolean): object {
  const identity = ({ address, kind, namespace, name }: StackObject) => ({ address, kind, namespace, name });
  return {
    stack,
    done,
    import: unnoted.map((object) => ({ ...identity(object), id: object.importId })),
    forget: stale.map(({ release, revision, status, since }) => ({ ...release, revision, status, since })),
    foreign: foreign.map(identity),
  };
}

/** @returns the exit code, as the help says */
export function main(args: readonly string[]): Promise<number> {
  return recover(args, {
    print: (text) => process.stdout.write(`${text}\n`),
    note: (text) => process.stderr.write(`${text}\n`),
    confirm: process.stdin.isTTY === true ? ask : undefined,
  });
}

async function ask(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} (yes or no) `)).trim());
  } finally {
    terminal.close();
  }
}
