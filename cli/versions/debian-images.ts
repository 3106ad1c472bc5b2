import { DEBIAN_ACCOUNT, DEBIAN_IMAGE_NAME } from "../../constructs/aws/debian-image-name";
import { askAws, AwsCliError } from "../aws-cli";

/** An image of Debian 13 in a region of AWS. */
export interface DebianImage {
  readonly name: string;
  readonly id: string;
  /** When it was made, ISO 8601. */
  readonly created: string;
}

/** Longest that the AWS CLI may take; where it finds no credentials it asks for a machine's own for some seconds. */
const LONGEST_MS = 120_000;

/**
 * Debian's images for machines of that architecture, the newest last, by the AWS CLI as whoever is signed in.
 *
 * @param architecture Debian's word for it, such as amd64
 * @throws Error with the CLI's last words
 */
export async function debianImages(awsRegion: string, architecture: string): Promise<DebianImage[]> {
  const words = [
    ...["ec2", "describe-images", "--owners", DEBIAN_ACCOUNT, "--include-deprecated"],
    ...["--filters", `Name=name,Values=debian-13-${architecture}-*`],
    ...["--query", "Images[].[Name, ImageId, CreationDate]"],
  ];
  const rows = await askAws<ReadonlyArray<readonly [string, string, string]>>(awsRegion, words, {
    timeoutMs: LONGEST_MS,
  }).catch((error: unknown) => {
    throw outOfReach(error);
  });
  const images = rows
    .map(([name, id, created]) => ({ name, id, created }))
    .filter(({ name }) => DEBIAN_IMAGE_NAME.test(name))
    .sort((one, other) => one.created.localeCompare(other.created));
  if (images.length === 0) throw new Error(`has no image of Debian 13 for ${architecture}`);
  return images;
}

/** In the words of a list of services that could not be asked, one line each. */
function outOfReach(error: unknown): Error {
  if (!(error instanceof AwsCliError)) return error as Error;
  const { why, message } = error;
  const said =
    why === "not installed"
      ? "needs the AWS CLI: put aws on PATH"
      : why === "late"
        ? `no answer within ${LONGEST_MS / 1000} s`
        : message.split("\n").at(-1);
  return new Error(said, { cause: error });
}
