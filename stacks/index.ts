import type { App } from "cdktf";
import type { IConstruct } from "constructs";
import type { DeclaresServices } from "../constructs/availability";
import {
  InvalidRegionsError,
  isGroup,
  type OriginFigure,
  type Region,
  type RegionProblem,
} from "./values/regions";
import { namedHosts, type NamesValue } from "./values/names";
import type { GatewayValue } from "./values/gateways";
import { shownGateway } from "./values/gateways/gateway-entrances";
import type { ServiceValue } from "./values/services";

/*
 * Each platform's bindings take time and memory to load, so a platform that no region uses is not loaded.
 */

/**
 * Adds the stacks of one region, whichever platform it runs on.
 *
 * @throws Error when the region has availability targets for services that none of its stacks declares
 */
export async function addStacks(
  app: App,
  region: Region,
  services: readonly ServiceValue[] = [],
  gateways: readonly GatewayValue[] = [],
): Promise<readonly RegionStacks[]> {
  const stacks = await stacksOf(app, region, services, gateways);
  const problems = unknownTargets(region, stacks.flatMap(namesOf));
  if (problems.length > 0) throw new InvalidRegionsError(problems);
  return stacks;
}

/**
 * Adds the stacks of all regions.
 *
 * @param names public names that regions have in common. @default - none
 * @throws Error that names every mistake found, with its region: what addStacks throws, and origins at services that no
 *   stack of the app declares
 */
export async function addRegions(
  app: App,
  regions: readonly Region[],
  services: readonly ServiceValue[] = [],
  gateways: readonly GatewayValue[] = [],
  names?: NamesValue,
): Promise<void> {
  const declared = new Map<string, readonly string[]>();
  const refusals: string[] = [];
  for (const region of regions) {
    try {
      for (const stack of await addStacks(app, region, services, gateways))
        declared.set(stack.node.id, namesOf(stack));
    } catch (error) {
      const { message } = error as Error;
      refusals.push(message.replace(/^(?!region )/gm, `region ${region.name}: `));
    }
  }
  // What stacks declare that could not be made, nobody knows.
  if (refusals.length > 0) throw new Error(refusals.join("\n"));
  if (names !== undefined) {
    const hosts = namedHosts(names, services, regions, gateways);
    const { NamesStack } = await import("./names");
    const stack = new NamesStack(app, names, hosts);
    declared.set(stack.node.id, namesOf(stack));
  }
  const problems = regions.flatMap((region) => unknownOrigins(region, declared));
  if (problems.length > 0) throw new InvalidRegionsError(problems);
}

type RegionStacks = DeclaresServices & IConstruct;

const namesOf = (stack: DeclaresServices): string[] => stack.services.map(({ name }) => name);

function unknownTargets({ name, availability }: Region, services: readonly string[]): RegionProblem[] {
  return Object.keys(availability.targets)
    .filter((target) => !services.includes(target))
    .map((target) => ({
      region: name,
      path: "availability.targets",
      value: target,
      expectation: `expected services of its stacks (${services.join(", ")})`,
    }));
}

function unknownOrigins(
  { name, origins }: Region,
  services: ReadonlyMap<string, readonly string[]>,
): RegionProblem[] {
  const known = [...services]
    .flatMap(([stack, names]) => names.map((service) => `${stack}/${service}`))
    .sort();
  return Object.entries(origins).flatMap(([host, origin]) => {
    const path = `origins[${JSON.stringify(host)}]`;
    const figures: readonly [path: string, figure: OriginFigure][] = isGroup(origin)
      ? origin.origins.map((member, index) => [`${path}.origins[${index}]`, member])
      : [[path, origin]];
    return figures.flatMap(([place, figure]) => {
      if (!("stack" in figure) || known.includes(`${figure.stack}/${figure.service}`)) return [];
      return [
        {
          region: name,
          path: place,
          value: `${figure.stack}/${figure.service}`,
          expectation: `expected a service of a stack of this app (${known.join(", ")})`,
        },
      ];
    });
  });
}

async function stacksOf(
  app: App,
  region: Region,
  services: readonly ServiceValue[],
  gateways: readonly GatewayValue[],
): Promise<readonly RegionStacks[]> {
  switch (region.platform) {
    case "dedicated": {
      const { JpStack } = await import("./jp");
      return [new JpStack(app, region, services, gateways)];
    }
    case "ec2": {
      const [{ UsStack }, { repositoriesToMake, UsImagesStack }] = [
        await import("./us"),
        await import("./us-images"),
      ];
      const stack = new UsStack(app, region, services, gateways);
      const hasOwnImages = repositoriesToMake(region, services).length > 0;
      return hasOwnImages ? [stack, new UsImagesStack(app, region, services)] : [stack];
    }
    case "gke": {
      const [{ UkStack }, { UkWorkloadsStack }] = [await import("./uk"), await import("./uk-workloads")];
      const cluster = new UkStack(app, region, [...services, ...gateways.map(shownGateway)]);
      return [cluster, new UkWorkloadsStack(app, cluster, services, gateways)];
    }
  }
}
