import pc from "picocolors";
import { percent } from "../calculus/percent";
import type { AvailabilityRun, ServiceAvailability, Verdict } from "../collect/availability-run";
import type { Difference } from "./difference";
import {
  costliest,
  budgetText,
  dependencyText,
  estimateText,
  failoverTexts,
  frequencyText,
  heldAgainst,
  promise,
  share,
  SUMMARY_HEADINGS,
  type SummaryRow,
  summaryRow,
} from "./figures";

export interface TextOptions {
  readonly color: boolean;
  /** Columns to wrap long lines at. */
  readonly width: number;
}

type Colors = ReturnType<typeof pc.createColors>;

/** The report for a terminal. */
export function textReport(run: AvailabilityRun, { color, width }: TextOptions): string {
  const colors = pc.createColors(color);
  if (run.stacks.every(({ services }) => services.length === 0)) return "No stack declares a service.\n";
  const rows = run.stacks.map(({ services }) => services.map(summaryRow));
  const widths = columnWidths([SUMMARY_HEADINGS, ...rows.flat()]);
  const lines: string[] = [];
  run.stacks.forEach(({ stack, services }, index) => {
    if (index > 0) lines.push("");
    lines.push(colors.bold(stack), colors.dim(`  ${cells(SUMMARY_HEADINGS, widths).join("  ")}`.trimEnd()));
    services.forEach((one, at) => {
      const row = cells(rows[index]?.[at] as SummaryRow, widths);
      const verdict = row.length - 1;
      row[verdict] = verdictColor(one, colors)(row[verdict] as string);
      lines.push(`  ${row.join("  ")}`.trimEnd());
      for (const [name, text] of notes(one, run)) lines.push(...wrapped(name, text, width, colors));
    });
  });
  return `${lines.join("\n")}\n`;
}

/** What changed against another run, for a terminal. */
export function textDifferences(found: readonly Difference[], { color }: TextOptions): string {
  const colors = pc.createColors(color);
  if (found.length === 0) return "Nothing changed against the base.\n";
  const paint = {
    added: colors.cyan,
    removed: colors.yellow,
    better: colors.green,
    worse: colors.red,
    "same-figure": String,
  };
  const lines = found.flatMap(({ stack, service, change, details }) => [
    `  ${paint[change](`${stack}/${service}`)}: ${details[0] ?? change}`,
    ...details.slice(1).map((detail) => `      ${detail}`),
  ]);
  return `${colors.bold("against the base")}\n${lines.join("\n")}\n`;
}

/** What is told of a service below its row. */
function notes(one: ServiceAvailability, run: AvailabilityRun): [name: string, text: string][] {
  const found: [string, string][] = [["composition", one.composition]];
  for (const need of one.dependsOn) found.push(["needs", dependencyText(need, run)]);
  if (one.outcomes !== null && one.degradesWithout !== null) {
    const { full, degraded, down } = one.outcomes;
    found.push(["outcomes", `full ${percent(full)}, degraded ${share(degraded)}, down ${share(down)}`]);
  }
  for (const { composition, because } of one.softened) found.push(["soft", `${composition}: ${because}`]);
  if (one.planned !== null) found.push(["planned", `${promise(one.planned)} with planned work`]);
  const against = heldAgainst(one);
  if (against !== undefined) found.push(["held", `${against}, is held against the target`]);
  const outages = frequencyText(one);
  if (outages !== undefined) found.push(["outages", outages]);
  const budget = budgetText(one);
  if (budget !== undefined) found.push(["error budget", budget]);
  for (const text of failoverTexts(one)) found.push(["recovery", text]);
  if (one.tooLarge !== null) {
    found.push(["estimate", estimateText(one.tooLarge.estimate)]);
  }
  if (one.tooLarge !== null) found.push(["bounds only", one.tooLarge.reason]);
  const costly = costliest(one);
  if (costly.length > 0) found.push(["costliest", costly.join("; ")]);
  if (one.singlePoints.length > 0) found.push(["single points", one.singlePoints.join(", ")]);
  if (one.target?.cheapestChange) found.push(["cheapest change", one.target.cheapestChange.text]);
  for (const line of one.target?.explanation ?? []) {
    if (line.includes("exceeds") || line.startsWith("the waiver")) found.push(["target", line]);
  }
  return [...found, ...one.warnings.map((text): [string, string] => ["warning", text])];
}

const NOTE_INDENT = 22;
const NARROWEST = 40;

function wrapped(name: string, text: string, width: number, colors: Colors): string[] {
  const room = Math.max(NARROWEST, width - NOTE_INDENT);
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  lines.push(line);
  const heading = name === "warning" ? colors.yellow(name.padEnd(16)) : colors.dim(name.padEnd(16));
  return lines.map((part, index) =>
    index === 0 ? `      ${heading}${part}` : " ".repeat(NOTE_INDENT) + part,
  );
}

function verdictColor({ target }: ServiceAvailability, colors: Colors): (text: string) => string {
  const paint: { readonly [V in Verdict]: (text: string) => string } = {
    met: colors.green,
    "met-if-independent": colors.green,
    missed: colors.red,
    undecided: colors.red,
    waived: colors.yellow,
  };
  return target === null ? String : paint[target.verdict];
}

function columnWidths(rows: readonly SummaryRow[]): number[] {
  const columns = rows.map((row) => Object.values(row) as string[]);
  return (columns[0] ?? []).map((_, at) => Math.max(...columns.map((row) => row[at]?.length ?? 0)));
}

const cells = (row: SummaryRow, widths: readonly number[]): string[] =>
  (Object.values(row) as string[]).map((cell, at) => cell.padEnd(widths[at] ?? 0));
