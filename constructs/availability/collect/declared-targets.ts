import type { IConstruct } from "constructs";
import type { HeldOptions } from "../calculus/held";
import { stackName } from "./declared-services";

const TARGET = Symbol.for("tricloud/AvailabilityTarget");

/** Lets a target be missed for a time. */
export interface Waiver {
  /** Shown in every report. */
  readonly reason: string;
  /** Last day on which it holds, YYYY-MM-DD in UTC. */
  readonly until: string;
}

/** What the collector reads of an availability target. */
export interface DeclaredTarget extends IConstruct, HeldOptions {
  /** 0 to 1. */
  readonly atLeast: number;
  /** @default - every service of the stack */
  readonly service?: string;
  readonly waiver?: Waiver;
  /** The day that decides whether a waiver has expired. */
  readonly asOf?: Date;
}

/** Marks a construct as a target: works across copies of this package, where `instanceof` would not. */
export function markAsTarget(target: DeclaredTarget): void {
  Object.defineProperty(target, TARGET, { value: true });
}

/** Every target in a tree. */
export function declaredTargets(root: IConstruct): DeclaredTarget[] {
  return root.node.findAll().filter((one): one is DeclaredTarget => TARGET in one);
}

/** The target of a service: its own if it has one, else the one for its whole stack. @throws RangeError for two */
export function targetOf(
  stack: string,
  service: string,
  targets: readonly DeclaredTarget[],
): DeclaredTarget | undefined {
  const within = targets.filter((target) => stackName(target) === stack);
  const named = within.filter((target) => target.service === service);
  const [target, second] = named.length > 0 ? named : within.filter((one) => one.service === undefined);
  if (second !== undefined) throw new RangeError(`${stack}/${service} has two availability targets`);
  return target;
}
