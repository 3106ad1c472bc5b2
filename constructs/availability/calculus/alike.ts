import type { Shown } from "./presentation";

/** Branches of the same shape and figures, of which the first stands for all. */
export interface Alike {
  readonly first: Shown;
  readonly count: number;
}

/** Up to this many branches are all shown. */
const FEW = 3;

/**
 * Branches that may be shown by one of them: more than a few, and none that is the only one of its kind. A part that
 * stands in several places, such as a zone, is told apart by its identity, everything else by its figures.
 *
 * @param shared ids of the components that stand in several places
 */
export function alike(branches: readonly Shown[], shared: ReadonlySet<string>): readonly Alike[] {
  const each = branches.map((first) => ({ first, count: 1 }));
  if (branches.length <= FEW) return each;
  const groups = new Map<string, { first: Shown; count: number }>();
  for (const branch of branches) {
    const shape = shapeOf(branch, shared);
    const group = groups.get(shape);
    if (group === undefined) groups.set(shape, { first: branch, count: 1 });
    else group.count++;
  }
  return [...groups.values()].every(({ count }) => count > 1) ? [...groups.values()] : each;
}

/** Ids of the components that stand in more than one place. */
export function sharedIds(all: readonly Shown[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const shared = new Set<string>();
  const visit = (shown: Shown): void => {
    if (shown.type === "component") (seen.has(shown.id) ? shared : seen).add(shown.id);
    else if (shown.type === "series" || shown.type === "branches") shown.blocks.forEach(visit);
  };
  all.forEach(visit);
  return shared;
}

function shapeOf(shown: Shown, shared: ReadonlySet<string>): string {
  switch (shown.type) {
    case "component":
      return shared.has(shown.id) ? `id ${JSON.stringify(shown.id)}` : String(shown.unavailability);
    case "remote":
      return `${shown.stack}/${shown.service}`;
    case "named":
      return shown.name;
    case "series":
    case "branches": {
      const k = shown.type === "branches" ? shown.k : shown.blocks.length;
      return `${k} of (${shown.blocks.map((part) => shapeOf(part, shared)).join()})`;
    }
  }
}
