import { extname } from "node:path";
import { readOptions } from "../planning/read-options";
import { nameOf, readRegions, type ValueSource, validateRegions } from "../stacks/values/regions";
import { withSkopeo } from "./images/skopeo";
import { regionsDirectory } from "./regions-directory";
import { NO_IMAGE, type PinnedValue, pinnedValues, PLACES, type Places } from "./versions/pinned-values";
import { reportJson, reportText, type Told } from "./versions/report";
import { Sources } from "./versions/sources";

const USAGE = `usage: tricloud versions [--region NAME] [--json]

Shows what each region's value pins, and what is newest where it comes from: Debian's image for EC2, Consul in the archive
that hosts install it from, HashiCorp's chart of Consul, container images with their digests. Then what to put in its place.
Nothing is written, and nothing is said of what could not be asked: that is named, with the reason.

  --region NAME  this region alone
  --json         the same as JSON, digests whole

NEWEST is the newest of the line that is held, such as 1.22 of Consul or 24 of Node; LATER one of a later line, whose notes
on upgrading are to be read first. A region on EC2 that names no image yet is told of one.

For images of EC2 it needs the AWS CLI, signed in (ec2:DescribeImages); for container images skopeo. All else is asked over
HTTP or HTTPS.

Exit codes: 0 everything was asked, newer or not; 1 something could not be; 2 wrong usage.
`;

/** @returns the exit code, as the usage says */
export async function main(args: readonly string[], places: Places = PLACES): Promise<number> {
  const { values } = readOptions("versions", {
    args: [...args],
    options: {
      region: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const read = readRegions(regionsDirectory());
  const regions = validateRegions(read.map(withImage));
  const known = regions.map(({ name }) => name);
  if (values.region !== undefined && !known.includes(values.region)) {
    throw new Error(`unknown region "${values.region}": known regions are ${known.sort().join(", ")}`);
  }
  const wanted = regions.filter(({ name }) => [undefined, name].includes(values.region));
  const told = await withSkopeo("versions", (skopeo) => {
    const sources = new Sources(skopeo);
    return Promise.all(wanted.flatMap((region) => pinnedValues(region, sources, places)).map(askedFor));
  });
  const inJson = new Set(read.filter(({ file }) => extname(file) === ".json").map(nameOf));
  process.stdout.write(values.json ? reportJson(told) : reportText(told, inJson));
  const problems = new Set(
    told.flatMap(({ pinned, problem }) => (problem === undefined ? [] : [`${pinned.service}: ${problem}`])),
  );
  for (const problem of problems) process.stderr.write(`versions: ${problem}\n`);
  return problems.size === 0 ? 0 : 1;
}

/** A value that is not whole before an image is found for it. */
function withImage({ file, value }: ValueSource): ValueSource {
  const { platform, image } = (value ?? {}) as { readonly platform?: unknown; readonly image?: unknown };
  if (platform !== "ec2" || image !== undefined) return { file, value };
  return { file, value: { ...(value as object), image: NO_IMAGE } };
}

async function askedFor(pinned: PinnedValue): Promise<Told> {
  try {
    return { pinned, answer: await pinned.ask() };
  } catch (error) {
    return { pinned, problem: (error as Error).message };
  }
}
