/** Why the AWS CLI has no answer; the message is what it said, or Node of it. */
export class AwsCliError extends Error {
  readonly why: "not installed" | "late" | "failed";
}

/**
 * What the AWS CLI answers, as whoever is signed in; undefined where that is nothing.
 *
 * @param words of a call, such as `ec2`, `describe-images`
 * @param how `awsRegion` by default the environment's; how long it may take, by default as long as it takes
 * @throws AwsCliError
 */
export function askAws(
  words: readonly string[],
  how?: { readonly awsRegion?: string | undefined; readonly timeoutMs?: number | undefined },
): Promise<unknown>;
