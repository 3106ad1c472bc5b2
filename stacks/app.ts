import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { App } from "cdktf";
import type { IConstruct } from "constructs";
import pc from "picocolors";
import { addRegions } from ".";
import { type AvailabilityRun, collectAvailability } from "../constructs/availability";
import { loadGateways } from "./values/gateways";
import { commonNames } from "./common-names";
import { loadNames, namedHosts } from "./values/names";
import { loadRegions } from "./values/regions";
import { giveSecrets } from "./secrets/region-secrets";
import { loadServices } from "./values/services/load-services";
import { collectTopology } from "../constructs/topology";
import { RegionStack } from "./region-stack";
import { serviceCalls } from "./service-calls";

const { red } = pc.createColors(process.stderr.isTTY === true && pc.isColorSupported);
const { yellow } = pc.createColors(process.stdout.isTTY === true && pc.isColorSupported);

export interface SynthesisProps {
  /** Directory of the region values; `services`, `gateways` and `names` beside it, where they are, have theirs. */
  readonly regions: string;
  /** Assess the stacks and write none, so that a missed target can be looked at. */
  readonly onlyAssess: boolean;
}

/**
 * The app: every region is validated before anything is constructed, and everything constructed before anything is
 * written. What is wrong goes to standard error, which cdktf's command line calls errors; what is to be known, to standard
 * output.
 *
 * @returns whether nothing is
 */
export async function synthesise(props: SynthesisProps): Promise<boolean> {
  try {
    await synthesiseOrThrow(props);
    return true;
  } catch (error) {
    const { message, stack } = error as Error;
    console.error(message.replace(/^/gm, `${red("error")}: `));
    if (process.env["DEBUG"] !== undefined) console.error(stack);
    return false;
  }
}

async function synthesiseOrThrow({ regions: directory, onlyAssess }: SynthesisProps): Promise<void> {
  // cdktf notes where each token was made: an eighth of the time of a synthesis that nobody debugs.
  if (process.env["DEBUG"] === undefined) Error.captureStackTrace = () => undefined;
  const regions = loadRegions(directory);
  const names = loadNames(join(directory, "../names"), regions);
  const services = loadServices(join(directory, "../services"), regions, names);
  const gateways = loadGateways(join(directory, "../gateways"), regions, services, names);
  const isNew = !existsSync(process.env["CDKTF_OUTDIR"] ?? "cdktf.out");
  const app = new App({ stackTraces: false });
  const availability = await addRegions(app, regions, services, gateways, names)
    .then(() => collectAvailability(app))
    .catch((error: unknown) => {
      // cdktf makes the directory before there is anything to write.
      if (isNew) rmSync(app.outdir, { recursive: true, force: true });
      throw error;
    });
  warnOfAssumptions(availability);
  write(app, "availability.json", availability);
  const calls = serviceCalls(services, gateways);
  const named = names === undefined ? [] : namedHosts(names, services, regions, gateways);
  const more = (region: string) => [...calls(region), ...commonNames(named, region)];
  write(app, "topology.json", collectTopology(app, regionOf, more));
  if (onlyAssess) return;
  refuseInvalid(app);
  app.synth();
  const stacks = app.node.children.filter((child) => child instanceof RegionStack);
  for (const warning of giveSecrets(stacks, app.outdir)) console.log(`${yellow("warning")}: ${warning}`);
}

/** A target that holds only while parts fail independently is met on paper; the report says more. */
function warnOfAssumptions({ stacks }: AvailabilityRun): void {
  for (const { stack, services } of stacks) {
    for (const { service, target } of services) {
      if (target?.verdict !== "met-if-independent") continue;
      console.log(
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
