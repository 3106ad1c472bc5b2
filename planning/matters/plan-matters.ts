import { type PlanJson } from "../plan/plan-json";
import { type StackConfiguration } from "../stack/synthesized-stacks";
import { type Contents } from "./contents";
import { departureMatters } from "./departures";
import { groupMatters } from "./group-matters";
import { hostMatters } from "./host-matters";
import { type Matter } from "./matter";
import { stackHosts } from "./stack-hosts";
import { workloadMatters } from "./workload-matters";

/** What a plan starts from. */
export interface Earlier {
  /** The configuration that counts as deployed. @default - what the plan says is deployed */
  readonly configuration?: StackConfiguration;
  /** What dedicated servers hold, by their names. @default - what the configuration says */
  readonly hosts?: ReadonlyMap<string, Contents>;
}

/** What a plan of a stack does to machines and workloads, in the order in which it happens. */
export function planMatters(configuration: StackConfiguration, plan: PlanJson, earlier: Earlier): Matter[] {
  const changes = plan.resource_changes ?? [];
  const base = earlier.configuration;
  const held = new Map([
    ...(base === undefined ? [] : stackHosts(base)).map(({ name, contents }) => [name, contents] as const),
    ...(earlier.hosts ?? []),
  ]);
  return [
    ...hostMatters(stackHosts(configuration), changes, held),
    ...departureMatters(configuration, changes, held),
    ...groupMatters(configuration, changes, base),
    ...workloadMatters(configuration, changes, base),
  ];
}
