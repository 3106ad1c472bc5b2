import { type Action, type PlanJson, type ResourceChange } from "./plan-json";

export interface Counts {
  readonly add: number;
  readonly change: number;
  readonly replace: number;
  readonly destroy: number;
}

export interface Replacement {
  readonly address: string;
  /** Attributes that force it, e.g. `cidr_block`; empty when it is forced otherwise, as by a trigger. */
  readonly because: readonly string[];
}

/** What changes and stays the same thing. */
export interface InPlaceChange {
  readonly address: string;
  /** Attributes of the first level that change. */
  readonly attributes: readonly string[];
}

export interface PlanSummary {
  readonly total: Counts;
  /** Counts by resource type, of types with any change, sorted by name. */
  readonly byType: ReadonlyArray<readonly [type: string, counts: Counts]>;
  readonly changed: readonly InPlaceChange[];
  readonly replaced: readonly Replacement[];
  readonly destroyed: readonly string[];
}

type Kind = keyof Counts;

const NONE: Counts = { add: 0, change: 0, replace: 0, destroy: 0 };

/** Counts what a plan does to managed resources, by type. */
export function summarise(plan: PlanJson): PlanSummary {
  const changes = (plan.resource_changes ?? []).flatMap((change) => {
    const kind = change.mode === "managed" ? kindOf(change.change.actions) : undefined;
    return kind === undefined ? [] : [{ change, kind }];
  });
  const byType = new Map<string, Counts>();
  let total = NONE;
  for (const { change, kind } of changes) {
    byType.set(change.type, plusOne(byType.get(change.type) ?? NONE, kind));
    total = plusOne(total, kind);
  }
  return {
    total,
    byType: [...byType].sort(([a], [b]) => a.localeCompare(b)),
    changed: changes
      .filter(({ kind }) => kind === "change")
      .map(({ change }) => ({ address: change.address, attributes: changedAttributes(change) })),
    replaced: changes.filter(({ kind }) => kind === "replace").map(({ change }) => replacement(change)),
    destroyed: changes.filter(({ kind }) => kind === "destroy").map(({ change }) => change.address),
  };
}

/** Attributes of the first level that differ before and after, or may, since they are not known yet. */
export function changedAttributes({
  change: { before, after, after_unknown: unknown },
}: ResourceChange): string[] {
  const names = [...new Set([before, after, unknown].flatMap((side) => Object.keys(side ?? {})))];
  return names
    .filter(
      (name) =>
        holdsTrue(unknown?.[name]) || JSON.stringify(before?.[name]) !== JSON.stringify(after?.[name]),
    )
    .sort();
}

const holdsTrue = (value: unknown): boolean =>
  value === true || (typeof value === "object" && value !== null && Object.values(value).some(holdsTrue));

function kindOf(actions: readonly Action[]): Kind | undefined {
  if (actions.length === 2) return "replace";
  switch (actions[0]) {
    case "create":
      return "add";
    case "update":
      return "change";
    case "delete":
      return "destroy";
    default:
      return undefined;
  }
}

function plusOne(counts: Counts, kind: Kind): Counts {
  return { ...counts, [kind]: counts[kind] + 1 };
}

function replacement({ address, change }: ResourceChange): Replacement {
  return { address, because: (change.replace_paths ?? []).map((path) => path.join("../report")) };
}
