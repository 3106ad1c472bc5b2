import { type AvailabilityRun, held } from "../../constructs/availability";
import type { Region } from "../../stacks/values/regions";
import { type ServiceInput, type ServiceValue, validateServices } from "../../stacks/values/services";

export const DIGEST = `sha256:${"1".repeat(64)}`;

/** An origin outside that services call. */
export const ORIGIN = "api.partner.example";

/** Makes services that say only what they must, and run in that region. */
export const servicesOf =
  (region: string) =>
  (name: string, port: number, changes: Partial<ServiceInput> = {}): ServiceInput => ({
    name,
    image: `${name}@${DIGEST}`,
    port,
    health: { path: "/healthz" },
    in: { [region]: {} },
    ...changes,
  });

export const validated = (
  services: readonly ServiceInput[],
  regions: readonly Region[],
): readonly ServiceValue[] =>
  validateServices(
    services.map((value) => ({ file: `${value.name}.ts`, value })),
    regions,
  );

/** Downtime share of each service of the run's first stack, by its name. */
export const downtimeShares = ({ stacks }: AvailabilityRun): Readonly<Record<string, number>> =>
  Object.fromEntries(stacks[0]!.services.map((each) => [each.service, downtimeShare(each)]));

/** Downtime share of each service of the run's stacks, by `STACK/SERVICE`. */
export const downtimeSharesOfAll = ({ stacks }: AvailabilityRun): Readonly<Record<string, number>> =>
  Object.fromEntries(
    stacks.flatMap(({ stack, services }) =>
      services.map((each) => [`${stack}/${each.service}`, downtimeShare(each)]),
    ),
  );

const downtimeShare = ({ results, target }: AvailabilityRun["stacks"][number]["services"][number]): number =>
  1 - held(results, target ?? {}).availability.lower;
