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

export interface PlanSummary {
  readonly total: Counts;
  /** Counts by resource type, of types with any change, sorted by name. */
  readonly byType: ReadonlyArray<readonly [type: string, counts: Counts]>;
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
    replaced: changes.filter(({ kind }) => kind === "replace").map(({ change }) => replacement(change)),
    destroyed: changes.filter(({ kind }) => kind === "destroy").map(({ change }) => change.address),
  };
}

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
  return { address, because: (change.replace_paths ?? []).map((path) => path.join(".")) };
}
