import type { IConstruct } from "constructs";
import { evaluate } from "../calculus/evaluate";
import { requiredBlock } from "../calculus/service";
import {
  type AvailabilityRun,
  SCHEMA,
  type ServiceAvailability,
  type StackAvailability,
} from "./availability-run";
import { type DeclaredService, declaredServices, resolved, stackName } from "./declared-services";
import { declaredTargets, targetOf } from "./declared-targets";
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
