import { type Matter } from "../matters/matter";
import { type StackPlan } from "../planner";

/** A plan with what it does to machines and workloads. */
export interface ReportedPlan extends StackPlan {
  readonly matters: readonly Matter[];
}
