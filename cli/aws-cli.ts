import { askAws as ask, AwsCliError } from "../constructs/aws/reload/ask-aws.cjs";

export { AwsCliError };

/**
 * What the AWS CLI answers, as whoever is signed in.
 *
 * @param timeoutMs how long it may take. @default - as long as it takes
 * @throws AwsCliError
 */
export const askAws = async <T>(
  awsRegion: string,
  words: readonly string[],
  { timeoutMs }: { readonly timeoutMs?: number } = {},
): Promise<T> => (await ask(words, { awsRegion, timeoutMs })) as T;

/**
 * The same for a person: an error says of what.
 *
 * @throws Error with what the AWS CLI says
 */
export async function tellOfAws<T>(awsRegion: string, words: readonly string[]): Promise<T> {
  try {
    return await askAws<T>(awsRegion, words);
  } catch (error) {
    if (!(error instanceof AwsCliError)) throw error;
    const said = error.why === "not installed" ? "the AWS CLI is not installed here (aws)" : error.message;
    throw new Error(`aws ${words.slice(0, 2).join(" ")} in ${awsRegion}: ${said}`, { cause: error });
  }
}
