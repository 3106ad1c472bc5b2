import type { IConstruct } from "constructs";
import type { Component } from "../block";
import { type Change, cheapestChange } from "../calculus/cheapest-change";
import { declaredGroups } from "../calculus/common-cause";
import { complement } from "../calculus/complement";
import { compositionText } from "../calculus/composition-text";
import { evaluate, type Evaluation, type Importance } from "../calculus/evaluate";
import { percent } from "../calculus/percent";
import { fullBlock, isSoftened, outcomes, requiredBlock, type Service } from "../calculus/service";
import {
  type AvailabilityRun,
  type ComponentResult,
  SCHEMA,
  type ServiceAvailability,
  type StackAvailability,
  type TargetResult,
} from "./availability-run";
import {
  type DeclaredService,
  declaredServices,
  directDependencies,
  resolved,
  stackName,
} from "./declared-services";
import { type DeclaredTarget, declaredTargets, targetOf } from "./declared-targets";

/** One service's result and the stack that it belongs to. */
export interface AssessedService {
  readonly stack: string;
  readonly result: ServiceAvailability;
}

/**
 * What the stacks under a construct can promise. Services of other stacks that they require are found anywhere
 * in the tree.
 *
 * @param scope the app, or one stack
 * @throws RangeError for a composition that cannot be evaluated, naming stack and service
 */
export function collectAvailability(scope: IConstruct): AvailabilityRun {
  const within = new Set(scope.node.findAll().map(stackName));
  const stacks = new Map<string, ServiceAvailability[]>();
  for (const { stack, result } of assess(scope.node.root)) {
    if (scope !== scope.node.root && !within.has(stack)) continue;
    stacks.set(stack, [...(stacks.get(stack) ?? []), result]);
  }
  return {
    schema: SCHEMA,
    stacks: [...stacks].map(([stack, services]): StackAvailability => ({ stack, services })),
  };
}

/** Results of every service in the tree, in the order of declaration. */
export function assess(root: IConstruct): AssessedService[] {
  const all = declaredServices(root);
  const targets = declaredTargets(root);
  const evaluated = all.map((declared) => evaluatedService(declared, all));
  return evaluated.map((one) => {
    const target = targetOf(one.stack, one.service.name, targets);
    const judged = target === undefined ? null : judge(one, target, evaluated, targets);
    return { stack: one.stack, result: serviceResult(one, judged) };
  });
}

interface EvaluatedService extends DeclaredService {
  /** The service with other stacks' compositions in it. */
  readonly resolved: Service;
  readonly evaluation: Evaluation;
}

function evaluatedService(declared: DeclaredService, all: readonly DeclaredService[]): EvaluatedService {
  try {
    const whole = resolved(declared, all);
    const evaluation = evaluate(requiredBlock(whole), { maintenance: declared.service.maintenance });
    return { ...declared, resolved: whole, evaluation };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new RangeError(`${declared.stack}/${declared.service.name}: ${error.message}`, { cause: error });
  }
}

function judge(
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

const meets = (unavailability: number, atLeast: number): boolean =>
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
  return directDependencies(service).flatMap((dependency) => {
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

function serviceResult(one: EvaluatedService, target: TargetResult | null): ServiceAvailability {
  const { service, resolved: whole, evaluation } = one;
  const required = requiredBlock(whole);
  const exact = evaluation.exact ? evaluation : undefined;
  return {
    service: service.name,
    // Other stacks' services stand here by name; `requires` holds what they are made of.
    composition: compositionText(requiredBlock(service)),
    requires: required,
    degradesWithout: whole.degradesWithout.length === 0 ? null : degradingBlock(whole),
    softened: service.degradesWithout.filter(isSoftened).map((soft) => ({
      composition: compositionText(fullBlock({ ...service, requires: [soft.block], degradesWithout: [] })),
      because: soft.because,
    })),
    independent: exact ? { availability: exact.availability, unavailability: exact.unavailability } : null,
    tooLarge: evaluation.exact ? null : { reason: evaluation.reason, independent: evaluation.independent },
    correlated: exact?.correlated ?? null,
    commonCauses: declaredGroups(evaluation.components).map(({ group, beta, components }) => ({
      group,
      beta,
      components: components.length,
    })),
    bounds: evaluation.bounds,
    planned: exact?.planned ?? null,
    downtime: exact?.downtime ?? null,
    outcomes: outcomes(whole) ?? null,
    target,
    components: componentResults(evaluation),
    singlePoints: evaluation.singlePoints,
    cutSets: exact?.cutSets?.sets ?? [],
    cutSetCount: exact?.cutSets?.count ?? null,
    cutSetOrder: exact?.cutSets?.maxOrder ?? null,
    dependsOn: directDependencies(service).map(({ stack, service: name }) => ({ stack, service: name })),
    warnings: warningsOf(one, target),
  };
}

function degradingBlock(service: Service) {
  const [first, ...others] = service.degradesWithout;
  const blocks = [first, ...others].flatMap((soft) =>
    soft === undefined ? [] : [isSoftened(soft) ? soft.block : soft],
  );
  return requiredBlock({ ...service, requires: blocks });
}

function componentResults(evaluation: Evaluation): ComponentResult[] {
  const importance = new Map<string, Importance>(
    evaluation.exact ? evaluation.importance.map((one) => [one.id, one]) : [],
  );
  const order = new Map([...importance.keys()].map((id, index) => [id, index]));
  return [...evaluation.components]
    .sort((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0))
    .map((part) => componentResult(part, importance.get(part.id)));
}

function componentResult(
  { id, availability, unavailability, about }: Component,
  found?: Importance,
): ComponentResult {
  const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
  return {
    id,
    label: about.label ?? id,
    availability,
    unavailability,
    kind: about.kind ?? "unknown",
    source: about.source ?? null,
    effectiveDate: about.effectiveDate ?? null,
    plane: about.plane ?? "serving",
    importance:
      found === undefined
        ? null
        : {
            birnbaum: found.birnbaum,
            criticality: found.criticality,
            riskAchievement: finite(found.riskAchievement),
            riskReduction: finite(found.riskReduction),
            minutesPerYear: found.minutesPerYear,
          },
  };
}

function warningsOf({ evaluation }: EvaluatedService, target: TargetResult | null): string[] {
  const warnings = evaluation.components.flatMap(({ id, about }) => [
    ...(about.warnings ?? []),
    ...(about.kind === undefined ? [`${about.label ?? id}: it is not said where the figure comes from`] : []),
    ...(about.plane === "control"
      ? [`${about.label ?? id} is a control plane, and yet required: what runs goes on without one`]
      : []),
  ]);
  if (target?.verdict === "met-if-independent") {
    warnings.push(
      `target ${percent(target.atLeast)} is met only by assuming that parts fail independently: ` +
        `with nothing known about dependence it is ${percent(evaluation.bounds.lower)}`,
    );
  }
  if (target !== null && evaluation.exact && target.verdict.startsWith("met")) {
    const { correlated } = evaluation;
    if (correlated !== undefined && !meets(correlated.unavailability, target.atLeast)) {
      warnings.push(
        `target ${percent(target.atLeast)} is missed under the declared common causes: ` +
          percent(correlated.availability, correlated.unavailability),
      );
    }
  }
  if (target?.waiver) {
    const { reason, until, expired } = target.waiver;
    warnings.push(
      `target ${percent(target.atLeast)} is waived ${expired ? "no longer, since" : "until"} ${until}: ${reason}`,
    );
  }
  return [...new Set(warnings)];
}
