import { type Change, cheapestChange } from "../calculus/cheapest-change";
import { complement } from "../calculus/complement";
import { compositionText } from "../calculus/composition-text";
import type { Evaluation } from "../calculus/evaluation";
import { percent } from "../calculus/percent";
import { requiredBlock, type Service } from "../calculus/service";
import type { TargetResult } from "./availability-run";
import { type DeclaredService, hardDependencies } from "./declared-services";
import { type DeclaredTarget, targetOf } from "./declared-targets";

/** A declared service and what its composition comes to. */
export interface EvaluatedService extends DeclaredService {
  /** The service with other stacks' compositions in it. */
  readonly resolved: Service;
  readonly evaluation: Evaluation;
}

/**
 * Whether a service keeps its target, and if not, why and what would help.
 *
 * @param all services and targets of the tree, for what it requires of other stacks
 */
export function judge(
  one: EvaluatedService,
  target: DeclaredTarget,
  all: readonly EvaluatedService[],
  targets: readonly DeclaredTarget[],
): TargetResult {
  const { atLeast, waiver } = target;
  const { evaluation } = one;
  const change =
    evaluation.exact && !meets(evaluation.unavailability, atLeast)
      ? (cheapestChange(requiredBlock(one.resolved), evaluation, atLeast) ?? null)
      : null;
  const problems = [...missed(one, atLeast, change), ...exceeded(one, atLeast, all, targets)];
  const today = (target.asOf ?? new Date()).toISOString().slice(0, 10);
  const expired = waiver !== undefined && waiver.until < today;
  const result = {
    atLeast,
    explanation: expired
      ? [...problems, `the waiver "${waiver.reason}" expired on ${waiver.until}`]
      : problems,
    cheapestChange: change,
    waiver: waiver === undefined ? null : { ...waiver, expired },
  };
  if (problems.length === 0) {
    const safe = evaluation.bounds.lower >= atLeast;
    return { ...result, explanation: [], verdict: safe ? "met" : "met-if-independent" };
  }
  if (waiver !== undefined && !expired) return { ...result, verdict: "waived" };
  const undecided = !evaluation.exact && evaluation.independent.upper >= atLeast;
  return { ...result, verdict: undecided ? "undecided" : "missed" };
}

/** Digits beyond this are noise of the arithmetic, not a miss. */
const TOLERANCE = 1e-12;
const COSTLIEST = 3;

/** Whether an unavailability keeps a target. */
export const meets = (unavailability: number, atLeast: number): boolean =>
  unavailability <= complement(atLeast) * (1 + TOLERANCE);

function missed(one: EvaluatedService, atLeast: number, change: Change | null): string[] {
  const { resolved: service, evaluation } = one;
  const wanted = percent(atLeast);
  if (!evaluation.exact) {
    const { lower, upper } = evaluation.independent;
    if (lower >= atLeast) return [];
    return [
      `target ${wanted} is not shown to be met: the availability lies from ${percent(lower)} to ${percent(upper)}`,
      evaluation.reason,
    ];
  }
  if (meets(evaluation.unavailability, atLeast)) return [];
  const costly = evaluation.importance
    .slice(0, COSTLIEST)
    .map(({ id, minutesPerYear }) => `${labelOf(evaluation, id)} ${minutesPerYear.toFixed(1)} min a year`);
  return [
    `target ${wanted} is missed: the composition can promise ` +
      `${percent(evaluation.availability, evaluation.unavailability)}, if its parts fail independently`,
    `composition: ${compositionText(requiredBlock(service))}`,
    `costliest: ${costly.join("; ")}`,
    ...(change === null ? [] : [`cheapest change: ${change.text}`]),
  ];
}

/** A target above what a required service of another stack promises: its own target, else its result. */
function exceeded(
  { service }: EvaluatedService,
  atLeast: number,
  all: readonly EvaluatedService[],
  targets: readonly DeclaredTarget[],
): string[] {
  return hardDependencies(service).flatMap((dependency) => {
    const other = all.find(
      (one) => one.stack === dependency.stack && one.service.name === dependency.service,
    );
    if (other === undefined) return [];
    const promised =
      targetOf(other.stack, other.service.name, targets)?.atLeast ??
      (other.evaluation.exact ? other.evaluation.availability : other.evaluation.independent.lower);
    if (atLeast <= promised + TOLERANCE) return [];
    const name = `${dependency.stack}/${dependency.service}`;
    return [
      `target ${percent(atLeast)} exceeds the ${percent(promised)} that ${name} promises, which it requires`,
    ];
  });
}

const labelOf = ({ components }: Evaluation, id: string): string =>
  components.find((part) => part.id === id)?.about.label ?? id;
