import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { stripVTControlCharacters } from "node:util";
import pc from "picocolors";
import { type CommandLine } from "./command-line";
import { type PlanOptions, type StackPlan, Planner } from "./planner";
import { realPlan, recordsOf } from "./real-plan";
import { type ReportedPlan } from "./report/reported-plan";
import { summarise } from "./plan/summary";
import { type Matter } from "./matters/matter";
import { planMatters } from "./matters/plan-matters";
import { type AvailabilityReport, missedTargets, readAvailability } from "./report/availability";
import { jsonReport } from "./report/json";
import { markdownReport, unplannedReport } from "./report/markdown";
import { mattersText } from "./report/matters";
import { withoutLongValues } from "./report/plan-text";
import { type Outputs } from "./stack/remote-state";
import {
  type StackConfiguration,
  type SynthesizedStack,
  isSynthesised,
  readStacks,
  selectStacks,
} from "./stack/synthesized-stacks";

/** Where what a run says goes. */
export interface Output {
  readonly print: (text: string) => void;
  /** Progress and notes, apart from the result. */
  readonly note: (text: string) => void;
  /** Whether a person at a terminal reads what is printed. */
  readonly colour: boolean;
}

/**
 * Carries out a command.
 *
 * @returns the process's exit code: 0 when every stack plans, 1 when Terraform found errors
 */
export async function run(commandLine: CommandLine, output: Output): Promise<number> {
  if (commandLine.command === "plan" && !isSynthesised(commandLine.out)) {
    const code = reportUnplanned(commandLine, output);
    if (code !== undefined) return code;
  }
  const all = readStacks(commandLine.out);
  const selected = selectStacks(all, commandLine.stacks);
  switch (commandLine.command) {
    case "plan":
      if (commandLine.real) return planReally(commandLine, selected, output);
      return plan(commandLine, all, selected, output);
    case "apply":
      return apply(commandLine, all, selected, output);
    case "forget":
      for (const { name } of selected) rmSync(keptState(commandLine, name), { force: true });
      return 0;
  }
}

/**
 * Tells why nothing is synthesised, when that is known: from the availability that the app has assessed, or from what
 * it has said.
 *
 * @returns the exit code; undefined when nothing is known
 */
function reportUnplanned(commandLine: CommandLine, output: Output): number | undefined {
  const { out, said, json, markdown } = commandLine;
  const availability = existsSync(out) ? readAvailability(out) : undefined;
  const missed = availability === undefined ? [] : missedTargets(availability);
  const words = said !== undefined && existsSync(said) ? readFileSync(said, "utf8") : "";
  if (missed.length === 0 && words.trim() === "") return undefined;
  const report = unplannedReport(missed, stripVTControlCharacters(words));
  if (json) output.print(JSON.stringify({ stacks: [], missed }, undefined, 2));
  else if (markdown !== "-") output.print(report);
  writeMarkdown(commandLine, report, output);
  return 1;
}

async function plan(
  commandLine: CommandLine,
  stacks: readonly SynthesizedStack[],
  selected: readonly SynthesizedStack[],
  output: Output,
): Promise<number> {
  const base =
    commandLine.base === undefined ? undefined : await Base.read(commandLine.base, commandLine, selected);
  try {
    const states = base?.states ?? keptStates(commandLine, stacks, output);
    const planner = await Planner.start({
      stacks,
      states,
      resolveFrom: bindingsFrom(process.cwd()),
      ...givenValues(commandLine),
      colour: output.colour && !commandLine.json && commandLine.markdown !== "-",
    });
    try {
      const matters = (stack: SynthesizedStack, { plan }: StackPlan): Matter[] =>
        plan === undefined
          ? []
          : planMatters(stack.configuration, plan, { configuration: base?.configurations.get(stack.name) });
      const plans = await planAll(planner, selected, matters, (result) => {
        for (const note of standInNotes(result)) output.note(note);
        if (!commandLine.json && commandLine.markdown !== "-")
          output.print(terminalReport(result, output.colour));
      });
      const availability = readAvailability(commandLine.out);
      if (commandLine.json) output.print(jsonReport(plans, availability, base?.availability));
      writeMarkdown(commandLine, markdownReport(plans, availability, base), output);
      return exitCode(commandLine, plans);
    } finally {
      planner.close();
    }
  } finally {
    base?.close();
  }
}

/** One after another: later stacks may ask what earlier ones have deployed. */
async function planReally(
  commandLine: CommandLine,
  selected: readonly SynthesizedStack[],
  output: Output,
): Promise<number> {
  const plans: ReportedPlan[] = [];
  const isPrinted = !commandLine.json && commandLine.markdown !== "-";
  for (const stack of selected) {
    const planned = await realPlan(stack, { save: commandLine.save, colour: output.colour && isPrinted });
    const hosts = planned.plan === undefined ? undefined : await recordsOf(stack, planned.plan, output.note);
    const matters =
      planned.plan === undefined ? [] : planMatters(stack.configuration, planned.plan, { hosts });
    plans.push({ ...planned, matters });
    if (isPrinted) output.print(terminalReport({ ...planned, matters }, output.colour));
  }
  const availability = readAvailability(commandLine.out);
  if (commandLine.json) output.print(jsonReport(plans, availability, undefined));
  writeMarkdown(commandLine, markdownReport(plans, availability, undefined, "real"), output);
  return exitCode(commandLine, plans);
}

function exitCode({ detailedExitCode }: CommandLine, plans: readonly StackPlan[]): number {
  if (!plans.every(({ succeeded }) => succeeded)) return 1;
  const isChanged = plans.some(({ plan = {} }) => summarise(plan).byType.length > 0);
  return detailedExitCode && isChanged ? 3 : 0;
}

/** Plans all at once and hands on each result in the order of the stacks. */
async function planAll(
  planner: Planner,
  stacks: readonly SynthesizedStack[],
  mattersOf: (stack: SynthesizedStack, plan: StackPlan) => Matter[],
  report: (plan: ReportedPlan) => void,
): Promise<ReportedPlan[]> {
  const pending = stacks.map((stack) => planner.plan(stack));
  // The first failure ends the run; the others are then nobody's concern.
  for (const promise of pending) promise.catch(() => undefined);
  const plans: ReportedPlan[] = [];
  for (const [index, stack] of stacks.entries()) {
    const plan = await pending[index]!;
    const reported = { ...plan, matters: mattersOf(stack, plan) };
    report(reported);
    plans.push(reported);
  }
  return plans;
}

async function apply(
  commandLine: CommandLine,
  stacks: readonly SynthesizedStack[],
  selected: readonly SynthesizedStack[],
  output: Output,
): Promise<number> {
  const states = keptStates(commandLine, stacks, output);
  const planner = await Planner.start({
    stacks,
    states,
    resolveFrom: bindingsFrom(process.cwd()),
    ...givenValues(commandLine),
  });
  try {
    let failed = false;
    for (const stack of selected) {
      const applied = await planner.apply(stack);
      if (!applied.succeeded) {
        failed = true;
        output.print(terminalReport(applied, output.colour));
        continue;
      }
      mkdirSync(commandLine.state, { recursive: true });
      copyFileSync(applied.state, keptState(commandLine, stack.name));
      output.print(
        `${stack.name}: applied against the double, state kept in ${keptState(commandLine, stack.name)}`,
      );
    }
    return failed ? 1 : 0;
  } finally {
    planner.close();
  }
}

function givenValues({
  variables,
  remoteOutputs,
}: CommandLine): Pick<PlanOptions, "variables" | "remoteOutputs"> {
  const read = (file: string): Outputs => JSON.parse(readFileSync(file, "utf8")) as Outputs;
  return { variables, remoteOutputs: new Map([...remoteOutputs].map(([name, file]) => [name, read(file)])) };
}

function keptState({ state }: CommandLine, stack: string): string {
  return join(state, `${stack}.tfstate`);
}

function keptStates(
  commandLine: CommandLine,
  stacks: readonly SynthesizedStack[],
  output: Output,
): Map<string, string> {
  const kept = stacks
    .map(({ name }) => [name, resolve(keptState(commandLine, name))] as const)
    .filter(([, file]) => existsSync(file));
  if (kept.length > 0) {
    const names = kept.map(([name]) => name).join(", ");
    output.note(`starting from the states "apply" kept in ${commandLine.state} for: ${names}`);
  }
  return new Map(kept);
}

/** The stacks of another checkout, applied against the double to count as deployed. */
class Base {
  private constructor(
    private readonly planner: Planner,
    public readonly states: ReadonlyMap<string, string>,
    public readonly availability: AvailabilityReport | undefined,
    /** By stack name. */
    public readonly configurations: ReadonlyMap<string, StackConfiguration>,
    /** Stacks that only the base has. */
    public readonly removed: readonly string[],
  ) {}

  public static async read(
    directory: string,
    commandLine: CommandLine,
    selected: readonly SynthesizedStack[],
  ): Promise<Base> {
    const out = existsSync(join(directory, "manifest.json")) ? directory : join(directory, "cdktf.out");
    const stacks = readStacks(out);
    const planner = await Planner.start({
      stacks,
      resolveFrom: bindingsFrom(resolve(directory)),
      ...givenValues(commandLine),
    });
    try {
      const states = new Map<string, string>();
      const wanted = stacks.filter(({ name }) => selected.some((stack) => stack.name === name));
      for (const applied of await Promise.all(wanted.map((stack) => planner.apply(stack)))) {
        if (!applied.succeeded)
          throw new Error(`the base does not plan: stack "${applied.stack}":\n${applied.text}`);
        states.set(applied.stack, applied.state);
      }
      const removed =
        commandLine.stacks.length > 0
          ? []
          : stacks.map(({ name }) => name).filter((name) => !selected.some((stack) => stack.name === name));
      const configurations = new Map(stacks.map(({ name, configuration }) => [name, configuration]));
      return new Base(planner, states, readAvailability(out), configurations, removed);
    } catch (error) {
      planner.close();
      throw error;
    }
  }

  public close(): void {
    this.planner.close();
  }
}

/** Bindings of the checkout at hand come first, then those that planning itself is installed with. */
function bindingsFrom(directory: string): string[] {
  return [directory, __dirname];
}

function standInNotes({ stack, standIns: { variables, files } }: StackPlan): string[] {
  return [
    ...(variables.length > 0 ? [`${stack}: made up values for variables: ${variables.join(", ")}`] : []),
    ...(files.length > 0
      ? [`${stack}: stood in for files that are not on this machine: ${files.join(", ")}`]
      : []),
  ];
}

function terminalReport(
  { stack, text, matters = [] }: Pick<StackPlan, "stack" | "text"> & { readonly matters?: readonly Matter[] },
  colour: boolean,
): string {
  const parts = [withoutLongValues(text.trim()), mattersText(matters)].filter((part) => part !== "");
  return `${pc.createColors(colour).bold(`── ${stack} ──`)}\n${parts.join("\n\n")}\n`;
}

function writeMarkdown({ markdown }: CommandLine, text: string, output: Output): void {
  if (markdown === "-") output.print(text);
  else if (markdown !== undefined) writeFileSync(markdown, text);
}
