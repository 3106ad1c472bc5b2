import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasRegistry } from "../../stacks/values/services/service-value";
import { shortDigest } from "./short-digest";

/** Ways to name where an image is that skopeo knows, and a registry needs none of: `docker-daemon:web:1`. */
const TRANSPORT = /^(docker|docker-daemon|docker-archive|containers-storage|oci|oci-archive|dir):/;

/** An image as it was fetched: the same bytes go to each registry, whatever its tag names by then. */
export interface FetchedImage {
  readonly directory: string;
  /** `sha256:...`, of its manifest or list of manifests. */
  readonly digest: string;
}

/** Trust in a registry's certificate. */
export interface RegistryTrust {
  /** PEM certificate of an authority, besides the public ones. */
  readonly caCertificate?: string | undefined;
}

/** Copies images by the program skopeo, as whoever has signed in to their registries. */
export class Skopeo {
  private readonly running = new Set<ChildProcess>();
  private directories = 0;

  /** @param scratch directory for images and certificates; whoever made it removes it */
  constructor(private readonly scratch: string) {}

  /** Ends what is under way. */
  stop(): void {
    for (const child of this.running) child.kill();
  }

  /** Fetches an image, for all kinds of machine that it is there for, layers compressed. */
  async fetch(source: string): Promise<FetchedImage> {
    const directory = join(this.scratch, "image");
    await this.run(["copy", "--all", "--dest-compress", source, `dir:${directory}`]);
    const manifest = readFileSync(join(directory, "manifest.json"));
    return { directory, digest: `sha256:${createHash("sha256").update(manifest).digest("hex")}` };
  }

  /** Whether a registry has that very image already. @throws Error where it does not say */
  async has(repository: string, { digest }: FetchedImage, trust: RegistryTrust): Promise<boolean> {
    const image = `docker://${repository}@${digest}`;
    try {
      await this.run(["inspect", "--raw", "--no-tags", ...this.certificates(trust, "cert-dir"), image]);
      return true;
    } catch (error) {
      // Of a repository that there is not yet, some registries say so, and some make it when something comes.
      if (/manifest unknown|name unknown|not ?found|RepositoryNotFound/i.test((error as Error).message))
        return false;
      throw error;
    }
  }

  /** All tags of a repository. @throws Error where its registry does not say */
  async tags(repository: string): Promise<string[]> {
    const said = await this.run(["list-tags", `docker://${repository}`], LOOK_UP);
    return (JSON.parse(said) as { readonly Tags: string[] }).Tags;
  }

  /** Digest of what a tag names today, for all kinds of machine. @throws Error where its registry does not say */
  async digestOf(image: string): Promise<string> {
    const manifest = await this.run(["inspect", "--raw", "--no-tags", `docker://${image}`], LOOK_UP);
    return `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
  }

  /** Copies a fetched image under its digest, and a tag that says the same to people. */
  async push(repository: string, { directory, digest }: FetchedImage, trust: RegistryTrust): Promise<void> {
    await this.run([
      ...["copy", "--all", "--preserve-digests", ...this.certificates(trust, "dest-cert-dir")],
      ...[`dir:${directory}`, `docker://${repository}:${shortDigest(digest)}`],
    ]);
  }

  private certificates({ caCertificate }: RegistryTrust, option: string): string[] {
    if (caCertificate === undefined) return [];
    const directory = join(this.scratch, `certificates-${++this.directories}`);
    mkdirSync(directory);
    writeFileSync(join(directory, "ca.crt"), caCertificate);
    return [`--${option}`, directory];
  }

  /** @returns what it has printed. @throws Error with skopeo's last words */
  private async run(args: readonly string[], general: readonly string[] = []): Promise<string> {
    const child = spawn("skopeo", [...general, ...args], {
      env: process.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.running.add(child);
    let [said, complaints] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (complaints += chunk));
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", (error: NodeJS.ErrnoException) => {
        reject(error.code === "ENOENT" ? new Error(`skopeo is not here: ${HOW_TO_INSTALL}`) : error);
      });
      child.once("close", resolve);
    });
    this.running.delete(child);
    if (code !== 0) throw new Error(lastWords(complaints) || `skopeo ended with ${code}`);
    return said;
  }
}

/** An answer of a few lines comes soon, or not at all; how long an image takes, nobody knows. */
const LOOK_UP = ["--command-timeout", "60s"];

/**
 * Has skopeo at hand, with a directory for what it fetches. Afterwards, also of a command that is interrupted, it runs no
 * more and the directory is gone.
 *
 * @param command names the directory, for whoever finds it
 */
export async function withSkopeo<Result>(
  command: string,
  use: (skopeo: Skopeo) => Promise<Result>,
): Promise<Result> {
  const scratch = mkdtempSync(join(tmpdir(), `tricloud-${command}-`));
  const skopeo = new Skopeo(scratch);
  const tidyUp = (): void => {
    skopeo.stop();
    rmSync(scratch, { recursive: true, force: true });
  };
  process.once("exit", tidyUp);
  try {
    return await use(skopeo);
  } finally {
    process.off("exit", tidyUp);
    tidyUp();
  }
}

const HOW_TO_INSTALL = "apt-get install skopeo on Debian and Ubuntu, brew install skopeo on macOS";

/** What its last line says, without the form of its log. */
function lastWords(complaints: string): string {
  const last = complaints.trim().split("\n").at(-1) ?? "";
  const message = /msg=("(?:[^"\\]|\\.)*")/.exec(last)?.[1];
  return message === undefined ? last : (JSON.parse(message) as string);
}

/**
 * Where an image is, as skopeo names it.
 *
 * @param image such, or that of a registry: `ghcr.io/shop/web:1`
 * @throws Error for a name that could be one here or one of Docker Hub
 */
export function imageSource(image: string): string {
  if (TRANSPORT.test(image)) return image;
  if (hasRegistry(image)) return `docker://${image}`;
  throw new Error(
    `expected an image with its registry in front, such as ghcr.io/shop/web:1, or with where it is: docker-daemon:${image}, containers-storage:${image}, oci:DIRECTORY, docker-archive:FILE; got: ${JSON.stringify(image)}`,
  );
}
