import { complement } from "../calculus/complement";
import { MINUTES_PER_YEAR } from "../calculus/downtime";
import { held } from "../calculus/held";
import { type Sensitivity, SENSITIVITY_FACTOR } from "../calculus/sensitivity";
import type { ServiceAvailability } from "../collect/availability-run";
import { duration } from "./figures";
import { markup } from "./markup";

const LABELS = 230;
const BARS = 560;
const AFTER = 150;
const ROW = 26;
const BAR = 16;
const TOP = 34;
const MOST_ROWS = 12;
const LABEL_CHARACTERS = 34;

/**
 * What a year's downtime becomes if each assumed figure is wrong by ten either way, the widest first; the upright line
 * is what is assumed, a dashed one the target.
 *
 * @returns an SVG element; nothing where nothing is assumed
 */
export function tornado({ sensitivity, components, target, results }: ServiceAvailability): string {
  const rows = (sensitivity ?? []).filter(({ low, high }) => high > low).slice(0, MOST_ROWS);
  const [first] = rows;
  if (first === undefined) return "";
  const labels = new Map(components.map(({ id, label }) => [id, label]));
  const allowed = target === null ? undefined : complement(target.atLeast);
  const ends = rows
    .flatMap(({ low, high }) => [low, high])
    .concat(allowed ?? [])
    .filter((end) => end > 0);
  // Half a tenth of room on either side, on a scale of powers of ten.
  const [least, most] = [Math.log10(Math.min(...ends)) - 0.05, Math.log10(Math.max(...ends)) + 0.05];
  const x = (unavailability: number): number =>
    LABELS + (BARS * (Math.max(least, Math.log10(unavailability)) - least)) / (most - least);
  const width = LABELS + BARS + AFTER;
  const height = TOP + rows.length * ROW + 10;
  const base = held(results, target ?? {}).unavailability.upper;
  const upright = (at: number, name: string, text: string, y: number): string =>
    `<path class="${name}" d="M${at.toFixed(1)} ${TOP - 4}V${height - 6}"/>` +
    `<text class="caption" x="${at.toFixed(1)}" y="${y}">${markup(text)}</text>`;
  const bars = rows.map((row, index) => bar(row, labels.get(row.id) ?? row.id, x, TOP + index * ROW));
  return [
    `<svg role="img" class="tornado" viewBox="0 0 ${width} ${height}" style="max-width:${width}px">`,
    `<title>a year's downtime if an assumed figure is wrong by ${SENSITIVITY_FACTOR} either way</title>`,
    ...bars,
    upright(x(base), "wire", `assumed ${yearly(base)}`, 12),
    allowed === undefined ? "" : upright(x(allowed), "limit", `target ${yearly(allowed)}`, 26),
    "</svg>",
  ].join("");
}

function bar(
  { low, high, turnsAt }: Sensitivity,
  label: string,
  x: (u: number) => number,
  y: number,
): string {
  const [left, right] = [x(low), x(high)];
  const middle = y + BAR - 4;
  const short = label.length <= LABEL_CHARACTERS ? label : `${label.slice(0, LABEL_CHARACTERS - 1)}…`;
  const hover = `${label}: ${yearly(low)} to ${yearly(high)} a year`;
  const turns = turnsAt === null ? "" : `turns at ${Number(turnsAt.toPrecision(2))} times`;
  return (
    `<g><title>${markup(hover)}</title>` +
    `<text class="start" x="10" y="${middle}">${markup(short)}</text>` +
    `<rect class="bar" x="${left.toFixed(1)}" y="${y}" width="${Math.max(1, right - left).toFixed(1)}" height="${BAR}" rx="3"/>` +
    `<text class="start caption" x="${LABELS + BARS + 12}" y="${middle}">${markup(turns)}</text></g>`
  );
}

const yearly = (unavailability: number): string => duration(unavailability * MINUTES_PER_YEAR);
