import type { Block, Component } from "./block";
import { fold } from "./fold";
import type { Figures, Probability } from "./probability";

/** Hosts taken out one after another for planned work. */
export interface RollingMaintenance {
  /** Ids of the components that are taken out, one at a time. */
  readonly components: readonly string[];
  /** Hours that each is out in 30 days. */
  readonly hoursPer30Days: number;
}

const HOURS_PER_30_DAYS = 720;

/** Combinations of hosts out that are gone through one by one. */
const MOST_STATES = 500;

/**
 * The mean over the states of planned work. Of one plan the states "this host is out" exclude each other; plans do not
 * know of one another. Where that makes too many states, the hosts of the plans that are left are each out for
 * themselves, as if by chance: that errs on the side of more down.
 *
 * @param indexOf a component in the figures, by id
 */
export function overPlannedWork(
  plans: readonly RollingMaintenance[],
  indexOf: (id: string) => number,
  figures: Figures,
  solve: (figures: Figures) => Probability,
): Probability {
  const rolled: RollingMaintenance[] = [];
  let states = 1;
  const down = figures.down.slice();
  const up = figures.up.slice();
  for (const plan of plans) {
    if (states * (plan.components.length + 1) <= MOST_STATES) {
      states *= plan.components.length + 1;
      rolled.push(plan);
      continue;
    }
    for (const id of plan.components) {
      const index = indexOf(id);
      up[index] = (up[index] as number) * (1 - shareOf(plan));
      down[index] = (down[index] as number) + shareOf(plan) * (1 - (down[index] as number));
    }
  }
  const mean = (left: readonly RollingMaintenance[], now: Figures): Probability => {
    const [plan, ...others] = left;
    if (plan === undefined) return solve(now);
    const share = shareOf(plan);
    const nobody = mean(others, now);
    const rest = 1 - share * plan.components.length;
    let sum: Probability = { down: rest * nobody.down, up: rest * nobody.up };
    for (const id of plan.components) {
      const out = mean(others, withDown(now, indexOf(id)));
      sum = { down: sum.down + share * out.down, up: sum.up + share * out.up };
    }
    return sum;
  };
  return mean(rolled, { down, up });
}

const shareOf = ({ hoursPer30Days }: RollingMaintenance): number => hoursPer30Days / HOURS_PER_30_DAYS;

/** Share of time in which any host is out at most: what planned work can add to being down. */
export const mostPlannedWork = (plans: readonly RollingMaintenance[]): number =>
  Math.min(
    1,
    plans.reduce((sum, plan) => sum + plan.components.length * shareOf(plan), 0),
  );

function withDown({ down, up }: Figures, index: number): Figures {
  const made = { down: down.slice(), up: up.slice() };
  made.down[index] = 1;
  made.up[index] = 0;
  return made;
}

/** One plan, several or none, as a list. */
export function plansOf(
  maintenance: RollingMaintenance | readonly RollingMaintenance[] | undefined,
): readonly RollingMaintenance[] {
  if (maintenance === undefined) return [];
  return Array.isArray(maintenance)
    ? (maintenance as readonly RollingMaintenance[])
    : [maintenance as RollingMaintenance];
}

/** What of the plans is about components that stand in the blocks; plans that say the same are one. */
export function plansOn(
  plans: readonly RollingMaintenance[],
  blocks: readonly Block[],
): readonly RollingMaintenance[] {
  if (plans.length === 0) return [];
  const ids = new Set<string>();
  const known = new Map<Block, void>();
  for (const block of blocks)
    fold<void>(block, (one) => void (one.type === "component" && ids.add(one.id)), known);
  const found = new Map<string, RollingMaintenance>();
  for (const plan of plans) {
    const left = { ...plan, components: plan.components.filter((id) => ids.has(id)) };
    if (left.components.length > 0) found.set(JSON.stringify(left), left);
  }
  return [...found.values()];
}

/** @throws RangeError for an unknown component, or more hours than there are */
export function checkMaintenance(
  plans: readonly RollingMaintenance[],
  components: readonly Component[],
): void {
  const known = new Set(components.map(({ id }) => id));
  for (const { components: hosts, hoursPer30Days } of plans) {
    for (const id of hosts) if (!known.has(id)) throw new RangeError(`maintenance: no component "${id}"`);
    const most = HOURS_PER_30_DAYS / hosts.length;
    if (!(hoursPer30Days >= 0 && hoursPer30Days <= most)) {
      throw new RangeError(
        `maintenance: hoursPer30Days must be a number from 0 to ${most} for ${hosts.length} hosts ` +
          `one after another, got ${String(hoursPer30Days)}`,
      );
    }
  }
}
