import type { Component } from "../calculus/block";
import { declaredGroups } from "../calculus/common-cause";
import { compositionText } from "../calculus/composition-text";
import type { Evaluation } from "../calculus/evaluation";
import { held } from "../calculus/held";
import type { Failover } from "../calculus/failover";
import type { Importance } from "../calculus/importance";
import type { OutageFrequency } from "../calculus/outage-frequency";
import { percent } from "../calculus/percent";
import { sensitivities } from "../calculus/sensitivity";
import { fullBlock, isSoftened, outcomes, requiredBlock, type Service } from "../calculus/service";
import type { ComponentResult, FailoverResult, ServiceAvailability, TargetResult } from "./availability-run";
import { directDependencies } from "./declared-services";
import { BlockStore } from "./stored-block";
import type { EvaluatedService } from "./verdict";

/** What a run says of a service. */
export function serviceResult(one: EvaluatedService, target: TargetResult | null): ServiceAvailability {
  const { service, resolved: whole, evaluation } = one;
  const required = requiredBlock(whole);
  const exact = evaluation.exact ? evaluation : undefined;
  const store = new BlockStore();
  const stored = {
    requires: store.store(required),
    degradesWithout: whole.degradesWithout.length === 0 ? null : store.store(degradingBlock(whole)),
  };
  return {
    service: service.name,
    // Other stacks' services stand here by name; `requires` holds what they are made of.
    composition: compositionText(
      requiredBlock({ ...service, requires: [...service.requires, ...whole.leaving] }),
    ),
    ...stored,
    parts: store.parts,
    softened: service.degradesWithout.filter(isSoftened).map((soft) => ({
      composition: compositionText(fullBlock({ ...service, requires: [soft.block], degradesWithout: [] })),
      because: soft.because,
    })),
    independent: exact ? { availability: exact.availability, unavailability: exact.unavailability } : null,
    tooLarge: evaluation.exact
      ? null
      : { reason: evaluation.reason, independent: evaluation.independent, estimate: evaluation.estimate },
    results: evaluation.results,
    correlated: exact?.correlated ?? null,
    commonCauses: declaredGroups(evaluation.components).flatMap((cause) =>
      "beta" in cause ? [{ group: cause.group, beta: cause.beta, components: cause.components.length }] : [],
    ),
    causes: evaluation.causes,
    bounds: evaluation.bounds,
    sensitivity:
      exact === undefined
        ? null
        : (sensitivities(required, exact, { ...target, maintenance: whole.plans }) ?? null),
    frequency: frequencyResult(exact?.frequency),
    failovers: whole.failovers.map(failoverResult),
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

function failoverResult({ name, switching, cost }: Failover): FailoverResult {
  const { affected = null, failuresPerYear = null, meanDowntimeHours } = cost.times ?? {};
  return {
    name,
    recoverySeconds: switching.seconds,
    source: switching.source,
    affected,
    failuresPerYear,
    meanDowntimeSeconds: meanDowntimeHours === undefined ? null : meanDowntimeHours * 3600,
    unknown: cost.unknown,
  };
}

function frequencyResult(found: OutageFrequency | undefined): ServiceAvailability["frequency"] {
  if (found === undefined) return null;
  const { perYear = null, meanOutageHours = null, unknown } = found;
  return { perYear, meanOutageHours, unknown };
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
  { id, availability, unavailability, meanOutageHours, about }: Component,
  found?: Importance,
): ComponentResult {
  const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
  return {
    id,
    label: about.label ?? id,
    availability,
    unavailability,
    meanOutageHours: meanOutageHours ?? null,
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
  return [
    ...componentWarnings(evaluation),
    ...causeWarnings(evaluation),
    ...targetWarnings(evaluation, target),
  ];
}

/** A warning that holds for several components names them all. */
function componentWarnings({ components }: Evaluation): string[] {
  const named = new Map<string, string[]>();
  const own: string[] = [];
  for (const { id, about } of components) {
    const label = about.label ?? id;
    for (const warning of about.warnings ?? []) named.set(warning, [...(named.get(warning) ?? []), label]);
    if (about.kind === undefined) own.push(`${label}: it is not said where the figure comes from`);
    if (about.plane === "control")
      own.push(`${label} is a control plane, and yet required: what runs goes on without one`);
  }
  return [...[...named].map(([warning, labels]) => `${[...new Set(labels)].join(", ")}: ${warning}`), ...own];
}

function causeWarnings({ causes, components }: Evaluation): string[] {
  const labels = new Map(components.map(({ id, about }) => [id, about.label ?? id]));
  return causes
    .filter(({ worsened }) => worsened.length > 0)
    .map(
      ({ group, unavailability, worsened }) =>
        `common cause "${group}" (down ${unavailability.toPrecision(4)} of the time) takes down more often than ` +
        `their own figures say: ${worsened.map((id) => labels.get(id) ?? id).join(", ")}`,
    );
}

function targetWarnings({ results, bounds, causes }: Evaluation, target: TargetResult | null): string[] {
  if (target === null) return [];
  const warnings: string[] = [];
  if (target.verdict === "met-if-independent") {
    const but =
      target.basis === "correlated" && causes.length > 0 ? " but for the declared common causes" : "";
    warnings.push(
      `target ${percent(target.atLeast)} is met only by assuming that parts fail independently${but}: ` +
        `with nothing known about dependence it is ${percent(bounds.lower)}`,
    );
  }
  if (target.verdict.startsWith("met") && target.basis === "independent") {
    const { lower } = held(results, { ...target, basis: "correlated" }).availability;
    if (lower < target.atLeast && causes.length > 0) {
      warnings.push(
        `target ${percent(target.atLeast)} is missed under the declared common causes: ${percent(lower)}`,
      );
    }
  }
  if (target.waiver) {
    const { reason, until, expired } = target.waiver;
    warnings.push(
      `target ${percent(target.atLeast)} is waived ${expired ? "no longer, since" : "until"} ${until} (UTC): ${reason}`,
    );
  }
  return warnings;
}
