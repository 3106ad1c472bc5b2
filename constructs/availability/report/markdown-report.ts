import type { AvailabilityRun } from "../collect/availability-run";
import type { Difference } from "./difference";
import { costliest, dependencyText, SUMMARY_HEADINGS, summaryRow } from "./figures";

/** The report for a pull request comment. */
export function markdownReport(run: AvailabilityRun, changes?: readonly Difference[]): string {
  const lines = ["## Availability", ""];
  if (changes !== undefined) lines.push(...differenceLines(changes));
  const { name, ...figures } = SUMMARY_HEADINGS;
  lines.push(
    row([name, ...Object.values(figures)]),
    row(Array<string>(1 + Object.keys(figures).length).fill("---")),
  );
  for (const { stack, services } of run.stacks) {
    for (const service of services) {
      const { name: own, ...values } = summaryRow(service);
      lines.push(row([`${stack}/${own}`, ...Object.values(values)].map(escaped)));
    }
  }
  for (const { stack, services } of run.stacks) {
    for (const service of services) {
      lines.push("", "<details>", `<summary>${escaped(`${stack}/${service.service}`)}</summary>`, "");
      lines.push(`- composition: ${escaped(service.composition)}`);
      for (const need of service.dependsOn) lines.push(`- needs ${escaped(dependencyText(need, run))}`);
      const costly = costliest(service);
      if (costly.length > 0) lines.push(`- costliest: ${escaped(costly.join("; "))}`);
      if (service.singlePoints.length > 0) {
        lines.push(`- single points of failure: ${escaped(service.singlePoints.join(", "))}`);
      }
      for (const { composition, because } of service.softened)
        lines.push(`- soft: ${escaped(`${composition}: ${because}`)}`);
      for (const line of service.target?.explanation ?? []) lines.push(`- ${escaped(line)}`);
      for (const warning of service.warnings) lines.push(`- :warning: ${escaped(warning)}`);
      lines.push("", "</details>");
    }
  }
  return `${lines.join("\n")}\n`;
}

function differenceLines(changes: readonly Difference[]): string[] {
  if (changes.length === 0) return ["Nothing changed against the base.", ""];
  const marks = {
    added: "new",
    removed: "gone",
    better: "better",
    worse: "**worse**",
    "same-figure": "same",
  };
  const lines = changes.flatMap(({ stack, service, change, details }) => [
    `- ${marks[change]}: ${escaped(`${stack}/${service}`)}: ${escaped(details[0] ?? change)}`,
    ...details.slice(1).map((detail) => `  - ${escaped(detail)}`),
  ]);
  return ["Against the base:", "", ...lines, ""];
}

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

/** Text as it is, whatever it holds. */
const escaped = (text: string): string =>
  text
    .replace(/[\\`*_[\]|#]/g, "\\$&")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/\r?\n/g, " ");
