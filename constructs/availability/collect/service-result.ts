import type { Component } from "../block";
import { declaredGroups } from "../calculus/common-cause";
import { compositionText } from "../calculus/composition-text";
import type { Evaluation } from "../calculus/evaluation";
import type { Importance } from "../calculus/importance";
import { percent } from "../calculus/percent";
import { fullBlock, isSoftened, outcomes, requiredBlock, type Service } from "../calculus/service";
import type { ComponentResult, ServiceAvailability, TargetResult } from "./availability-run";
import { directDependencies } from "./declared-services";
import { type EvaluatedService, meets } from "./verdict";

/** What a run says of a service. */
export function serviceResult(one: EvaluatedService, target: TargetResult | null): ServiceAvailability {
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
