import { spawn } from "node:child_process";
import { join } from "node:path";
import { type StackHost } from "../matters/stack-hosts";

/** What brings a step to a host. */
const SSH_STEP = join(__dirname, "../../constructs/dedicated/ssh-step.sh");

/** How long a host may be out of reach before it counts as such: nobody waits for it, unlike in a deploy. */
const REACH_SECONDS = 10;

/** What a program has come to on a host. */
export interface HostAnswer {
  /** The program's exit code; another than 0 where the host was not reached. */
  readonly code: number | null;
  /** All that it printed. */
  readonly said: string;
  /** The last line of that, or why the host was not reached. */
  readonly lastLine: string;
}

/** Where what a program prints is passed on as it comes. */
export interface PassedOn {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/**
 * Has a host run a bash program as root, over SSH.
 *
 * @param program path of it on this machine
 * @param directory the stack's, from which paths of keys are told
 * @param shown passes on what it prints, and why the host was not reached. Default: it is kept for the answer alone
 */
export async function runOnHost(
  host: StackHost,
  directory: string,
  program: string,
  shown?: PassedOn,
): Promise<HostAnswer> {
  const timeout = Math.min(Number(host.connection["TRICLOUD_HOST_TIMEOUT"] ?? REACH_SECONDS), REACH_SECONDS);
  const child = spawn("bash", [SSH_STEP, "run", program], {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...host.connection, TRICLOUD_HOST_TIMEOUT: String(timeout) },
  });
  let [said, complaints] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (complaints += chunk));
  if (shown !== undefined) {
    child.stdout.pipe(shown.stdout, { end: false });
    child.stderr.pipe(shown.stderr, { end: false });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const answer = answerOf(code, said, complaints);
  return { ...answer, lastLine: answer.lastLine.replace(`${host.name}: `, "") };
}

/** A program's answer by what it printed; where it complained, the last of that is what it comes to. */
export function answerOf(code: number | null, said: string, complaints: string): HostAnswer {
  const [last = ""] = (complaints.trim() === "" ? said : complaints).trim().split("\n").slice(-1);
  return { code, said, lastLine: last || `ended with ${code}` };
}
