import type { IConstruct } from "constructs";

/** What a picture of a region is made of. */
export type TopologyElement = Machines | Workload | Entrance | NameRule;

/** One machine, or a group of machines that are alike. */
export interface Machines {
  readonly kind: "machines";
  readonly name: string;
  readonly count: number;
  /** What sort of machine: `dedicated server`, `t3.small`. */
  readonly type: string;
  /** Zones, racks or sites that the machines lie in. */
  readonly places: readonly string[];
  /** @default - each machine has its own */
  readonly address?: string;
}

/** What the machines are there for. */
export type WorkloadRole = "proxy" | "resolver" | "discovery-server" | "discovery-agent" | "application";

/** A program that runs on machines. */
export interface Workload {
  readonly kind: "workload";
  readonly role: WorkloadRole;
  /** What it is called. @default - what its role is called */
  readonly name?: string;
  /** Names of `Machines`; nothing for whatever machines the stack has. */
  readonly on: readonly string[];
  /** Copies, where it is not one on each machine. @default - one on each */
  readonly copies?: number;
  readonly port?: number;
  /** Proxies: where they forward to. */
  readonly origins?: readonly string[];
}

/** What takes connections for machines or workloads behind it. */
export interface Entrance {
  readonly kind: "entrance";
  readonly name: string;
  /** For example `internal network load balancer`. */
  readonly type: string;
  /** Name of the `Machines`, or of the Kubernetes Service, behind it. */
  readonly to: string;
  readonly port: number;
}

/** Where a name leads. */
export interface NameRule {
  readonly kind: "name";
  /** For example `*.ccnproxy-https`. */
  readonly name: string;
  readonly leadsTo: string;
  /** Who answers: `unbound`, `Consul`. */
  readonly answeredBy: string;
}

/** A construct that has a place in the picture. */
export interface HasTopology {
  /** Its place in the picture that `npm run topology` draws. */
  readonly topology: readonly TopologyElement[];
}

/** What lies in one region, over all of its stacks. */
export interface RegionTopology {
  readonly region: string;
  readonly stacks: readonly string[];
  readonly elements: readonly TopologyElement[];
}

/** `cdktf.out/topology.json`. Fields are added, never renamed or removed, while `schema` stays the same. */
export interface TopologyRun {
  readonly schema: typeof TOPOLOGY_SCHEMA;
  readonly regions: readonly RegionTopology[];
}

export const TOPOLOGY_SCHEMA = "tricloud/topology/v1";

const KINDS: readonly string[] = [
  "machines",
  "workload",
  "entrance",
  "name",
] satisfies TopologyElement["kind"][];

function hasTopology(construct: IConstruct): construct is IConstruct & HasTopology {
  const elements: unknown = (construct as Partial<HasTopology>).topology;
  return (
    Array.isArray(elements) && elements.every((one: { kind?: unknown }) => KINDS.includes(String(one?.kind)))
  );
}

/**
 * Everything that has a place in the picture under the stacks of an app.
 *
 * @param regionOf the region that a stack belongs to
 */
export function collectTopology(app: IConstruct, regionOf: (stack: IConstruct) => string): TopologyRun {
  const regions = new Map<string, { stacks: string[]; elements: TopologyElement[] }>();
  for (const stack of app.node.children) {
    const elements = stack.node
      .findAll()
      .flatMap((construct) => (hasTopology(construct) ? construct.topology : []));
    if (elements.length === 0) continue;
    const region = regions.get(regionOf(stack)) ?? { stacks: [], elements: [] };
    region.stacks.push(stack.node.id);
    region.elements.push(...elements);
    regions.set(regionOf(stack), region);
  }
  return {
    schema: TOPOLOGY_SCHEMA,
    regions: [...regions].map(([region, parts]) => ({ region, ...parts })),
  };
}
