import { Construct } from "constructs";
import { isDay } from "../calculus/calendar";
import { type Basis, BASES } from "../calculus/held";
import { assess } from "./collector";
import { stackName } from "./declared-services";
import { type DeclaredTarget, markAsTarget, type Waiver } from "./declared-targets";

export interface AvailabilityTargetProps {
  /** Availability to promise, above 0 and below 1: 0.9995 is 99.95 %. */
  readonly atLeast: number;
  /** Name of the service that it is for. @default - every service of the stack */
  readonly service?: string;
  /**
   * Which figure must reach it: with parts that fail independently, under the declared common causes, or the bound
   * with nothing known about dependence. @default "correlated"
   */
  readonly basis?: Basis;
  /** Count planned work as down. @default true */
  readonly planned?: boolean;
  /** Lets the target be missed for a time. @default - none */
  readonly waiver?: Waiver;
  /** The day that decides whether a waiver has expired, in UTC. @default - today */
  readonly asOf?: Date;
}

/**
 * What the services of the stack around it must be able to promise. Synth fails, with the explanation, when one
 * cannot: when the target is missed, exceeds what a required service of another stack promises, or is covered
 * only by a waiver that has expired.
 */
export class AvailabilityTarget extends Construct implements DeclaredTarget {
  readonly atLeast: number;
  /** Name of the service. */
  readonly service?: string;
  /** Which figure must reach it. */
  readonly basis: Basis;
  /** Whether planned work counts as down. */
  readonly planned: boolean;
  /** Why the target may be missed for a while, when it may. */
  readonly waiver?: Waiver;
  readonly asOf?: Date;

  /** @throws RangeError for an `atLeast` that is no fraction, an unknown basis, or a waiver without a reason or a day YYYY-MM-DD */
  constructor(scope: Construct, id: string, props: AvailabilityTargetProps) {
    super(scope, id);
    const { atLeast, waiver } = props;
    if (!(typeof atLeast === "number" && atLeast > 0 && atLeast < 1)) {
      throw new RangeError(
        `availability target must be a number above 0 and below 1, got ${JSON.stringify(atLeast)}`,
      );
    }
    const { basis = "correlated" } = props;
    if (!BASES.includes(basis)) {
      throw new RangeError(
        `availability target: basis must be one of ${BASES.join(", ")}, got ${JSON.stringify(basis)}`,
      );
    }
    if (waiver !== undefined) checkWaiver(waiver);
    this.atLeast = atLeast;
    this.service = props.service;
    this.basis = basis;
    this.planned = props.planned ?? true;
    this.waiver = waiver;
    this.asOf = props.asOf;
    markAsTarget(this);
    this.node.addValidation({ validate: () => this.findings() });
  }

  private findings(): string[] {
    const stack = stackName(this);
    const services = assess(this.node.root).filter(
      (one) => one.stack === stack && (this.service === undefined || one.result.service === this.service),
    );
    if (services.length === 0) {
      const what =
        this.service === undefined ? "declares no service" : `declares no service "${this.service}"`;
      return [`stack "${stack}" has an availability target but ${what}`];
    }
    return services.flatMap(({ result: { service, target } }) =>
      target === null || !(target.verdict === "missed" || target.verdict === "undecided")
        ? []
        : [`${stack}/${service}: ${target.explanation.join("\n  ")}`],
    );
  }
}

function checkWaiver({ reason, until }: Waiver): void {
  if (typeof reason !== "string" || reason.trim() === "") {
    throw new RangeError(`waiver needs a reason, got ${JSON.stringify(reason)}`);
  }
  if (typeof until !== "string" || !isDay(until)) {
    throw new RangeError(`waiver needs an end date in UTC, YYYY-MM-DD, got ${JSON.stringify(until)}`);
  }
}
