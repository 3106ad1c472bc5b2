import { type StackPlan } from "../planner";
import { type AvailabilityReport, type AvailabilityChange, availabilityChanges } from "./availability";
import { type PlanJson } from "./plan-json";
import { type Counts, summarise } from "./summary";

/** What the plans are compared with, when they are. */
export interface Comparison {
  readonly availability: AvailabilityReport | undefined;
  /** Stacks that only the base has. */
  readonly removed: readonly string[];
}

/** Platforms refuse longer comments; errors of many stacks could get there. Unit: characters. */
const LONGEST_ERROR = 6000;

/** A summary of all plans, fit for a comment on a pull request. */
export function markdownReport(
  plans: readonly StackPlan[],
  availability: AvailabilityReport | undefined,
  base: Comparison | undefined,
): string {
  const compared =
    base === undefined ? "Planned as if nothing were deployed." : "Compared with the base as deployed.";
  const sections = plans.map((plan) => {
    const changes =
      availability === undefined ? [] : availabilityChanges(availability, base?.availability, [plan.stack]);
    return [stackSection(plan), availabilitySection(changes, base !== undefined)].filter(
      (text) => text !== "",
    );
  });
  const removed = (base?.removed ?? []).map(
    (name) => `### ${name}\n\nOnly the base has this stack: what it deployed must be destroyed by hand.`,
  );
  return [
    `## Plan\n\n${compared} The clouds were not asked: quotas, permissions and cloud-side values are not checked.`,
    ...sections.flat(),
    ...removed,
    "",
  ].join("\n\n");
}

function stackSection({ stack, text, plan }: StackPlan): string {
  if (plan === undefined) {
    const shown = text.trim().slice(0, LONGEST_ERROR);
    const cut = text.trim().length > LONGEST_ERROR ? "\n... (cut; run the plan for the rest)" : "";
    return `### ${stack}: does not plan\n\n\`\`\`\`\n${shown}${cut}\n\`\`\`\``;
  }
  return [`### ${stack}: ${headline(plan)}`, ...planDetails(plan)].join("\n\n");
}

function headline(plan: PlanJson): string {
  const { add, change, replace, destroy } = summarise(plan).total;
  if (add + change + replace + destroy === 0) return "no changes";
  return `${add} to add, ${change} to change, ${replace} to replace, ${destroy} to destroy`;
}

function planDetails(plan: PlanJson): string[] {
  const { byType, replaced, destroyed } = summarise(plan);
  const details: string[] = [];
  if (byType.length > 0) {
    details.push(
      table(
        ["type", "add", "change", "replace", "destroy"],
        byType.map(([type, counts]) => [`\`${type}\``, ...columns(counts)]),
      ),
    );
  }
  if (replaced.length > 0) {
    const lines = replaced.map(
      ({ address, because }) =>
        `- \`${address}\`${because.length === 0 ? "" : ` because of ${because.map((path) => `\`${path}\``).join(", ")}`}`,
    );
    details.push(`**Replaced**\n\n${lines.join("\n")}`);
  }
  if (destroyed.length > 0) {
    details.push(`**Destroyed**\n\n${destroyed.map((address) => `- \`${address}\``).join("\n")}`);
  }
  return details;
}

function columns({ add, change, replace, destroy }: Counts): string[] {
  return [add, change, replace, destroy].map((count) => (count === 0 ? "" : String(count)));
}

function availabilitySection(changes: readonly AvailabilityChange[], compared: boolean): string {
  if (changes.length === 0) return "";
  if (!compared) {
    return table(
      ["service", "availability", "target"],
      changes.map(({ service, after, target }) => [service, after ?? "gone", target ?? ""]),
    );
  }
  return table(
    ["service", "availability before", "after", "difference", "target"],
    changes.map(({ service, before, after, difference, target }) => [
      service,
      before ?? "new",
      after ?? "gone",
      difference ?? "",
      target ?? "",
    ]),
  );
}

function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const rule = head.map((_, index) => (index === 0 ? "---" : "---:"));
  return [head, rule, ...rows].map(line).join("\n");
}
