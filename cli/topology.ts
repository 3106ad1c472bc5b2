import { readFileSync, writeFileSync } from "node:fs";
import pc from "picocolors";
import { regionViews } from "../constructs/topology/region-view";
import { svgPicture } from "../constructs/topology/svg-picture";
import { textPicture } from "../constructs/topology/text-picture";
import { TOPOLOGY_SCHEMA, type TopologyRun } from "../constructs/topology";
import { readOptions } from "../planning/read-options";

const USAGE = `usage: tricloud topology [REGION...] [--svg FILE | --json] [--from FILE]

Draws what is deployed where, which name leads where and what calls what across regions, from the synthesised
stacks. The picture of one region tells more of it than that of several side by side.

  REGION      only these regions; all without
  --svg FILE  write the picture to a file instead of the terminal
  --json      what the picture is made of
  --from FILE read this instead of cdktf.out/topology.json`;

/**
 * @returns the exit code
 * @throws Error for wrong arguments or files
 */
export function main(args: readonly string[], stdout: NodeJS.WriteStream): number {
  const { values, positionals } = readCommandLine(args);
  if (values.help) {
    stdout.write(`${USAGE}\n`);
    return 0;
  }
  if (values.json && values.svg !== undefined) throw new Error("--json and --svg exclude each other");
  const run = chosen(readRun(values.from), positionals);
  const views = regionViews(run);
  if (values.json) stdout.write(`${JSON.stringify(run, undefined, 2)}\n`);
  else if (values.svg !== undefined) writeFileSync(values.svg, svgPicture(views));
  else stdout.write(textPicture(views, pc.createColors(stdout.isTTY === true && pc.isColorSupported)));
  return 0;
}

function readCommandLine(args: readonly string[]) {
  return readOptions("topology", {
    args: [...args],
    allowPositionals: true,
    options: {
      svg: { type: "string" },
      json: { type: "boolean", default: false },
      from: { type: "string", default: "cdktf.out/topology.json" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
}

function readRun(file: string): TopologyRun {
  let run: Partial<TopologyRun>;
  try {
    run = JSON.parse(readFileSync(file, "utf8")) as Partial<TopologyRun>;
  } catch (error) {
    throw new Error(`${file}: cannot be read (${(error as Error).message}); synthesise first`, {
      cause: error,
    });
  }
  if (run.schema !== TOPOLOGY_SCHEMA || run.regions === undefined) {
    throw new Error(`${file}: expected schema ${TOPOLOGY_SCHEMA}, got: ${JSON.stringify(run.schema)}`);
  }
  return { links: [], ...run } as TopologyRun;
}

function chosen(run: TopologyRun, names: readonly string[]): TopologyRun {
  const known = run.regions.map(({ region }) => region);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new Error(`expected a region, one of ${known.join(", ")}, got: ${unknown}`);
  return names.length === 0
    ? run
    : {
        ...run,
        regions: run.regions.filter(({ region }) => names.includes(region)),
        links: run.links.filter(({ from, to }) => names.some((name) => name === from || name === to)),
      };
}
