import { type Matter } from "../matters/matter";
import {
  type AvailabilityReport,
  type AvailabilityChange,
  availabilityChanges,
  type MissedTarget,
} from "./availability";
import { commonDifferences, differenceText, matterLine } from "./matters";
import { type PlanJson } from "../plan/plan-json";
import { type ReportedPlan } from "./reported-plan";
import { type Counts, summarise } from "../plan/summary";

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
  plans: readonly ReportedPlan[],
  availability: AvailabilityReport | undefined,
  base: Comparison | undefined,
  against: "double" | "real" = "double",
): string {
  const compared =
    base === undefined ? "Planned as if nothing were deployed." : "Compared with the base as deployed.";
  const rests =
    against === "real"
      ? "Planned by the providers against what is deployed."
      : `${compared} The clouds were not asked: quotas, permissions and cloud-side values are not checked.`;
  const reported = plans.map((plan) => {
    const changes =
      availability === undefined ? [] : availabilityChanges(availability, base?.availability, [plan.stack]);
    return {
      plan,
      changes,
      isUnchanged: (base !== undefined || against === "real") && isUnchanged(plan, changes, against),
    };
  });
  const sections = reported
    .filter((one) => !one.isUnchanged)
    .flatMap(({ plan, changes }) => [stackSection(plan), availabilitySection(changes, base !== undefined)])
    .filter((text) => text !== "");
  const unchanged = reported.filter((one) => one.isUnchanged).map(({ plan }) => plan.stack);
  const removed = (base?.removed ?? []).map(
    (name) => `### ${name}\n\nOnly the base has this stack: what it deployed must be destroyed by hand.`,
  );
  return [
    `## Plan\n\n${rests}`,
    ...sections,
    ...(unchanged.length > 0 ? [`Unchanged: ${unchanged.join(", ")}.`] : []),
    ...removed,
    "",
  ].join("\n\n");
}

/** What there is to say when the app did not synthesise, so that nothing could be planned. */
export function unplannedReport(missed: readonly MissedTarget[], said: string): string {
  const targets = missed.map(({ stack, service, explanation }) => {
    const [headline = "", ...rest] = explanation;
    return [`### ${stack}/${service}: ${headline}`, rest.map((line) => `- ${line}`).join("\n")].join("\n\n");
  });
  const words = said.trim() === "" || targets.length > 0 ? [] : [fenced(said.trim())];
  return [
    "## Plan",
    targets.length > 0
      ? "Not planned: an availability target is missed, so nothing is synthesised."
      : "Not planned: nothing is synthesised.",
    ...targets,
    ...words,
    "",
  ].join("\n\n");
}

function isUnchanged(
  { plan }: ReportedPlan,
  changes: readonly AvailabilityChange[],
  against: "double" | "real",
): boolean {
  return (
    plan !== undefined &&
    summarise(plan).byType.length === 0 &&
    // What was promised before, the state does not say.
    (against === "real" ||
      changes.every(({ before, after, difference }) => before === after && difference === undefined))
  );
}

function stackSection({ stack, text, plan, matters }: ReportedPlan): string {
  if (plan === undefined) return `### ${stack}: does not plan\n\n${fenced(text.trim())}`;
  return [`### ${stack}: ${headline(plan)}`, ...mattersDetails(matters), ...planDetails(plan, matters)].join(
    "\n\n",
  );
}

function fenced(text: string): string {
  const cut = text.length > LONGEST_ERROR ? "\n... (cut; run the plan for the rest)" : "";
  return `\`\`\`\`\n${text.slice(0, LONGEST_ERROR)}${cut}\n\`\`\`\``;
}

/** What happens to machines, a line each, and the texts behind it for who wants to see them. */
function mattersDetails(matters: readonly Matter[]): string[] {
  if (matters.length === 0) return [];
  const differences = commonDifferences(matters).map(
    ({ places, subject, lines }) =>
      `\`${subject}\` (${places.join(", ")})\n\n\`\`\`\`diff\n${differenceText(lines)}\n\`\`\`\``,
  );
  return [
    matters.map((matter) => `- ${matterLine(matter)}`).join("\n"),
    ...(differences.length > 0
      ? [`<details><summary>Difference of the files</summary>\n\n${differences.join("\n\n")}\n\n</details>`]
      : []),
  ];
}

function headline(plan: PlanJson): string {
  const { add, change, replace, destroy } = summarise(plan).total;
  if (add + change + replace + destroy === 0) return "no changes";
  return `${add} to add, ${change} to change, ${replace} to replace, ${destroy} to destroy`;
}

function planDetails(plan: PlanJson, matters: readonly Matter[]): string[] {
  const { byType, changed, replaced: all, destroyed } = summarise(plan);
  // The steps of a deploy stand above by what they do.
  const replaced = all.filter(
    ({ address }) => matters.length === 0 || !address.startsWith("terraform_data."),
  );
  const details: string[] = [];
  if (byType.length > 0) {
    details.push(
      table(
        ["type", "add", "change", "replace", "destroy"],
        byType.map(([type, counts]) => [`\`${type}\``, ...columns(counts)]),
      ),
    );
  }
  if (changed.length > 0) {
    const lines = changed.map(
      ({ address, attributes }) => `- \`${address}\`: ${attributes.map((name) => `\`${name}\``).join(", ")}`,
    );
    details.push(`**Changed in place**\n\n${lines.join("\n")}`);
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
