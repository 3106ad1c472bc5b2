import { percent } from "../calculus/percent";
import { duration, share } from "../report/figures";
import { type Comparison, type MeasuredComponent, type MeasuredService, PRIORS } from "./comparison";

/** Promised, predicted and measured side by side, and what the difference speaks against. For a terminal. */
export function textComparison({ services, components, unmeasured, unknown }: Comparison): string {
  const rows = services.map(({ stack, service, promised, predicted, measured }) => [
    `${stack}/${service}`,
    promised === null ? "-" : percent(promised),
    percent(predicted),
    percent(measured.availability),
    `${Math.round(measured.samples)} ${measured.kind} in ${duration(measured.hours * 60)}`,
  ]);
  const lines = table(["service", "promised", "predicted", "measured", "of"], rows);
  const notes = services.flatMap((one) => verdictTexts(one));
  const parts = components.map(componentText);
  return [
    ...(services.length === 0 ? ["no service of the run was measured"] : lines),
    ...notes.map((text) => `    ${text}`),
    ...(services.some(({ suspects }) => suspects.length > 0) ? [`    prior: ${PRIORS.services}`] : []),
    ...(parts.length === 0 ? [] : ["", "components, by their failures", ...parts.map((text) => `  ${text}`)]),
    ...(parts.length === 0 ? [] : [`    prior: ${PRIORS.components}`]),
    ...(unmeasured.length === 0 ? [] : [`not measured: ${unmeasured.join(", ")}`]),
    ...(unknown.length === 0 ? [] : [`measured, but not in the run: ${unknown.join(", ")}`]),
    "",
  ].join("\n");
}

const MOST_SUSPECTS = 5;

function verdictTexts({
  stack,
  service,
  deviations,
  differs,
  suspects,
  measured,
  predicted,
}: MeasuredService): string[] {
  const name = `${stack}/${service}`;
  if (deviations === null || differs === null) {
    return [
      `${name}: whether that is chance cannot be said, since the model does not know how often it fails`,
    ];
  }
  if (!differs)
    return [`${name}: within what the model lets expect of so short a time; it speaks against nothing`];
  const way = measured.availability < predicted ? "more" : "less";
  const far = `${name}: ${Number(Math.abs(deviations).toPrecision(2))} standard deviations ${way} downtime than predicted`;
  const [first] = suspects;
  if (first === undefined)
    return [
      `${far}: no assumed figure explains that alone, so a part is missing in the model or several are wrong`,
    ];
  const alike = suspects.filter(({ asPlausibleAsFirst }) => asPlausibleAsFirst);
  const rest = alike.length > MOST_SUSPECTS ? ` and ${alike.length - MOST_SUSPECTS} more` : "";
  const told = alike
    .slice(0, MOST_SUSPECTS)
    .map(
      ({ label, factor, plausibility }) =>
        `${label} (${Number(factor.toPrecision(2))} times as long down, ${share(plausibility)})`,
    );
  return [
    `${far}: that speaks against ${told.join(", or ")}${rest}`,
    ...(alike.length > 1
      ? [`${name}: the data cannot tell these ${alike.length} apart; probes of the components can`]
      : []),
  ];
}

function componentText(one: MeasuredComponent): string {
  const { label, failures, hours, assumedMtbfHours, mtbfHours, credible95, speaksAgainst } = one;
  const seen = `${label}: ${failures} failures in ${duration(hours * 60)}`;
  if (assumedMtbfHours === null || mtbfHours === null || credible95 === null) {
    return `${seen}; nothing is assumed of how often it fails`;
  }
  const time = (value: number): string => duration(value * 60);
  const verdict = speaksAgainst === true ? "speaks against the assumption" : "fits the assumption";
  return `${seen} ${verdict}: MTBF assumed ${time(assumedMtbfHours)}, now ${time(mtbfHours)} (95 %: ${time(credible95.lower)} to ${time(credible95.upper)})`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, at) => Math.max(...all.map((row) => (row[at] ?? "").length)));
  return all.map((row) => `  ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  ")}`.trimEnd());
}
