import { spawn } from "node:child_process";

export interface CommandOptions {
  /** Given to the command on its standard input. @default - no input */
  readonly input?: string;
  /** Added to this process's environment; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** The command is killed after this time, in milliseconds. @default 600000 */
  readonly timeoutMs?: number;
  /** Kills the command when it is aborted. */
  readonly signal?: AbortSignal;
  /** Called with each line of output as it comes, standard error included. */
  readonly onLine?: (line: string) => void;
}

export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  /** Exit code; 128 plus the signal's number where a signal ended the command. */
  readonly code: number;
}

/** Runs a program to its end and returns what it said, whatever its exit code. */
export function attempt(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      let unfinished = "";
      child[name].setEncoding("utf8").on("data", (chunk: string) => {
        output[name] += chunk;
        if (options.onLine === undefined) return;
        const lines = (unfinished + chunk).split("\n");
        unfinished = lines.pop() ?? "";
        for (const line of lines) options.onLine(line);
      });
    }
    const timer = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs ?? 600_000);
    options.signal?.addEventListener("abort", () => child.kill("SIGKILL"));
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(new Error(`cannot run ${file}: ${error.message}`));
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ ...output, code: code ?? (signal === "SIGKILL" ? 137 : 143) });
    });
    // A program that ends without reading its input is judged by its exit code, not by the broken pipe.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
  });
}

/**
 * Runs a program that must succeed; returns its standard output.
 *
 * @throws Error with the command line, its exit code and the end of its output
 */
export async function run(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const result = await attempt(file, args, options);
  if (result.code !== 0) {
    const said = `${result.stdout}\n${result.stderr}`.trim().split("\n").slice(-30).join("\n");
    throw new Error(`${file} ${args.join(" ")}: exit code ${result.code}\n${said}`);
  }
  return result.stdout;
}

/**
 * Asks again every `everyMs` until `probe` gives something other than undefined.
 *
 * @throws Error naming `what` after `timeoutMs`
 */
export async function until<T>(
  what: string,
  timeoutMs: number,
  probe: () => Promise<T | undefined>,
  everyMs = 100,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`${what}: not so after ${timeoutMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
