import { type ChildProcess, spawn } from "node:child_process";

/** How a run of steady calls went. */
export interface CallsOutcome {
  readonly calls: number;
  /** How many of them were POSTs. */
  readonly posts: number;
  readonly failed: number;
  readonly slowestMs: number;
  /** From the first call to the last that failed. */
  readonly lastFailureMs?: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly seconds: number;
}

/**
 * Has `steady-calls.cjs` call while `work` is done.
 *
 * @param command what runs it, wherever that may be
 * @throws Error when it ends otherwise than by being told to
 */
export async function callsDuring(
  command: string,
  args: readonly string[],
  work: () => Promise<void>,
): Promise<CallsOutcome> {
  const child = spawn(command, args);
  const said = saidBy(child);
  try {
    await work();
  } finally {
    child.stdin.end();
  }
  return JSON.parse((await said).trim().split("\n").at(-1)!) as CallsOutcome;
}

function saidBy(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let stdout = "";
    let stderr = "";
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk));
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve(stdout) : reject(new Error(`calls ended: ${stdout}${stderr}`)),
    );
  });
}
