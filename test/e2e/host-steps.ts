import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { attempt, until, type VirtualHost } from "../testbed";
import { CHANGES, OPENINGS, TRACED, TracedCalls } from "./traced-calls";

/** Where the way in is. */
export const COUNTED_PORT = 2222;
const PORT = String(COUNTED_PORT);
const PID_FILE = "/run/counted-sshd.pid";

/**
 * A way into a host on which every step of what runs there is counted, from outside and by nothing but the calls that
 * programs make of the kernel. A new step of a program is counted without anybody naming it. Steps are the changes of
 * the file tree, and the start of a program where something was done since the last that counts: a host on which
 * programs have only read is as it was.
 */
export class CountedShell {
  steps = 0;
  private watcher: { readonly at: number; readonly act: () => void } | undefined;
  private readonly calls = new TracedCalls();
  /** Something was, since the last start of a program that counted. */
  private done = true;
  /** Processes that have opened something for writing. */
  private readonly writers = new Set<string>();

  private constructor(
    private readonly host: VirtualHost,
    private readonly tracer: ChildProcess,
  ) {}

  static async open(host: VirtualHost): Promise<CountedShell> {
    const tracer = spawn(
      "strace",
      [
        ...["-f", "-qqq", "--seccomp-bpf", "-e", "signal=none", "-o", "|cat", "-e", `trace=${TRACED}`],
        // After a step there is a moment in which it can be the last.
        ...["-e", `inject=${CHANGES.join()}:delay_exit=3000`],
        ...[
          "nsenter",
          ...host.insideArguments(["/usr/sbin/sshd", "-D", "-p", PORT, "-o", `PidFile=${PID_FILE}`]),
        ],
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    const shell = new CountedShell(host, tracer);
    let complaints = "";
    tracer.stderr?.setEncoding("utf8").on("data", (chunk: string) => (complaints += chunk));
    createInterface({ input: tracer.stdout }).on("line", (line) => shell.see(line));
    await until("a shell whose steps are counted", 30_000, async () => {
      if (tracer.exitCode !== null) throw new Error(`strace ended: ${complaints}`);
      return (await shell.run("true").ended).code === 0 || undefined;
    });
    return shell;
  }

  /** Starts a command over SSH. `lose` ends the connection, and that alone. */
  run(
    command: string,
    input?: string,
  ): { readonly ended: ReturnType<typeof attempt>; readonly lose: () => void } {
    const lost = new AbortController();
    const options = ["-p", PORT, "-o", `HostKeyAlias=${this.host.address}`];
    const ended = attempt("ssh", [...options, ...this.host.sshArguments(), command], {
      input,
      signal: lost.signal,
    });
    return { ended, lose: () => lost.abort() };
  }

  /** Has something done at the step of that number, counted from now. */
  atStep(number: number, act: () => void): void {
    this.steps = 0;
    this.done = true;
    this.watcher = { at: number, act };
  }

  /** Lets nobody in any more; what runs goes on, counted by nobody. */
  async close(): Promise<void> {
    const { tracer } = this;
    if (tracer.exitCode !== null || tracer.signalCode !== null) return;
    const ended = new Promise((resolve) => tracer.once("exit", resolve));
    await this.host.run(`kill $(cat ${PID_FILE})`);
    tracer.kill("SIGTERM");
    await ended;
  }

  private see(line: string): void {
    const call = this.calls.read(line);
    if (call === undefined) return;
    const { name, process } = call;
    if (name === "execve") {
      if (!this.done) return;
      // What it writes to what was opened for it is done afterwards.
      this.done = this.writers.delete(process);
    } else {
      this.done = true;
      if (OPENINGS.includes(name)) this.writers.add(process);
      if (!CHANGES.includes(name)) return;
    }
    this.step();
  }

  private step(): void {
    if (++this.steps !== this.watcher?.at) return;
    const { act } = this.watcher;
    this.watcher = undefined;
    act();
  }
}
