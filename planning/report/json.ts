import { type AvailabilityReport, availabilityChanges } from "./availability";
import { type ReportedPlan } from "./reported-plan";
import { summarise } from "../plan/summary";

/**
 * All plans as one JSON document: `{ stacks: [{ stack, succeeded, summary, matters, plan } | { stack, succeeded,
 * errors }], availability: [...] }`. `plan` is Terraform's own plan format.
 */
export function jsonReport(
  plans: readonly ReportedPlan[],
  availability: AvailabilityReport | undefined,
  base: AvailabilityReport | undefined,
): string {
  const stacks = plans.map(({ stack, succeeded, text, plan, matters }) => {
    if (plan === undefined) return { stack, succeeded, errors: text.trim() };
    const { byType, ...summary } = summarise(plan);
    return { stack, succeeded, summary: { ...summary, byType: Object.fromEntries(byType) }, matters, plan };
  });
  const names = plans.map(({ stack }) => stack);
  return JSON.stringify(
    {
      stacks,
      availability: availability === undefined ? [] : availabilityChanges(availability, base, names),
    },
    undefined,
    2,
  );
}
