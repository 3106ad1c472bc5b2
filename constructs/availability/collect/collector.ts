import type { IConstruct } from "constructs";
import { evaluate } from "../calculus/evaluate";
import { requiredBlock, type Service } from "../calculus/service";
import {
  type AvailabilityRun,
  SCHEMA,
  type ServiceAvailability,
  type StackAvailability,
} from "./availability-run";
import {
  type DeclaredService,
  declaredServices,
  directDependencies,
  resolved,
  stackName,
} from "./declared-services";
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
  };
}

/** The last results of each tree: targets, outputs and the report ask the same within one synth. */
const lastResults = new WeakMap<
  IConstruct,
  { readonly key: string; readonly results: readonly AssessedService[] }
>();

/** Results of every service in the tree, in the order of declaration. */
export function assess(root: IConstruct): readonly AssessedService[] {
  const declared = declaredServices(root);
  const whole = declared.map((one) => resolvedService(one, declared));
  const targets = declaredTargets(root);
  const names = declared.map(({ stack, service }) => [stack, directDependencies(service)]);
  const key = JSON.stringify([names, whole, targets.map(targetKey)]);
  const last = lastResults.get(root);
  if (last?.key === key) return last.results;
  const evaluated = declared.map((one, index) => evaluatedService(one, whole[index] as Service));
  const results = evaluated.map((one) => {
    const target = targetOf(one.stack, one.service.name, targets);
    const judged = target === undefined ? null : judge(one, target, evaluated, targets);
    return { stack: one.stack, result: serviceResult(one, judged) };
  });
  lastResults.set(root, { key, results });
  return results;
}

function targetKey(target: DeclaredTarget): unknown {
  const { atLeast, service, waiver, asOf } = target;
  return [stackName(target), atLeast, service, waiver, (asOf ?? new Date()).toISOString().slice(0, 10)];
}

function resolvedService(one: DeclaredService, all: readonly DeclaredService[]): Service {
  return naming(one, () => resolved(one, all));
}

function evaluatedService(declared: DeclaredService, whole: Service): EvaluatedService {
  const { maintenance } = declared.service;
  return naming(declared, () => ({
    ...declared,
    resolved: whole,
    evaluation: evaluate(requiredBlock(whole), { maintenance }),
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
