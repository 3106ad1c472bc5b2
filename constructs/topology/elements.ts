import type { IConstruct } from "constructs";

/** What a picture of a region is made of. */
export type TopologyElement =
  Machines | Workload | Store | Entrance | NameRule | OriginRule | Call | Federation;

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
export type WorkloadRole =
  "front" | "gateway" | "proxy" | "resolver" | "discovery-server" | "discovery-agent" | "application";

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

/** A database or cache that the region's provider runs, or somebody else. */
export interface Store {
  readonly kind: "store";
  readonly role: "database" | "cache";
  readonly name: string;
  /** For example `MySQL 8.4, db.t4g.medium`. */
  readonly type: string;
  /** Machines that hold the data, standbys among them. @default - not known */
  readonly copies?: number;
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

/** What answers under a host name that proxies forward to. */
export interface OriginRule {
  readonly kind: "origin";
  /** As callers give it: `api.example.com`. */
  readonly name: string;
  /** Services of stacks; those that none of the stacks declares are left out. */
  readonly answeredBy: readonly OriginService[];
  /** Whether something else answers too, or alone. */
  readonly elsewhere: boolean;
}

export interface OriginService {
  readonly stack: string;
  readonly service: string;
}

/** A program that calls another. */
export interface Call {
  readonly kind: "call";
  /** Name of the workload that calls. */
  readonly from: string;
  /** Name of a workload, of this region or of others, or the host name of an origin. */
  readonly to: string;
  /** Regions that answer where no such workload of this one does, the nearest first. @default - none */
  readonly standIns?: readonly string[];
}

/** Service discovery that is joined to another region's. */
export interface Federation {
  readonly kind: "federation";
  /** The other region. */
  readonly with: string;
  /** Whether instances there stand in when none here is healthy. */
  readonly failover: boolean;
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

const KINDS: readonly string[] = [
  "machines",
  "workload",
  "store",
  "entrance",
  "name",
  "origin",
  "call",
  "federation",
] satisfies TopologyElement["kind"][];

/** Whether a construct has a place in the picture. */
export function hasTopology(construct: IConstruct): construct is IConstruct & HasTopology {
  const elements: unknown = (construct as Partial<HasTopology>).topology;
  return (
    Array.isArray(elements) && elements.every((one: { kind?: unknown }) => KINDS.includes(String(one?.kind)))
  );
}

/** How a region's service discovery is joined to others', for the picture. */
export const federations = (peers: readonly string[], failoverTo: readonly string[] = []): Federation[] =>
  peers.map((peer) => ({ kind: "federation", with: peer, failover: failoverTo.includes(peer) }));
