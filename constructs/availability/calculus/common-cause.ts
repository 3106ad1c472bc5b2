import { type Block, component, type Component, type CommonCause, series } from "../block";
import { failureGraph } from "./failure-graph";

/** A group of components that share a cause of failure. */
export interface CommonCauseGroup extends CommonCause {
  /** Ids of the members. */
  readonly components: readonly string[];
}

/** The groups that the components of a block name themselves, with at least two members in the block. */
export function declaredGroups(components: readonly Component[]): CommonCauseGroup[] {
  const groups = new Map<string, { beta: number; members: string[] }>();
  for (const { id, about } of components) {
    if (about.commonCause === undefined) continue;
    const { group, beta } = about.commonCause;
    const known = groups.get(group);
    if (known === undefined) groups.set(group, { beta, members: [id] });
    else if (known.beta !== beta) {
      throw new RangeError(
        `common-cause group "${group}" has two figures: beta ${known.beta} and ${beta} (component "${id}")`,
      );
    } else known.members.push(id);
  }
  return [...groups]
    .filter(([, { members }]) => members.length > 1)
    .map(([group, { beta, members }]) => ({ group, beta, components: members }));
}

/**
 * The block under the beta-factor model: beta of a member's failures come from a cause that takes down the whole
 * group, which becomes a component of its own. Each member alone fails as often as before. Where members differ,
 * the smallest of their figures gives the common cause, since no member may fail less often than its cause.
 *
 * @throws RangeError for a component in two groups, an unknown component, and a beta out of range
 */
export function withCommonCauses(block: Block, groups: readonly CommonCauseGroup[]): Block {
  const components = new Map(failureGraph(block).components.map((one) => [one.id, one]));
  const replaced = new Map<string, Block>();
  const claimed = new Set<string>();
  for (const { group, beta, components: members } of groups) {
    if (!(beta >= 0 && beta <= 1)) {
      throw new RangeError(
        `common-cause group "${group}": beta must be a number from 0 to 1, got ${String(beta)}`,
      );
    }
    const found = members.map((id) => {
      const member = components.get(id);
      if (member === undefined) throw new RangeError(`common-cause group "${group}": no component "${id}"`);
      if (claimed.has(id)) throw new RangeError(`component "${id}" is in two common-cause groups`);
      claimed.add(id);
      return member;
    });
    const least = Math.min(...found.map(({ unavailability }) => unavailability));
    if (beta === 0 || found.length < 2 || least === 0) continue;
    const cause = component(`common cause: ${group}`, { unavailability: beta * least });
    for (const { id, unavailability } of found) {
      const own = (unavailability - cause.unavailability) / cause.availability;
      replaced.set(id, series(cause, component(`${id} (own causes)`, { unavailability: Math.max(0, own) })));
    }
  }
  return substitute(block, replaced);
}

function substitute(block: Block, replaced: ReadonlyMap<string, Block>): Block {
  const known = new Map<Block, Block>();
  const visit = (inner: Block): Block => {
    const done = known.get(inner);
    if (done !== undefined) return done;
    let made: Block;
    if (inner.type === "component") made = replaced.get(inner.id) ?? inner;
    else if (inner.type === "remote") made = inner;
    else made = { ...inner, blocks: inner.blocks.map(visit) };
    known.set(inner, made);
    return made;
  };
  return visit(block);
}
