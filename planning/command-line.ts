import { readOptions } from "./read-options";

export const HELP = `Plans the synthesised stacks with the real Terraform, without cloud, credentials or network.

Usage: tricloud plan [plan|apply|forget] [STACK...] [OPTIONS]

  plan     (default) show what Terraform would do
  apply    apply against the double: keeps a state, so that later plans show changes and replacements
  forget   remove the states that apply kept

Without STACK, all stacks of the app.

Options:
  --out DIR           what the app has synthesised (default: cdktf.out)
  --base DIR          compare with the synthesised stacks of another checkout: they count as deployed
  --state DIR         where apply keeps states (default: .tricloud-plan)
  --var NAME=VALUE    value of a Terraform variable; others without a default are made up. Repeatable.
                      TF_VAR_name in the environment works too
  --remote NAME=FILE  outputs of a configuration outside the app that a stack reads by remote state NAME,
                      as "terraform output -json" prints them; others are made up. Repeatable
  --json              print one JSON document instead of Terraform's plans
  --markdown FILE     write a summary for a pull request; "-" prints it instead of Terraform's plans
  --help              this text

  --detailed-exitcode    answer 3 when a stack would change

Exit codes: 0 every stack plans; 1 Terraform found errors; 2 wrong usage, or nothing to plan with.
`;

export type Command = "plan" | "apply" | "forget";

export interface CommandLine {
  readonly help: boolean;
  readonly command: Command;
  readonly stacks: readonly string[];
  readonly out: string;
  readonly real: boolean;
  /** Directory for plans that are to be applied. */
  readonly save?: string;
  readonly base?: string;
  readonly detailedExitCode: boolean;
  readonly state: string;
  readonly variables: ReadonlyMap<string, string>;
  /** Files of outputs, by the name of the remote state. */
  readonly remoteOutputs: ReadonlyMap<string, string>;
  /** File of what the app said. */
  readonly said?: string;
  readonly json: boolean;
  readonly markdown?: string;
}

/** Reads the command line; what it cannot read is an error that says what was expected. */
export function readCommandLine(args: readonly string[]): CommandLine {
  const { values, positionals } = parseOptions(args);
  const [first, ...rest] = positionals;
  const command = isCommand(first) ? first : undefined;
  if (values.json && values.markdown === "-") {
    throw new Error("--json and --markdown - both print to the terminal: give --markdown a file");
  }
  if (values.real && (values.base !== undefined || (command ?? "plan") !== "plan")) {
    throw new Error(
      "--real plans against what is deployed: it goes neither with --base nor with apply or forget",
    );
  }
  if (values.save !== undefined && !values.real)
    throw new Error("--save keeps what --real has planned: give both");
  return {
    help: values.help,
    real: values.real,
    save: values.save,
    detailedExitCode: values["detailed-exitcode"],
    command: command ?? "plan",
    stacks: command === undefined ? positionals : rest,
    out: values.out,
    base: values.base,
    state: values.state,
    variables: new Map(values.var.map((text) => readPair("--var", text, "VALUE"))),
    remoteOutputs: new Map(values.remote.map((text) => readPair("--remote", text, "FILE"))),
    said: values.said,
    json: values.json,
    markdown: values.markdown,
  };
}

function parseOptions(args: readonly string[]) {
  return readOptions("plan", {
    args: [...args],
    allowPositionals: true,
    options: {
      out: { type: "string", default: "cdktf.out" },
      base: { type: "string" },
      state: { type: "string", default: ".tricloud-plan" },
      var: { type: "string", multiple: true, default: [] },
      remote: { type: "string", multiple: true, default: [] },
      real: { type: "boolean", default: false },
      save: { type: "string" },
      "detailed-exitcode": { type: "boolean", default: false },
      said: { type: "string" },
      json: { type: "boolean", default: false },
      markdown: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
}

function isCommand(word: string | undefined): word is Command {
  return word === "plan" || word === "apply" || word === "forget";
}

function readPair(option: string, text: string, value: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw new Error(`${option} "${text}" is not of the form NAME=${value}`);
  return [text.slice(0, at), text.slice(at + 1)];
}
