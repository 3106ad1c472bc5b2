import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PlanJson } from "./plan/plan-json";
import { ProviderDoubles } from "./provider-doubles";
import { shownPlan } from "./shown-plan";
import { type Outputs, requiredStacks } from "./stack/remote-state";
import { type SynthesizedStack } from "./stack/synthesized-stacks";
import { STATE_FILE, type StandIns, makeWorkspace } from "./stack/workspace";
import { Terraform } from "./terraform";

export interface StackPlan {
  readonly stack: string;
  readonly succeeded: boolean;
  /** What Terraform printed: the plan, or its errors. */
  readonly text: string;
  readonly standIns: StandIns;
  /** The plan as data; absent when it failed. */
  readonly plan?: PlanJson;
}

export type StackApply =
  | {
      readonly stack: string;
      readonly succeeded: true;
      /** The state file that came of it, which lives as long as the planner. */
      readonly state: string;
      readonly text: string;
    }
  | { readonly stack: string; readonly succeeded: false; readonly text: string };

export interface PlanOptions {
  /** Every stack of the app. */
  readonly stacks: readonly SynthesizedStack[];
  /** Directories to find provider bindings from. */
  readonly resolveFrom: readonly string[];
  /** State files to start from, by stack name. */
  readonly states?: ReadonlyMap<string, string>;
  /** Values of variables, by name; others without a default are made up. */
  readonly variables?: ReadonlyMap<string, string>;
  /** Outputs of configurations outside the app, by the remote state's name; others are made up. */
  readonly remoteOutputs?: ReadonlyMap<string, Outputs>;
  /** Whether Terraform may colour its output. */
  readonly colour?: boolean;
}

/**
 * Plans stacks with the real Terraform against doubles of their providers. A stack whose outputs another
 * one reads is applied against the double first, as if it had been deployed before.
 *
 * Close it after use: it holds servers and a directory.
 */
export class Planner {
  private readonly plans = new Map<string, Promise<StackPlan>>();
  private readonly applied = new Map<string, Promise<StackApply>>();
  private readonly terraforms: Terraform[] = [];
  /** A process that is interrupted leaves nothing behind either. */
  private readonly onExit = (): void => this.close();

  private constructor(
    private readonly options: PlanOptions,
    private readonly directory: string,
    private readonly doubles: ProviderDoubles,
  ) {
    process.once("exit", this.onExit);
  }

  public static async start(options: PlanOptions): Promise<Planner> {
    const directory = mkdtempSync(join(tmpdir(), "tricloud-plan-"));
    try {
      mkdirSync(join(directory, "applied"));
      writeFileSync(join(directory, "terraformrc"), "");
      const sockets = join(directory, "sockets");
      const states = options.states?.values() ?? [];
      const doubles = await ProviderDoubles.start(options.stacks, states, sockets, options.resolveFrom);
      return new Planner(options, directory, doubles);
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  }

  public close(): void {
    process.off("exit", this.onExit);
    for (const terraform of this.terraforms) terraform.stop();
    this.doubles.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  public plan(stack: SynthesizedStack): Promise<StackPlan> {
    return remember(this.plans, stack.name, () => this.planOnce(stack));
  }

  /** Applies a stack against the double: nothing but a state file comes of it. */
  public apply(stack: SynthesizedStack): Promise<StackApply> {
    return remember(this.applied, stack.name, () => this.applyOnce(stack));
  }

  private async planOnce(stack: SynthesizedStack): Promise<StackPlan> {
    const workspace = await this.workspace(stack, join(this.directory, stack.name), false);
    const { terraform, standIns } = workspace;
    const failed = (text: string): StackPlan => ({ stack: stack.name, succeeded: false, text, standIns });
    if (terraform === undefined) return failed(workspace.missing);
    for (const args of [["init"], ["validate"]]) {
      const result = await terraform.run(this.withColour(args));
      if (!result.succeeded) return failed(result.text);
    }
    const options = this.withColour([NOT_REFRESHED, ...this.variableArguments(stack)]);
    return { stack: stack.name, standIns, ...(await shownPlan(terraform, options, "plan.out")) };
  }

  private async applyOnce(stack: SynthesizedStack): Promise<StackApply> {
    const directory = join(this.directory, "applied", stack.name);
    const workspace = await this.workspace(stack, directory, true);
    const { terraform } = workspace;
    if (terraform === undefined) return { stack: stack.name, succeeded: false, text: workspace.missing };
    let text = "";
    for (const args of [
      ["init"],
      ["apply", NOT_REFRESHED, "-auto-approve", ...this.variableArguments(stack)],
    ]) {
      const result = await terraform.run([...args, "-no-color"]);
      if (!result.succeeded) return { stack: stack.name, succeeded: false, text: result.text };
      text = result.stdout;
    }
    return { stack: stack.name, succeeded: true, state: join(directory, STATE_FILE), text };
  }

  private async workspace(
    stack: SynthesizedStack,
    directory: string,
    withoutProvisioners: boolean,
  ): Promise<Workspace> {
    const states = new Map<string, string>();
    const required = requiredStacks(stack, this.options.stacks);
    for (const applied of await Promise.all(required.map((other) => this.apply(other)))) {
      if (!applied.succeeded) {
        return {
          missing: `it reads the state of stack "${applied.stack}", which fails:\n${applied.text}`,
          standIns: { variables: [], files: [] },
        };
      }
      states.set(applied.stack, applied.state);
    }
    const standIns = makeWorkspace(stack, {
      directory,
      stacks: this.options.stacks,
      states,
      remoteOutputs: this.options.remoteOutputs ?? new Map<string, Outputs>(),
      state: this.options.states?.get(stack.name),
      givenVariables: new Set([...(this.options.variables?.keys() ?? []), ...variablesInEnvironment()]),
      withoutProvisioners,
    });
    const terraform = new Terraform({
      directory,
      doubled: {
        reattach: this.doubles.reattach,
        cliConfiguration: join(this.directory, "terraformrc"),
      },
    });
    this.terraforms.push(terraform);
    return { terraform, standIns };
  }

  private variableArguments(stack: SynthesizedStack): string[] {
    const declared = stack.configuration.variable ?? {};
    return [...(this.options.variables ?? [])]
      .filter(([name]) => name in declared)
      .map(([name, value]) => `-var=${name}=${value}`);
  }

  private withColour(args: readonly string[]): string[] {
    return this.options.colour === true ? [...args] : [...args, "-no-color"];
  }
}

/** What the double holds changes by Terraform alone: asking it again would tell nothing new. */
const NOT_REFRESHED = "-refresh=false";

/** A directory to run Terraform in, or why there is none: another stack that this one needs failed. */
type Workspace =
  | { readonly terraform: Terraform; readonly missing?: undefined; readonly standIns: StandIns }
  | { readonly terraform?: undefined; readonly missing: string; readonly standIns: StandIns };

function variablesInEnvironment(): string[] {
  return Object.keys(process.env)
    .filter((name) => name.startsWith("TF_VAR_"))
    .map((name) => name.slice("TF_VAR_".length));
}

function remember<T>(known: Map<string, Promise<T>>, name: string, make: () => Promise<T>): Promise<T> {
  const existing = known.get(name);
  if (existing !== undefined) return existing;
  const made = make();
  known.set(name, made);
  return made;
}
