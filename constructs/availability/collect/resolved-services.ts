import { type Block, blockOf, type BlockSource, type Component, type Remote } from "../calculus/block";
import { type Failover, type HasFailover, switchingFrom } from "../calculus/failover";
import { fold, withParts } from "../calculus/fold";
import { plansOn, type RollingMaintenance } from "../calculus/planned-work";
import { isSoftened, type Service, type Softened } from "../calculus/service";
import { type DeclaredService, remoteName, remoteOf, remotesIn } from "./declared-services";
import { stronglyConnected } from "./strongly-connected";

/** A service with the compositions of other stacks' services in place of their names. */
export interface ResolvedService extends Service {
  /** Planned work on what it requires: its own, and that of the services it needs. */
  readonly plans: readonly RollingMaintenance[];
  /** Where others take over within what it requires of its own stack. */
  readonly failovers: readonly Failover[];
  /** What leaving failed services of other stacks costs it: stands first in what it requires. */
  readonly leaving: readonly Component[];
}

/**
 * Every service with what it needs of other stacks put in, so that a part shared with them counts once. All three
 * states come through: a service is degraded while one that it requires is, and while one that it would miss is not
 * at its best.
 *
 * Where services take over for one another, each stands on its own parts and on the others', without the way back:
 * nothing holds itself up (the least fixed point). A soft need that leads back to where it comes from counts as met
 * while the other service is up.
 *
 * @throws RangeError for a service that no stack declares, and for services that nothing but each other holds up
 */
export function resolvedServices(all: readonly DeclaredService[]): ResolvedService[] {
  const apart = putTogether(all);
  if (apart.every(({ leaving, missed }) => leaving.length + missed.length === 0)) return apart;
  const whole = all.map(({ stack, service }, at): DeclaredService => {
    const { leaving, missed } = apart[at] as PutTogether;
    const requires = [...leaving, ...service.requires];
    return {
      stack,
      service: { ...service, requires, degradesWithout: [...service.degradesWithout, ...missed] },
    };
  });
  return putTogether(whole).map((one, at) => {
    const { failovers, leaving } = apart[at] as PutTogether;
    return { ...one, failovers, leaving };
  });
}

interface PutTogether extends ResolvedService {
  /** What leaving failed services of other stacks costs those who would only miss them. */
  readonly missed: readonly Component[];
}

function putTogether(all: readonly DeclaredService[]): PutTogether[] {
  const services = new Map(all.map((one) => [nameOf(one), one]));
  const requires = bodies(all, ({ service }) => service.requires.map(blockOf));
  const softly = bodies(all, softBlocks);
  for (const [name, blocks] of [...requires, ...softly]) {
    for (const need of remotesIn(blocks)) checkDeclared(name, remoteName(need), [...services.keys()]);
  }

  const up = leastFixedPoint(requires);
  for (const name of services.keys()) checkHolds(name, requires, up);

  const loops = stronglyConnected([...services.keys()], (name) =>
    [...needsOf(requires, name), ...needsOf(softly, name)].map(remoteName),
  );
  const soft = (name: string, block: Block): Block =>
    put(block, (need) =>
      loops.get(remoteName(need)) === loops.get(name) ? up.seenFrom(name, remoteName(need)) : need,
    ) as Block;
  const full = leastFixedPoint(
    new Map(
      all.map((one) => {
        const name = nameOf(one);
        return [name, [...(requires.get(name) ?? []), ...softBlocks(one).map((block) => soft(name, block))]];
      }),
    ),
  );

  const degrades = (name: string): boolean =>
    [...reachable(name, requires)].some((other) => (softly.get(other) ?? []).length > 0);
  // Its own plan may not name what it does not hold; that of another counts for the hosts that stand in it.
  const plansOf = (name: string, required: readonly Block[]): RollingMaintenance[] =>
    [...reachable(name, requires)].flatMap((other) => {
      const plan = services.get(other)?.service.maintenance;
      if (plan === undefined) return [];
      return other === name ? [plan] : plansOn([plan], required);
    });
  const failoversOf = (name: string, sources: readonly (BlockSource | Softened)[]): Failover[] =>
    sources.flatMap((source) => {
      const { failover } = (isSoftened(source) ? source.block : source) as Partial<HasFailover>;
      if (failover?.from === undefined) return failover ?? [];
      const from = failover.from.map((block) => up.resolved(name, block));
      const limit = { timeLimitMillis: SWITCHING_MILLIS };
      return { ...failover, cost: switchingFrom(failover.name, from, failover.switching, limit) };
    });
  return all.map((one): PutTogether => {
    const name = nameOf(one);
    const { service } = one;
    const failovers = failoversOf(name, service.requires);
    const atBest = (block: Block): Block => full.resolved(name, soft(name, block));
    const needed = requires.get(name) ?? [];
    const required = needed.map((block) => up.resolved(name, block));
    return {
      ...service,
      requires: required,
      degradesWithout: [
        ...service.degradesWithout.map((each) =>
          isSoftened(each) ? { ...each, block: atBest(blockOf(each.block)) } : atBest(blockOf(each)),
        ),
        ...needed
          .filter((block) => remotesIn([block]).some((need) => degrades(remoteName(need))))
          .map((block) => full.resolved(name, block)),
      ],
      plans: plansOf(name, required),
      failovers,
      leaving: partsLater(failovers),
      missed: partsLater(failoversOf(name, service.degradesWithout)),
    };
  });
}

/** For how often one of those that a service switches between fails. */
const SWITCHING_MILLIS = 1000;

/** Costs that do not stand in the blocks already. */
const partsLater = (failovers: readonly Failover[]): Component[] =>
  failovers.flatMap(({ from, cost }) => (from === undefined ? [] : cost.parts));

type Bodies = ReadonlyMap<string, readonly Block[]>;

const nameOf = (one: DeclaredService): string => remoteName(remoteOf(one));

const softBlocks = ({ service }: DeclaredService): Block[] =>
  service.degradesWithout.map((soft) => blockOf(isSoftened(soft) ? soft.block : soft));

const bodies = (
  all: readonly DeclaredService[],
  blocksOf: (one: DeclaredService) => readonly Block[],
): Bodies => new Map(all.map((one) => [nameOf(one), blocksOf(one)]));

const needsOf = (all: Bodies, name: string): Remote[] => remotesIn(all.get(name) ?? []);

interface FixedPoint {
  /** What stands for a service; undefined where nothing holds it up. */
  readonly of: (name: string) => Block | undefined;
  /** What stands for `other` in `name`: without the way back where there is one. */
  readonly seenFrom: (name: string, other: string) => Block | undefined;
  /** A block of `name` with all that it names put in. */
  readonly resolved: (name: string, block: Block) => Block;
}

/**
 * The services' blocks put into one another. Those that lead back to one another begin with nothing and are put in as
 * often as there are of them, which is when nothing changes any more.
 */
function leastFixedPoint(all: Bodies): FixedPoint {
  const groups = stronglyConnected([...all.keys()], (name) => needsOf(all, name).map(remoteName));
  const members = new Map<number, string[]>();
  for (const [name, group] of groups) members.set(group, [...(members.get(group) ?? []), name]);
  const last = new Map<string, Block | undefined>();
  const before = new Map<string, Block | undefined>();
  // A group is numbered after all that it needs.
  for (const [, group] of [...members].sort(([a], [b]) => a - b)) {
    const inside = new Set(group);
    let now = new Map<string, Block | undefined>(group.map((name) => [name, undefined]));
    for (let round = 0; round < group.length; round++) {
      for (const name of group) before.set(name, now.get(name));
      const known = new Map<Block, Block | undefined>();
      const next = (one: Remote): Block | undefined =>
        inside.has(remoteName(one)) ? now.get(remoteName(one)) : last.get(remoteName(one));
      now = new Map(group.map((name) => [name, put(together(all.get(name) ?? []), next, known)]));
    }
    for (const name of group) last.set(name, now.get(name));
  }
  const seenFrom = (name: string, other: string): Block | undefined =>
    groups.get(name) === groups.get(other) ? (before.get(other) ?? last.get(other)) : last.get(other);
  return {
    of: (name) => last.get(name),
    seenFrom,
    resolved: (name, block) => {
      const made =
        put(block, (one) =>
          (groups.get(name) === groups.get(remoteName(one)) ? before : last).get(remoteName(one)),
        ) ?? put(block, (one) => last.get(remoteName(one)));
      if (made === undefined) throw new RangeError(`nothing holds up what ${name} needs`);
      return made;
    },
  };
}

/** A block with others in place of the services that it names, and without the branches that nothing stands for. */
function put(
  block: Block,
  replace: (one: Remote) => Block | undefined,
  known?: Map<Block, Block | undefined>,
): Block | undefined {
  return fold<Block | undefined>(
    block,
    (one, parts) => {
      if (one.type === "component") return one;
      if (one.type === "remote") return replace(one);
      const left = parts.filter((part) => part !== undefined);
      if (left.length === parts.length) return withParts(one, left);
      const needed = one.type === "series" ? parts.length : one.type === "parallel" ? 1 : one.k;
      if (left.length < needed) return undefined;
      return needed === 1 && left.length === 1 ? left[0] : { type: "atLeast", k: needed, blocks: left };
    },
    known,
  );
}

const together = (blocks: readonly Block[]): Block =>
  blocks.length === 1 ? (blocks[0] as Block) : { type: "series", blocks };

function reachable(name: string, all: Bodies): Set<string> {
  const found = new Set<string>();
  const open = [name];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (found.has(one)) continue;
    found.add(one);
    open.push(...needsOf(all, one).map(remoteName));
  }
  return found;
}

function checkDeclared(name: string, need: string, known: readonly string[]): void {
  if (known.includes(need)) return;
  throw new RangeError(
    `${name} requires ${need}, which no stack declares: expected one of ${known.join(", ") || "none"}`,
  );
}

function checkHolds(name: string, requires: Bodies, up: FixedPoint): void {
  if (up.of(name) !== undefined) return;
  const path = [name];
  for (let at = name; ;) {
    const next = needsOf(requires, at)
      .map(remoteName)
      .find((other) => up.of(other) === undefined) as string;
    const again = path.includes(next);
    path.push(next);
    if (again) break;
    at = next;
  }
  throw new RangeError(`${name}: services require each other: ${path.join(" > ")}`);
}
