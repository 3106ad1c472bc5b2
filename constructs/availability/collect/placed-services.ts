import type { IConstruct } from "constructs";
import { type Block, blockOf, type BlockSource, component, type Component } from "../calculus/block";
import type { HasFailover, Switching } from "../calculus/failover";
import { replaced } from "../calculus/fold";
import type { RollingMaintenance } from "../calculus/planned-work";
import { fails, fullBlock, isSoftened, type Outcome, requiredBlock, service } from "../calculus/service";
import type { Ground, HasInstances, Site } from "../calculus/site";
import { type DeclaredService, remoteName, remoteOf } from "./declared-services";
import { type ResolvedService, resolvedServices } from "./resolved-services";
import { BlockStore, restored, type StoredBlock } from "./stored-block";

/** A construct that says what a service would stand on in its region. */
export interface OffersSites {
  readonly sites: readonly Site[];
}

/** One service of the app wherever it runs, and where else it might: in a run, as plain JSON. */
export interface PlacedService {
  readonly service: string;
  /** Instances that its callers' load takes, those of all regions together. */
  readonly load: number;
  readonly grounds: readonly StoredGround[];
  /** How callers come to another region; null where nothing takes them there yet. */
  readonly switching: Switching | null;
  /** Services that name it, and what becomes of them without it. */
  readonly users: readonly { readonly stack: string; readonly service: string; readonly without: Outcome }[];
}

export interface StoredGround {
  readonly region: string;
  readonly runs: boolean;
  readonly requires: readonly StoredBlock[];
  readonly instances: readonly StoredBlock[];
  readonly degradesWithout: readonly StoredBlock[];
  /** What its callers in this region use, wherever it stands. */
  readonly callersUse?: readonly StoredBlock[];
  readonly parts: Readonly<Record<string, StoredBlock>>;
  /** What it costs there that callers must leave instances that failed. */
  readonly leaving?: readonly Component[];
  /** Planned work on what it needs there. */
  readonly plans?: readonly RollingMaintenance[];
  /** What it uses of other regions, having none of its own. */
  readonly brought: readonly { readonly what: string; readonly from: string }[];
}

/**
 * Every service of the tree by its name, with what it is made of in each region that it runs in, and what it would be
 * made of where a site is.
 *
 * @throws RangeError for a site that a region offers twice
 */
export function placedServices(root: IConstruct, declared: readonly DeclaredService[]): PlacedService[] {
  const sites = declaredSites(root);
  const drafts = [...byName(declared)].map(([name, group]) => draft(name, group, sites));
  const grounds = drafts.flatMap((one) => one.grounds);
  const resolved = resolvedServices([...declared, ...grounds.map(({ declaredAs }) => declaredAs)]);
  const blocks = new Map(
    grounds.map((ground, at) => [ground, resolved[declared.length + at] as ResolvedService]),
  );
  return drafts.map(({ name, load, switching, grounds: own }): PlacedService => {
    return {
      service: name,
      load,
      switching: switching ?? null,
      grounds: own.map((ground) => storedGround(ground, blocks.get(ground) as ResolvedService)),
      users: usersOf(name, declared),
    };
  });
}

/** The ground that was stored. */
export function restoredGround(ground: StoredGround): Ground {
  const restore = (blocks: readonly StoredBlock[]): Block[] =>
    blocks.map((block) => restored(block, ground.parts));
  return {
    region: ground.region,
    runs: ground.runs,
    requires: restore(ground.requires),
    instances: restore(ground.instances),
    degradesWithout: restore(ground.degradesWithout),
    callersUse: restore(ground.callersUse ?? []),
    leaving: ground.leaving,
    plans: ground.plans,
  };
}

const regionOf = ({ stack, service: one }: DeclaredService): string => one.region ?? stack;

function byName(declared: readonly DeclaredService[]): Map<string, DeclaredService[]> {
  const groups = new Map<string, DeclaredService[]>();
  for (const one of declared) groups.set(one.service.name, [...(groups.get(one.service.name) ?? []), one]);
  return groups;
}

function declaredSites(root: IConstruct): Site[] {
  const found = root.node.findAll().flatMap((one) => {
    const sites: unknown = (one as Partial<OffersSites>).sites;
    return Array.isArray(sites) ? (sites as Site[]) : [];
  });
  const regions = new Set<string>();
  for (const { region } of found) {
    if (regions.has(region)) throw new RangeError(`region "${region}" offers two sites`);
    regions.add(region);
  }
  return found;
}

interface Draft {
  readonly name: string;
  readonly load: number;
  readonly switching: Switching | undefined;
  readonly grounds: readonly DraftGround[];
}

interface DraftGround {
  readonly region: string;
  readonly runs: boolean;
  /** Requirements in this order: what all instances need, what callers use (so many), then so many instances. */
  readonly declaredAs: DeclaredService;
  readonly callersUse: number;
  readonly instances: number;
  readonly leaving: readonly Component[];
  readonly brought: StoredGround["brought"];
}

/** What services of one name bring or lend, each thing from the first of them that has it. */
function ofAll(
  group: readonly DeclaredService[],
  kind: "brings" | "lends",
): Map<string, { readonly from: string; readonly source: BlockSource }> {
  const found = new Map<string, { readonly from: string; readonly source: BlockSource }>();
  for (const one of group) {
    for (const [what, source] of Object.entries(one.service.placing?.[kind] ?? {})) {
      if (!found.has(what)) found.set(what, { from: regionOf(one), source });
    }
  }
  return found;
}

function draft(name: string, group: readonly DeclaredService[], sites: readonly Site[]): Draft {
  const [brought, lent] = [ofAll(group, "brings"), ofAll(group, "lends")];
  const ground = (
    region: string,
    runs: boolean,
    parts: Pick<Required<Site>, "requires" | "degradesWithout"> & {
      readonly maintenance: RollingMaintenance | undefined;
      readonly on: HasInstances | undefined;
      readonly instances: readonly BlockSource[];
      readonly callersUse: readonly BlockSource[];
    },
    own: Readonly<Record<string, BlockSource>>,
  ): DraftGround => {
    const used = new Map(runs ? brought : [...brought, ...lent]);
    const missing = [...used].filter(([what]) => !(what in own));
    const requires = [
      ...parts.requires,
      ...Object.entries(own).flatMap(([what, source]) => (runs || used.has(what) ? source : [])),
      ...missing.map(([, { source }]) => source),
    ];
    const { callersUse } = parts;
    return {
      region,
      runs,
      callersUse: callersUse.length,
      instances: parts.instances.length,
      leaving: (parts.on as Partial<HasFailover> | undefined)?.failover?.cost.parts ?? [],
      brought: missing.map(([what, { from }]) => ({ what, from })),
      declaredAs: {
        stack: `${name} placed in ${region}`,
        service: service(name, {
          requires: [...new Set(requires), ...callersUse, ...parts.instances],
          degradesWithout: parts.degradesWithout,
          maintenance: parts.maintenance,
        }),
      },
    };
  };
  const running = group.map((one) => {
    const { requires, degradesWithout, placing, maintenance } = one.service;
    const own = { ...placing?.brings, ...placing?.lends };
    const callersUse = placing?.callersUse ?? [];
    const others = new Set<BlockSource>([
      ...Object.values(own),
      ...callersUse,
      ...(placing ? [placing.on] : []),
    ]);
    return ground(
      regionOf(one),
      true,
      {
        requires: placing === undefined ? [] : requires.filter((source) => !others.has(source)),
        instances: placing?.on.instances ?? [requiredBlock(one.service)],
        degradesWithout: degradesWithout.map((soft) => (isSoftened(soft) ? soft.block : soft)),
        maintenance,
        on: placing?.on,
        callersUse,
      },
      own,
    );
  });
  const placings = group.flatMap(({ service: { placing } }) => placing ?? []);
  const free = sites.filter(({ region }) => !group.some((one) => regionOf(one) === region));
  const possible = placings.length === 0 ? [] : free;
  return {
    name,
    load: Math.max(
      1,
      placings.reduce((sum, { neededInstances = 1 }) => sum + neededInstances, 0),
    ),
    switching: placings.find(({ switching }) => switching !== undefined)?.switching,
    grounds: [
      ...running,
      ...possible.map(({ region, on, requires = [], degradesWithout = [], maintenance, own = {} }) =>
        ground(
          region,
          false,
          { requires, degradesWithout, maintenance, on, instances: on.instances, callersUse: [] },
          own,
        ),
      ),
    ],
  };
}

function storedGround(
  { region, runs, callersUse, instances, leaving, brought }: DraftGround,
  whole: ResolvedService,
): StoredGround {
  const store = new BlockStore();
  const stored = whole.requires.map((source) => store.store(blockOf(source)));
  const soft = whole.degradesWithout.map((one) => store.store(blockOf(isSoftened(one) ? one.block : one)));
  const ofAll = stored.length - instances - callersUse;
  return {
    region,
    runs,
    requires: stored.slice(0, ofAll),
    instances: stored.slice(ofAll + callersUse),
    degradesWithout: soft,
    callersUse: stored.slice(ofAll, ofAll + callersUse),
    parts: store.parts,
    leaving,
    plans: whole.plans,
    brought,
  };
}

/** What becomes of each service that names it anywhere when it is down everywhere. */
function usersOf(name: string, declared: readonly DeclaredService[]): PlacedService["users"] {
  const away = new Set(
    declared.filter((one) => one.service.name === name).map((one) => remoteName(remoteOf(one))),
  );
  return declared.flatMap((one) => {
    if (one.service.name === name) return [];
    const named = new Set<string>();
    const mark = (block: Block): Block =>
      replaced(block, (leaf) => {
        if (leaf.type !== "remote") return undefined;
        if (away.has(remoteName(leaf))) named.add(remoteName(leaf));
        return component(`remote ${remoteName(leaf)}`, { unavailability: 0 });
      });
    const [required, full] = [mark(requiredBlock(one.service)), mark(fullBlock(one.service))];
    const beside = usedBeside(one, declared, name);
    if (named.size === 0) {
      return beside === "full" ? [] : [{ stack: one.stack, service: one.service.name, without: beside }];
    }
    const down = new Set([...named].map((each) => `remote ${each}`));
    const without =
      beside === "down" || fails(required, down) ? "down" : fails(full, down) ? "degraded" : beside;
    return [{ stack: one.stack, service: one.service.name, without }];
  });
}

/** What becomes of a service that uses one of that name by what carries it, as services of one stack do. */
function usedBeside(
  { service: user }: DeclaredService,
  declared: readonly DeclaredService[],
  name: string,
): Outcome {
  const carriers = declared.flatMap(({ service: one }) => (one.name === name ? (one.placing?.on ?? []) : []));
  if (carriers.some((on) => user.requires.includes(on))) return "down";
  const soft = user.degradesWithout.map((one) => (isSoftened(one) ? one.block : one));
  return carriers.some((on) => soft.includes(on)) ? "degraded" : "full";
}
