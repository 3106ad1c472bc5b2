import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Why the AWS CLI has no answer; the message is what it said, or Node of it. */
export class AwsCliError extends Error {
  constructor(
    readonly why: "not installed" | "late" | "failed",
    message: string,
    cause: unknown,
  ) {
    super(message, { cause });
  }
}

const run = promisify(execFile);

/**
 * What the AWS CLI answers, as whoever is signed in.
 *
 * @param timeoutMs how long it may take. @default - as long as it takes
 * @throws AwsCliError
 */
export async function askAws<T>(
  awsRegion: string,
  words: readonly string[],
  { timeoutMs }: { readonly timeoutMs?: number } = {},
): Promise<T> {
  try {
    const { stdout } = await run("aws", ["--region", awsRegion, "--output", "json", ...words], {
      env: process.env,
      timeout: timeoutMs,
      maxBuffer: 64 * 1024 * 1024,
    });
    return JSON.parse(stdout) as T;
  } catch (error) {
    const { code, killed, stderr, message } = error as NodeJS.ErrnoException & {
      readonly killed?: boolean;
      readonly stderr?: string;
    };
    const why = code === "ENOENT" ? "not installed" : killed === true ? "late" : "failed";
    throw new AwsCliError(why, stderr?.trim() || message, error);
  }
}
