import type { Link } from "./links";
import { machineGroups, type MachinesView } from "./machine-groups";
import type { Call, Entrance, NameRule, RegionTopology, Store, Workload, WorkloadRole } from "./elements";
import { elementsOf } from "./elements-of";
import type { TopologyRun } from "./topology";

/** What runs on some machines, in words for people. */
export const ROLE_WORDS: Readonly<Record<WorkloadRole, string>> = {
  front: "front (HAProxy)",
  gateway: "API gateway",
  proxy: "aggregation proxy",
  resolver: "unbound",
  "discovery-server": "Consul server",
  "discovery-agent": "Consul agent",
  application: "applications",
};

/** A region as it is drawn: by machines, databases and caches, entrances, names and calls. */
export interface RegionView {
  readonly region: string;
  readonly stacks: readonly string[];
  readonly machines: readonly MachinesView[];
  readonly stores: readonly Store[];
  readonly entrances: readonly Entrance[];
  readonly names: readonly NameRule[];
  readonly calls: readonly Call[];
  /** Lines that begin or end here. */
  readonly links: readonly Link[];
  /** One request to another cloud, step by step; empty where the region has no proxy. */
  readonly path: readonly string[];
}

/** Each region of a run as it is drawn. */
export const regionViews = ({ regions, links }: TopologyRun): RegionView[] =>
  regions.map((region) => regionView(region, links));

export function regionView(topology: RegionTopology, links: readonly Link[]): RegionView {
  const { region, stacks } = topology;
  const workloads = elementsOf(topology, "workload");
  const machines = machineGroups(elementsOf(topology, "machines"), workloads);
  return {
    region,
    stacks,
    machines,
    stores: elementsOf(topology, "store"),
    entrances: elementsOf(topology, "entrance"),
    names: elementsOf(topology, "name"),
    calls: elementsOf(topology, "call"),
    links: links.filter(({ from, to }) => from === region || to === region),
    path: requestPath(machines, elementsOf(topology, "name"), workloads),
  };
}

function requestPath(
  machines: readonly MachinesView[],
  names: readonly NameRule[],
  workloads: readonly Workload[],
): string[] {
  const proxy = workloads.find(({ role }) => role === "proxy");
  const suffix = names.find(({ name }) => name === "*.ccnproxy-https");
  const origin = proxy?.origins?.[0];
  if (proxy === undefined || suffix === undefined || origin === undefined) return [];
  const proxies = machines.filter((each) => each.workloads.some(({ role }) => role === "proxy"));
  const sender =
    machines.find(isForApplications) ?? machines.find((each) => !proxies.includes(each)) ?? machines[0];
  return [
    `an application on ${sender?.name} asks for http://${origin.replace(/^\*/, "api")}.ccnproxy-https/`,
    `its unbound answers: ${suffix.leadsTo}`,
    `Consul names the healthy proxies: ${proxies.map(({ name }) => (proxy.copies === undefined ? name : `${proxy.copies} pods on ${name}`)).join(", ")}`,
    `a proxy (port ${proxy.port}) sends it on over a TLS connection that is already open`,
    `${origin.replace(/^\*/, "api")} answers after one round trip`,
  ];
}

const isForApplications = ({ workloads }: MachinesView): boolean =>
  workloads.some(({ role }) => role === "application") ||
  workloads.every(({ role }) => role === "resolver" || role === "discovery-agent");
