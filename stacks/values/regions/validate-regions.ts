import { isIPv4 } from "node:net";
import { z } from "zod";
import { Cidr } from "../../../constructs/grammar/cidr";
import { dedicatedRegion, type DedicatedRegion } from "./dedicated-region";
import { ec2Region, type Ec2Region } from "./ec2-region";
import { gkeRegion, type GkeRegion } from "./gke-region";
import { InvalidRegionsError, problemsOf, type RegionProblem } from "./region-errors";

export type Region = DedicatedRegion | Ec2Region | GkeRegion;

/** A value of any platform's, checked alone. */
export const anyRegion = z.discriminatedUnion("platform", [dedicatedRegion, ec2Region, gkeRegion], {
  error: ({ input }) =>
    typeof input === "object" && input !== null
      ? 'expected a platform: "dedicated", "ec2" or "gke"'
      : "expected an object with the region's fields",
});

/** A value as read, with where it came from for messages. */
export interface ValueSource {
  /** File the value was read from. */
  readonly file: string;
  readonly value: unknown;
}

/**
 * Checks each region value alone, then all of them together.
 *
 * @throws InvalidRegionsError that lists every problem found.
 */
export function validateRegions(sources: readonly ValueSource[]): Region[] {
  const problems: RegionProblem[] = [];
  const regions: Region[] = [];
  for (const source of sources) {
    const result = anyRegion.safeParse(source.value);
    if (result.success) regions.push(result.data);
    else {
      const name = nameOf(source);
      problems.push(
        ...problemsOf(source.value, result.error).map((problem) => ({ region: name, ...problem })),
      );
    }
  }
  problems.push(
    ...nameClashes(regions),
    ...overlappingNetworks(regions),
    ...federationProblems(regions),
    ...regions.flatMap((region) => nearestProblems(region, regions)),
    ...regions.filter(allowsNothing).map(({ name }) => ({
      region: name,
      path: "proxy.allow",
      value: "[]",
      expectation: "expected at least one allowed origin, here or in origins",
    })),
    ...regions.flatMap(verifiesNothing),
  );
  if (problems.length > 0) throw new InvalidRegionsError(problems);
  return regions;
}

const allowsNothing = ({ proxy, origins }: Region): boolean =>
  proxy.allow.length === 0 && Object.keys(origins).length === 0;

const verifiesNothing = (region: Region): RegionProblem[] => {
  if (region.platform === "gke" || region.consul.tls || region.consul.tlsVerification === undefined)
    return [];
  return [
    {
      region: region.name,
      path: "consul.tlsVerification",
      value: JSON.stringify(region.consul.tlsVerification),
      expectation: "expected no such field where tls is false, for there are no certificates to ask for",
    },
  ];
};

/** What messages call a value. */
export function nameOf({ file, value }: ValueSource): string {
  const name = typeof value === "object" && value !== null ? (value as { name?: unknown }).name : undefined;
  return typeof name === "string" ? name : file;
}

function* pairs<T>(items: readonly T[]): Generator<[earlier: T, later: T]> {
  for (const [index, later] of items.entries()) {
    for (const earlier of items.slice(0, index)) yield [earlier, later];
  }
}

function nameClashes(regions: readonly Region[]): RegionProblem[] {
  return [...pairs(regions)]
    .filter(([earlier, later]) => earlier.name === later.name)
    .map(([, later]) => ({
      region: later.name,
      path: "name",
      value: JSON.stringify(later.name),
      expectation: "expected a name that no other region has",
    }));
}

function overlappingNetworks(regions: readonly Region[]): RegionProblem[] {
  const networks = regions.flatMap((each) =>
    networksOf(each).flatMap(({ path, cidr }) => {
      const parsed = Cidr.parse(cidr);
      return parsed === undefined ? [] : [{ region: each.name, path, text: cidr, parsed }];
    }),
  );
  return [...pairs(networks)]
    .filter(([earlier, later]) => earlier.parsed.overlaps(later.parsed))
    .filter(([earlier, later]) => earlier.region !== later.region)
    .map(([earlier, later]) => ({
      region: later.region,
      path: later.path,
      value: JSON.stringify(later.text),
      expectation: `expected a network that does not overlap ${earlier.text} of region ${earlier.region}`,
    }));
}

/** Datacenters that cannot federate: their servers would turn one another away, or not know whose tokens hold. */
function federationProblems(regions: readonly Region[]): RegionProblem[] {
  const disagreements = [...pairs(regions)]
    .filter(
      ([earlier, later]) => peersOf(earlier).includes(later.name) || peersOf(later).includes(earlier.name),
    )
    .flatMap(([earlier, later]) =>
      (["tls", "acl", "primaryDatacenter"] as const)
        .map((field) => ({ field, one: agreed(earlier, field), other: agreed(later, field) }))
        .filter(({ one, other }) => one !== other)
        .map(({ field, one, other }) => ({
          region: later.name,
          path: `consul.${field}`,
          value: JSON.stringify(other) ?? "nothing",
          expectation: `expected ${JSON.stringify(one) ?? "nothing"} as in region ${earlier.name}, with which it federates`,
        })),
    );
  return [
    ...regions.flatMap((region) => primaryProblems(region, regions)),
    ...regions.flatMap(failoverProblems),
    ...regions.flatMap((region) => strayPeers(region, regions)),
    ...disagreements,
  ];
}

function nearestProblems({ name, nearest }: Region, regions: readonly Region[]): RegionProblem[] {
  const others = regions.map((other) => other.name).filter((other) => other !== name);
  return nearest.flatMap((near, index) => {
    const isRepeated = nearest.indexOf(near) < index;
    if (others.includes(near) && !isRepeated) return [];
    return [
      {
        region: name,
        path: `nearest[${index}]`,
        value: JSON.stringify(near),
        expectation: isRepeated
          ? "expected each region once"
          : `expected another region (${others.join(", ") || "there is none"})`,
      },
    ];
  });
}

/** What federated regions must agree on. One that names no other is joined by them, and holds its own tokens. */
function agreed(region: Region, field: "tls" | "acl" | "primaryDatacenter"): string | boolean | undefined {
  const holdsItsOwn = field === "primaryDatacenter" && region.consul.acl && peersOf(region).length === 0;
  return region.consul[field] ?? (holdsItsOwn ? region.name : undefined);
}

/** Servers of one datacenter with addresses of another region. */
function strayPeers(region: Region, regions: readonly Region[]): RegionProblem[] {
  return Object.entries(region.consul.peers).flatMap(([peer, addresses]) =>
    addresses.flatMap((address, index) => {
      const owner = regions.find(
        (other) =>
          isIPv4(address) && networksOf(other).some(({ cidr }) => Cidr.parse(cidr)?.contains(address)),
      );
      if (owner === undefined || owner.name === peer) return [];
      return [
        {
          region: region.name,
          path: `consul.peers.${peer}[${index}]`,
          value: JSON.stringify(address),
          expectation: `expected an address of region ${peer}, not one in the network of region ${owner.name}`,
        },
      ];
    }),
  );
}

/** Datacenters to fail over to that the servers here know nothing of. */
function failoverProblems(region: Region): RegionProblem[] {
  const known = peersOf(region);
  return region.consul.failoverTo.flatMap((datacenter, index) =>
    known.includes(datacenter)
      ? []
      : [
          {
            region: region.name,
            path: `consul.failoverTo[${index}]`,
            value: JSON.stringify(datacenter),
            expectation: `expected a datacenter of consul.peers (${known.join(", ") || "none"})`,
          },
        ],
  );
}

function primaryProblems(region: Region, regions: readonly Region[]): RegionProblem[] {
  const { acl, primaryDatacenter } = region.consul;
  const peers = peersOf(region);
  const joining = regions.filter((other) => peersOf(other).includes(region.name)).map(({ name }) => name);
  const members = [...new Set([region.name, ...peers, ...joining])];
  const isMissing = acl && primaryDatacenter === undefined && peers.length > 0;
  const isStranger = primaryDatacenter !== undefined && !members.includes(primaryDatacenter);
  if (!isMissing && !isStranger) return [];
  return [
    {
      region: region.name,
      path: "consul.primaryDatacenter",
      value: JSON.stringify(primaryDatacenter) ?? "nothing",
      expectation: `expected the datacenter whose tokens hold for all: one of ${members.join(", ")}`,
    },
  ];
}

const peersOf = ({ name, consul }: Region): string[] =>
  Object.keys(consul.peers).filter((peer) => peer !== name);

function networksOf(each: Region): { path: string; cidr: string }[] {
  return [{ path: "cidr", cidr: each.cidr }];
}
