import { existsSync } from "node:fs";
import { join } from "node:path";
import { readOptions } from "../planning/read-options";
import { loadRegions, readValues } from "../stacks/values/regions";
import { type ImagePlace, pushedService, registryOf } from "../stacks/values/services/pushed-service";
import { shortDigest } from "./images/short-digest";
import { type FetchedImage, imageSource, type Skopeo, withSkopeo } from "./images/skopeo";
import { regionsDirectory } from "./regions-directory";

const USAGE = `usage: tricloud push SERVICE IMAGE [--json]

Copies an image to the registry of every region that SERVICE runs in, and prints it by its digest, as the service's value
names it. The same bytes go everywhere; a registry that has them already gets nothing.

  SERVICE  one of services/; its value may still lack the digest
  IMAGE    where it is now: ghcr.io/shop/web:1 in a registry, docker-daemon:web:1 with Docker, containers-storage:web:1
           with podman, oci:DIRECTORY, docker-archive:FILE
  --json   the same as JSON: image, digest, and what became of it in each registry

Needs skopeo, and whoever runs it signed in to the registries (skopeo login, docker login or podman login).
Exit codes: 0 all have it, 1 one has not, 2 wrong usage.
`;

/** What became of an image at one place. */
interface Pushed {
  readonly repository: string;
  readonly regions: readonly string[];
  readonly state: "pushed" | "there already" | "failed";
  readonly problem?: string;
}

/** @returns the exit code, as the usage says */
export async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = readOptions("push", {
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const [name, image, ...others] = positionals;
  if (name === undefined || image === undefined || others.length > 0) {
    throw new Error(`expected SERVICE and IMAGE, got: ${positionals.join(" ") || "nothing"}`);
  }
  const source = imageSource(image);
  const { repository, places } = pushedService(name, serviceValues(name), loadRegions(regionsDirectory()));
  return withSkopeo("push", async (skopeo) => {
    note(`fetching ${source}`);
    const fetched = await skopeo.fetch(source);
    const pushed: Pushed[] = [];
    // One after another: they share this machine's way out.
    for (const place of places) pushed.push(await bringTo(place, fetched, skopeo));
    const result = `${repository}@${fetched.digest}`;
    const failed = pushed.filter(({ state }) => state === "failed");
    if (values.json) {
      const json = { service: name, image: result, digest: fetched.digest, registries: pushed };
      process.stdout.write(`${JSON.stringify(json, undefined, 2)}\n`);
    } else if (failed.length === 0) {
      process.stdout.write(`${result}\n`);
    } else {
      note(`${result} is not everywhere yet: push it again`);
    }
    return failed.length === 0 ? 0 : 1;
  });
}

/** Progress, apart from the result. */
const note = (text: string): void => void process.stderr.write(`push: ${text}\n`);

function serviceValues(name: string) {
  const directory = join(regionsDirectory(), "../services");
  if (!existsSync(directory)) {
    throw new Error(
      `expected a service of services/ (there is none yet: ${directory} is missing), got: ${JSON.stringify(name)}`,
    );
  }
  return readValues("service", directory);
}

async function bringTo(
  { repository, regions, caCertificate }: ImagePlace,
  image: FetchedImage,
  skopeo: Skopeo,
): Promise<Pushed> {
  const trust = { caCertificate };
  const told = `${repository} (${regions.join(", ")})`;
  try {
    if (await skopeo.has(repository, image, trust)) {
      note(`${told} has it already`);
      return { repository, regions, state: "there already" };
    }
    note(`pushing to ${told}, as ${shortDigest(image.digest)}`);
    await skopeo.push(repository, image, trust);
    return { repository, regions, state: "pushed" };
  } catch (error) {
    const problem = `${(error as Error).message}${adviceFor((error as Error).message, repository)}`;
    note(`${told}: ${problem}`);
    return { repository, regions, state: "failed", problem };
  }
}

/** What helps against the refusals that a first push meets. */
function adviceFor(problem: string, repository: string): string {
  if (/unauthorized|authentication required|denied|no basic auth/i.test(problem)) {
    return `; to sign in: skopeo login ${registryOf(repository)}`;
  }
  if (/name unknown|repository.*not (found|exist)/i.test(problem)) {
    return `; the repository is made first: docs/services.md, "Where images come from"`;
  }
  return "";
}
