import type { IConstruct } from "constructs";
import { type Block, blockOf } from "../calculus/block";
import { evaluate } from "../calculus/evaluate";
import { fold, partsOf } from "../calculus/fold";
import { isSoftened, requiredBlock } from "../calculus/service";
import {
  type AvailabilityRun,
  SCHEMA,
  type ServiceAvailability,
  type StackAvailability,
} from "./availability-run";
import { type DeclaredService, declaredServices, directDependencies, stackName } from "./declared-services";
import { placedServices } from "./placed-services";
import { type ResolvedService, resolvedServices } from "./resolved-services";
import { type DeclaredTarget, declaredTargets, targetOf } from "./declared-targets";
import { serviceResult } from "./service-result";
import { type EvaluatedService, judge } from "./verdict";

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
    ...(scope === scope.node.root ? { placing: placedServices(scope, declaredServices(scope)) } : {}),
  };
}

/** The last results of each tree: targets, outputs and the report ask the same within one synth. */
const lastResults = new WeakMap<
  IConstruct,
  { readonly key: string; readonly fingerprints: Fingerprints; readonly results: readonly AssessedService[] }
>();

/** Results of every service in the tree, in the order of declaration. */
export function assess(root: IConstruct): readonly AssessedService[] {
  const declared = declaredServices(root);
  const whole = resolvedServices(declared);
  const targets = declaredTargets(root);
  const last = lastResults.get(root);
  const fingerprints = last?.fingerprints ?? new Fingerprints();
  const services = declared.map((one, index) =>
    serviceKey(one, whole[index] as ResolvedService, fingerprints),
  );
  const key = JSON.stringify([services, targets.map(targetKey)]);
  if (last?.key === key) return last.results;
  const evaluated = declared.map((one, index) => evaluatedService(one, whole[index] as ResolvedService));
  const results = evaluated.map((one) => {
    const target = targetOf(one.stack, one.service.name, targets);
    const judged = target === undefined ? null : judge(one, target, evaluated, targets);
    return { stack: one.stack, result: serviceResult(one, judged) };
  });
  lastResults.set(root, { key, fingerprints, results });
  return results;
}

/** Numbers that are the same for blocks of the same parts and figures, however often a part stands in them. */
class Fingerprints {
  private readonly numbers = new Map<string, number>();

  of(block: Block): number {
    return fold<number>(block, (one, parts) => {
      const own = partsOf(one).length > 0 ? [one.type, one.type === "atLeast" ? one.k : 0] : one;
      const text = JSON.stringify([own, parts]);
      const number = this.numbers.get(text) ?? this.numbers.size;
      this.numbers.set(text, number);
      return number;
    });
  }
}

function serviceKey(
  { stack, service }: DeclaredService,
  whole: ResolvedService,
  prints: Fingerprints,
): unknown {
  const soft = whole.degradesWithout.map((each) =>
    isSoftened(each) ? [prints.of(blockOf(each.block)), each.because] : prints.of(blockOf(each)),
  );
  const required = whole.requires.map((each) => prints.of(blockOf(each)));
  return [stack, service.name, directDependencies(service), required, soft, whole.plans];
}

function targetKey(target: DeclaredTarget): unknown {
  const { atLeast, basis, planned, service, waiver, asOf } = target;
  return [
    stackName(target),
    atLeast,
    basis,
    planned,
    service,
    waiver,
    (asOf ?? new Date()).toISOString().slice(0, 10),
  ];
}

function evaluatedService(declared: DeclaredService, whole: ResolvedService): EvaluatedService {
  return naming(declared, () => ({
    ...declared,
    resolved: whole,
    evaluation: evaluate(requiredBlock(whole), { maintenance: whole.plans }),
  }));
}

/** Errors say whose composition is wrong. */
function naming<T>({ stack, service }: DeclaredService, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new RangeError(`${stack}/${service.name}: ${error.message}`, { cause: error });
  }
}
