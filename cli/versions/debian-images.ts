import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { DEBIAN_ACCOUNT, DEBIAN_IMAGE_NAME } from "../../constructs/aws/debian-image-name";

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
  const args = [
    ...["ec2", "describe-images", "--region", awsRegion, "--owners", DEBIAN_ACCOUNT, "--include-deprecated"],
    ...["--filters", `Name=name,Values=debian-13-${architecture}-*`],
    ...["--query", "Images[].[Name, ImageId, CreationDate]", "--output", "json"],
  ];
  const rows = JSON.parse(await aws(args)) as ReadonlyArray<readonly [string, string, string]>;
  const images = rows
    .map(([name, id, created]) => ({ name, id, created }))
    .filter(({ name }) => DEBIAN_IMAGE_NAME.test(name))
    .sort((one, other) => one.created.localeCompare(other.created));
  if (images.length === 0) throw new Error(`has no image of Debian 13 for ${architecture}`);
  return images;
}

async function aws(args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)("aws", [...args], {
      env: process.env,
      timeout: LONGEST_MS,
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  } catch (error) {
    const { code, killed, stderr, message } = error as NodeJS.ErrnoException & {
      readonly killed?: boolean;
      readonly stderr?: string;
    };
    if (code === "ENOENT") throw new Error("needs the AWS CLI: put aws on PATH", { cause: error });
    if (killed === true) throw new Error(`no answer within ${LONGEST_MS / 1000} s`, { cause: error });
    throw new Error(stderr?.trim().split("\n").at(-1) || message, { cause: error });
  }
}
