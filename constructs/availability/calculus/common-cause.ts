import {
  type Block,
  type CommonCause,
  commonCausesOf,
  component,
  type Component,
  type Figure,
  series,
  type ShareOfFailures,
} from "./block";
import { failureGraph } from "./failure-graph";
import { replaced } from "./fold";

/** A group of components that share a cause of failure. */
export type CommonCauseGroup = CommonCause & {
  /** Ids of the members. */
  readonly components: readonly string[];
};

/** What a cause comes to in a block. */
export interface Cause {
  readonly group: string;
  /** Probability that it has the group down. */
  readonly unavailability: number;
  /** Ids of the members that the cause takes down more often than their own figures say. */
  readonly worsened: readonly string[];
}

/**
 * The groups that the components of a block name themselves. One whose cause is a share of its members' failures
 * needs two members in the block to change anything.
 *
 * @throws RangeError for a group with two figures
 */
export function declaredGroups(components: readonly Component[]): CommonCauseGroup[] {
  const groups = new Map<string, { cause: CommonCause; members: string[] }>();
  for (const { id, about } of components) {
    for (const cause of commonCausesOf(about)) {
      const known = groups.get(cause.group);
      if (known === undefined) groups.set(cause.group, { cause, members: [id] });
      else if (inWords(known.cause) !== inWords(cause)) {
        throw new RangeError(
          `common-cause group "${cause.group}" has two figures: ${inWords(known.cause)} and ${inWords(cause)} ` +
            `(component "${id}")`,
        );
      } else known.members.push(id);
    }
  }
  return [...groups.values()]
    .filter(({ cause, members }) => members.length > 1 || !isShare(cause))
    .map(({ cause, members }) => ({ ...cause, components: members }));
}

const isShare = (cause: CommonCause): cause is ShareOfFailures => "beta" in cause;

const inWords = (cause: CommonCause): string =>
  isShare(cause) ? `beta ${cause.beta}` : JSON.stringify(cause.figure);

/** What is left of the figures when causes stand for themselves. */
export interface SplitFigures {
  /** Unavailability of each cause, by group. */
  readonly causes: ReadonlyMap<string, number>;
  /** What stays with each member, by id: it fails as often as before, causes and own failures together. */
  readonly own: ReadonlyMap<string, number>;
  /** Ids of the members whose causes fail more often than they do: these become as bad. */
  readonly worsened: ReadonlySet<string>;
}

/**
 * Of a cause that is a share of its members' failures (beta factor), the member that fails most sets the figure:
 * beta times its unavailability.
 *
 * @param unavailabilityOf a component, by id
 */
export function splitFigures(
  groups: readonly CommonCauseGroup[],
  unavailabilityOf: (id: string) => number,
): SplitFigures {
  const causes = new Map<string, number>();
  const together = new Map<string, number>();
  const own = new Map<string, number>();
  const worsened = new Set<string>();
  for (const group of groups.filter(counts)) {
    const cause = isShare(group)
      ? group.beta * group.components.reduce((most, id) => Math.max(most, unavailabilityOf(id)), 0)
      : figureOf(group).unavailability;
    causes.set(group.group, cause);
    for (const id of group.components) {
      const sum = together.get(id) ?? 0;
      together.set(id, isShare(group) ? sum + cause - sum * cause : sum);
    }
  }
  for (const [id, sum] of together) {
    const left = sum >= 1 ? 0 : (unavailabilityOf(id) - sum) / (1 - sum);
    // Below this, what is missing is rounding noise.
    if (left < -1e-15) worsened.add(id);
    own.set(id, Math.max(0, left));
  }
  return { causes, own, worsened };
}

/**
 * The block with every cause as a component of its own, and what the causes come to.
 *
 * @throws RangeError for an unknown component, a beta out of range, and shares of one component that pass 1
 */
export function withCommonCauses(
  block: Block,
  groups: readonly CommonCauseGroup[],
): { readonly block: Block; readonly causes: readonly Cause[] } {
  const components = new Map(failureGraph(block).components.map((one) => [one.id, one]));
  checkGroups(groups, components);
  const counting = groups.filter(counts);
  const { causes, own, worsened } = splitFigures(
    counting,
    (id) => (components.get(id) as Component).unavailability,
  );
  const blocks = new Map<string, Component>();
  for (const group of counting) {
    const members = group.components.map((id) => components.get(id) as Component);
    blocks.set(group.group, causeBlock(group, causes.get(group.group) as number, members));
  }
  const instead = new Map<string, Block>();
  for (const [id, unavailability] of own) {
    const rest = component(ownCausesOf(id), { unavailability, ...outage(components.get(id)) });
    const mine = counting.filter((group) => group.components.includes(id));
    instead.set(id, series(...mine.map(({ group }) => blocks.get(group) as Component), rest));
  }
  return {
    block: replaced(block, (leaf) => (leaf.type === "component" ? instead.get(leaf.id) : undefined)),
    causes: counting.map(({ group, components: members }) => ({
      group,
      unavailability: causes.get(group) as number,
      worsened: members.filter((id) => worsened.has(id)),
    })),
  };
}

/** What stands for a member's failures by itself in `withCommonCauses`, where it has causes in common. */
export const ownCausesOf = (id: string): string => `${id} (own causes)`;

/** What stands for a cause in `withCommonCauses`. */
export const causeId = (group: string): string => `common cause: ${group}`;

/** A share of the failures of one component alone, or no share, changes nothing. */
const counts = (group: CommonCauseGroup): boolean =>
  isShare(group) ? group.beta > 0 && group.components.length > 1 : true;

const figureOf = ({ group, figure }: { group: string; figure: Figure }): Component =>
  component(causeId(group), figure);

function causeBlock(
  group: CommonCauseGroup,
  unavailability: number,
  members: readonly Component[],
): Component {
  if (!isShare(group)) {
    return component(causeId(group.group), group.figure, { label: group.group, source: group.source });
  }
  const worst = members.reduce((a, b) => (b.unavailability > a.unavailability ? b : a));
  return component(causeId(group.group), { unavailability, ...outage(worst) }, { label: group.group });
}

function checkGroups(groups: readonly CommonCauseGroup[], components: ReadonlyMap<string, Component>): void {
  const shares = new Map<string, number>();
  for (const group of groups) {
    if (isShare(group) && !(group.beta >= 0 && group.beta <= 1)) {
      throw new RangeError(
        `common-cause group "${group.group}": beta must be a number from 0 to 1, got ${String(group.beta)}`,
      );
    }
    for (const id of group.components) {
      if (!components.has(id)) {
        throw new RangeError(`common-cause group "${group.group}": no component "${id}"`);
      }
      const sum = (shares.get(id) ?? 0) + (isShare(group) ? group.beta : 0);
      shares.set(id, sum);
      if (sum > 1 + 1e-9) {
        throw new RangeError(
          `component "${id}": the shares of its common causes add up to ${sum}, more than 1`,
        );
      }
    }
  }
}

const outage = (part: Component | undefined): { meanOutageHours?: number } =>
  part?.meanOutageHours === undefined ? {} : { meanOutageHours: part.meanOutageHours };

export interface HumanChange {
  /** Releases in 30 days. */
  readonly releasesPerMonth: number;
  /** Share of the releases that take down what they are released to, 0 to 1. */
  readonly failureShare: number;
  /** From a bad release to the one before it running again, in hours. */
  readonly hoursToTakeBack: number;
}

/** Of 30 days. */
export const HOURS_PER_MONTH = 720;

/**
 * How often releases have what runs down, for a component or a common cause.
 *
 * @throws RangeError for numbers that cannot be, or more hours than there are
 */
export function changeFigure({ releasesPerMonth, failureShare, hoursToTakeBack }: HumanChange): Figure {
  const unavailability = (releasesPerMonth * failureShare * hoursToTakeBack) / HOURS_PER_MONTH;
  const wrong =
    ![releasesPerMonth, failureShare, hoursToTakeBack].every((value) => value >= 0) || failureShare > 1;
  if (wrong || !(unavailability <= 1)) {
    throw new RangeError(
      "human change: expected releases in 30 days, a share from 0 to 1 and hours within the month, got " +
        JSON.stringify({ releasesPerMonth, failureShare, hoursToTakeBack }),
    );
  }
  return hoursToTakeBack > 0 ? { unavailability, meanOutageHours: hoursToTakeBack } : { unavailability };
}
