import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { App } from "cdktf";
import type { IConstruct } from "constructs";
import pc from "picocolors";
import { type AvailabilityRun, collectAvailability } from "./constructs/availability";
import { loadRegions } from "./constructs/region";
import { collectTopology } from "./constructs/topology";
import { addRegions } from "./stacks";
import { RegionStack } from "./stacks/region-stack";

const { red, yellow } = pc.createColors(process.stderr.isTTY === true && pc.isColorSupported);

const USAGE = `usage: npm run synth

Writes the Terraform configuration of every stack to cdktf.out/stacks.
TRICLOUD_REGIONS names another directory of regions.

  --availability  only assess the stacks: write what npm run availability and npm run topology read
`;

/**
 * Every region is validated before anything is constructed, and everything constructed before anything is written.
 * With `--availability` the stacks are assessed and not synthesised, so that a missed target can be looked at.
 */
async function main(): Promise<void> {
  const { values: options } = parseArgs({
    options: { availability: { type: "boolean" }, help: { type: "boolean", short: "h" } },
  });
  if (options.help) return void process.stdout.write(USAGE);
  // cdktf notes where each token was made: an eighth of the time of a synthesis that nobody debugs.
  if (process.env["DEBUG"] === undefined) Error.captureStackTrace = () => undefined;
  const regions = loadRegions(process.env["TRICLOUD_REGIONS"] ?? join(__dirname, "regions"));
  const isNew = !existsSync(process.env["CDKTF_OUTDIR"] ?? "cdktf.out");
  const app = new App({ stackTraces: false });
  const availability = await addRegions(app, regions)
    .then(() => collectAvailability(app))
    .catch((error: unknown) => {
      // cdktf makes the directory before there is anything to write.
      if (isNew) rmSync(app.outdir, { recursive: true, force: true });
      throw error;
    });
  warnOfAssumptions(availability);
  write(app, "availability.json", availability);
  write(app, "topology.json", collectTopology(app, regionOf));
  if (options.availability) return;
  refuseInvalid(app);
  app.synth();
}

/** A target that holds only while parts fail independently is met on paper; the report says more. */
function warnOfAssumptions({ stacks }: AvailabilityRun): void {
  for (const { stack, services } of stacks) {
    for (const { service, target } of services) {
      if (target?.verdict !== "met-if-independent") continue;
      console.error(
        `${yellow("warning")}: ${stack}/${service}: its target is met only if parts fail independently`,
      );
    }
  }
}

function write(app: App, name: string, value: unknown): void {
  writeFileSync(join(app.outdir, name), `${JSON.stringify(value, undefined, 2)}\n`);
}

const regionOf = (stack: IConstruct): string =>
  stack instanceof RegionStack ? stack.region.name : stack.node.id;

/** cdktf validates one stack after another, when the ones before are written already. */
function refuseInvalid(app: App): void {
  const problems = app.node
    .findAll()
    .flatMap((construct) => construct.node.validate().map((problem) => `${construct.node.path}: ${problem}`));
  if (problems.length > 0) throw new Error(problems.join("\n"));
}

main().catch((error: Error) => {
  console.error(error.message.replace(/^/gm, `${red("error")}: `));
  if (process.env["DEBUG"] !== undefined) console.error(error.stack);
  process.exitCode = 1;
});
