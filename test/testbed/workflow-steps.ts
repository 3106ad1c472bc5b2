import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { attempt, type CommandResult } from "./command";

const PROJECT = resolve(__dirname, "../..");

interface Step {
  readonly name?: string;
  readonly id?: string;
  readonly if?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface Job {
  readonly env?: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

/** What a run on GitHub would know: values of `${{ ... }}` by what stands within, and the machine's environment. */
export interface RunContext {
  readonly expressions: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface JobRun {
  readonly succeeded: boolean;
  /** What the steps have put out, by `STEP.NAME`. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly summary: string;
  /** All that was printed. */
  readonly output: string;
}

/**
 * Runs the `run` steps of a workflow's job as they are written, in a checkout: in bash as GitHub calls it, with files for
 * outputs, environment and summary, their conditions kept. Actions (`uses`) are left out: what they would provide must
 * be there. So are the installation of packages and the build, which a test run has behind it.
 */
export class WorkflowCheckout {
  /** @param directory made for it, with the project's files by link and room for what steps write */
  constructor(private readonly directory: string) {
    mkdirSync(join(directory, "temp"), { recursive: true });
    mkdirSync(join(directory, "bin"));
    mkdirSync(this.root);
    for (const name of readdirSync(PROJECT)) {
      if (!["cdktf.out", ".git", ".testbed"].includes(name))
        symlinkSync(join(PROJECT, name), join(this.root, name));
    }
    const npm = `#!/bin/sh\ncase "$*" in ci) exit 0 ;; "run synth") exec node dist/main.js ;; esac\nPATH=\${PATH#*:} exec npm "$@"\n`;
    writeFileSync(join(directory, "bin/npm"), npm, { mode: 0o755 });
  }

  /** The checked out project. */
  get root(): string {
    return join(this.directory, "checkout");
  }

  /** The machine's folder for temporary files. */
  get temporary(): string {
    return join(this.directory, "temp");
  }

  async run(workflow: string, jobName: string, context: RunContext): Promise<JobRun> {
    const { jobs } = parse(readFileSync(join(PROJECT, ".github/workflows", workflow), "utf8")) as {
      jobs: Record<string, Job>;
    };
    const job = jobs[jobName];
    if (job === undefined) throw new Error(`${workflow} has no job ${jobName}`);
    const file = (name: string): string => join(this.directory, name);
    for (const name of ["output", "env", "summary"]) writeFileSync(file(name), "");
    let [succeeded, output] = [true, ""];
    const outputs: Record<string, string> = {};
    for (const step of job.steps) {
      if (step.run === undefined) continue;
      const filled = (text: string): string => this.filled(text, context.expressions, outputs);
      if (!this.isDue(step.if, succeeded, context.expressions, outputs)) continue;
      const env = {
        ...context.env,
        ...mapValues(job.env, filled),
        ...this.pairs("env"),
        ...mapValues(step.env, filled),
        PATH: `${file("bin")}:${process.env["PATH"]}`,
        RUNNER_TEMP: this.temporary,
        GITHUB_OUTPUT: file("output"),
        GITHUB_ENV: file("env"),
        GITHUB_STEP_SUMMARY: file("summary"),
      };
      writeFileSync(file("script"), step.run);
      const result: CommandResult = await attempt("bash", ["-e", file("script")], { cwd: this.root, env });
      output += `--- ${step.name ?? step.run}\n${result.stdout}${result.stderr}`;
      if (result.code !== 0) succeeded = false;
      for (const [name, value] of Object.entries(this.pairs("output"))) {
        outputs[`steps.${step.id}.outputs.${name}`] = value;
      }
      writeFileSync(file("output"), "");
    }
    return { succeeded, outputs, summary: readFileSync(file("summary"), "utf8"), output };
  }

  private pairs(name: string): Record<string, string> {
    const lines = readFileSync(join(this.directory, name), "utf8").split("\n").filter(Boolean);
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
    );
  }

  /** Conditions in use are `always()` and a comparison of one value with a text. */
  private isDue(
    condition: string | undefined,
    succeeded: boolean,
    expressions: Readonly<Record<string, string>>,
    outputs: Readonly<Record<string, string>>,
  ): boolean {
    if (condition === undefined) return succeeded;
    const inner = condition.replace(/^\$\{\{ | \}\}$/g, "");
    if (inner === "always()") return true;
    const [, name = "", operator, text] = /^(\S+) ([!=]=) '(.*)'$/.exec(inner) ?? [];
    if (operator === undefined) throw new Error(`a condition of an unknown form: ${condition}`);
    const value = outputs[name] ?? expressions[name] ?? "";
    return succeeded && (operator === "==") === (value === text);
  }

  /** A value that the context does not name is empty, as a secret or variable is that nobody has set. */
  private filled(
    text: string,
    expressions: Readonly<Record<string, string>>,
    outputs: Readonly<Record<string, string>>,
  ): string {
    return text.replaceAll(/\$\{\{ (.*?) \}\}/g, (_, name: string) =>
      name === "toJSON(secrets)" ? secretsOf(expressions) : (outputs[name] ?? expressions[name] ?? ""),
    );
  }
}

/** All secrets of the run, and the token that GitHub adds to them. */
function secretsOf(expressions: Readonly<Record<string, string>>): string {
  const secrets = Object.entries(expressions).flatMap(([name, value]) =>
    name.startsWith("secrets.") ? [[name.slice("secrets.".length), value] as const] : [],
  );
  return JSON.stringify({ github_token: "of this run", ...Object.fromEntries(secrets) }, undefined, 2);
}

const mapValues = (
  values: Readonly<Record<string, string>> = {},
  change: (value: string) => string,
): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(String(value))]));
