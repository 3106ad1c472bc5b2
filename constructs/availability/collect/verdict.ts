import { type Change, cheapestChange } from "../calculus/cheapest-change";
import { complement } from "../calculus/complement";
import { compositionText } from "../calculus/composition-text";
import type { Evaluation } from "../calculus/evaluation";
import { type Held, held, heldText, meets } from "../calculus/held";
import { percent } from "../calculus/percent";
import { requiredBlock } from "../calculus/service";
import type { TargetResult } from "./availability-run";
import { type DeclaredService, hardDependencies, remoteName } from "./declared-services";
import { type DeclaredTarget, targetOf } from "./declared-targets";
import type { ResolvedService } from "./resolved-services";

/** A declared service and what its composition comes to. */
export interface EvaluatedService extends DeclaredService {
  /** The service with other stacks' compositions in it. */
  readonly resolved: ResolvedService;
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
  const { evaluation, resolved } = one;
  const figure = held(evaluation.results, target);
  const met = meets(figure.unavailability.upper, atLeast);
  const change =
    evaluation.exact && !met
      ? (cheapestChange(requiredBlock(resolved), evaluation, atLeast, {
          ...figure,
          maintenance: resolved.plans,
        }) ?? null)
      : null;
  const problems = [
    ...(met ? [] : missed(one, atLeast, figure, change)),
    ...exceeded(one, atLeast, all, targets),
  ];
  const today = (target.asOf ?? new Date()).toISOString().slice(0, 10);
  const expired = waiver !== undefined && waiver.until < today;
  const result = {
    atLeast,
    basis: figure.basis,
    planned: figure.planned,
    held: figure.availability,
    explanation: expired
      ? [...problems, `the waiver "${waiver.reason}" expired on ${waiver.until}`]
      : problems,
    cheapestChange: change,
    waiver: waiver === undefined ? null : { ...waiver, expired },
  };
  if (problems.length === 0) {
    const worst = held(evaluation.results, { ...figure, basis: "bounds" });
    const safe = worst.availability.lower >= atLeast;
    return { ...result, explanation: [], verdict: safe ? "met" : "met-if-independent" };
  }
  if (waiver !== undefined && !expired) return { ...result, verdict: "waived" };
  const undecided = !met && meets(figure.unavailability.lower, atLeast);
  return { ...result, verdict: undecided ? "undecided" : "missed" };
}

const COSTLIEST = 3;

function missed(one: EvaluatedService, atLeast: number, figure: Held, change: Change | null): string[] {
  const { resolved: service, evaluation } = one;
  const wanted = percent(atLeast);
  const { lower, upper } = figure.availability;
  const assuming = heldText(figure, evaluation.causes.length > 0, service.plans.length > 0);
  if (lower < upper) {
    return [
      `target ${wanted} is not shown to be met: the availability lies from ${percent(lower)} to ${percent(upper)}, ${assuming}`,
      ...(evaluation.exact ? [] : [evaluation.reason]),
    ];
  }
  const costly = (evaluation.exact ? evaluation.importance : [])
    .slice(0, COSTLIEST)
    .map(({ id, minutesPerYear }) => `${labelOf(evaluation, id)} ${minutesPerYear.toFixed(1)} min a year`);
  return [
    `target ${wanted} is missed: the composition can promise ` +
      `${percent(lower, figure.unavailability.upper)}, ${assuming}`,
    `composition: ${compositionText(requiredBlock(service))}`,
    ...(costly.length === 0 ? [] : [`costliest: ${costly.join("; ")}`]),
    ...(change === null ? [] : [`cheapest change: ${change.text}`]),
  ];
}

/** A target above what a service promises that is required, itself or by way of others. */
function exceeded(
  one: EvaluatedService,
  atLeast: number,
  all: readonly EvaluatedService[],
  targets: readonly DeclaredTarget[],
): string[] {
  const sentences: string[] = [];
  const seen = new Set<string>([`${one.stack}/${one.service.name}`]);
  const open = hardDependencies(one.service).map((need) => ({ need, via: [] as readonly string[] }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { need, via } = next;
    const name = remoteName(need);
    if (seen.has(name)) continue;
    seen.add(name);
    const other = all.find(({ stack, service }) => stack === need.stack && service.name === need.service);
    if (other === undefined) continue;
    const target = targetOf(other.stack, other.service.name, targets);
    const allowed =
      target === undefined ? held(other.evaluation.results).unavailability.upper : complement(target.atLeast);
    if (!meets(allowed, atLeast)) {
      const way = via.length === 0 ? "which it requires" : `which it requires by way of ${via.join(" and ")}`;
      sentences.push(
        `target ${percent(atLeast)} exceeds the ${percent(complement(allowed), allowed)} that ${name} promises, ${way}`,
      );
    }
    // What has a target of its own is held against it by itself.
    if (target !== undefined) continue;
    open.push(...hardDependencies(other.service).map((inner) => ({ need: inner, via: [...via, name] })));
  }
  return sentences;
}

const labelOf = ({ components }: Evaluation, id: string): string =>
  components.find((part) => part.id === id)?.about.label ?? id;
