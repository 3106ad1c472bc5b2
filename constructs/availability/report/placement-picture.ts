import { MINUTES_PER_YEAR } from "../calculus/downtime";
import type { Interval } from "../calculus/frechet";
import type { Placement } from "../calculus/placement";
import { duration } from "./figures";
import { markup } from "./markup";
import { gainText, type PlacedResult } from "./placed";

const LABELS = 210;
const SCALE = 560;
const AFTER = 190;
const ROW = 28;
const TOP = 34;
const BOTTOM = 30;
const BAR = 14;
const LABEL_CHARACTERS = 30;
/** Upright lines: from 1 s to 60 d, in minutes. */
const MARKS = [1 / 60, 10 / 60, 1, 10, 60, 600, 2880, 14_400, 86_400];
/** Below a second a year nothing is told apart any more. */
const LEAST_MINUTES = 1 / 60;

/**
 * A year's downtime of a service in each region and set of regions, the best first: the bar is on the report's basis,
 * the hollow mark if parts fail independently, the line to what it is at worst with nothing known about dependence. A
 * dashed line is what the best set's shared parts cost alone.
 *
 * @returns an SVG element; nothing where no region can carry the load
 */
export function placementPicture({ placements, basis, service }: PlacedResult): string {
  const rows = placements.filter(({ outcomes }) => outcomes !== undefined);
  if (rows.length === 0) return "";
  const best = rows.find(({ regions }) => regions.length > 1);
  const cap = best === undefined || best.cappedAtMinutesPerYear < LEAST_MINUTES ? undefined : best;
  const ends = rows.flatMap((one) => [
    minutes(downOf(one, "bounds").upper),
    minutes(downOf(one, basis).upper),
  ]);
  const lows = rows
    .map((one) => minutes(downOf(one, "independent").lower))
    .concat(cap?.cappedAtMinutesPerYear ?? []);
  const [least, most] = [Math.log10(Math.min(...lows)) - 0.1, Math.log10(Math.max(...ends)) + 0.1];
  const x = (time: number): number =>
    LABELS + (SCALE * Math.max(0, Math.log10(time) - least)) / (most - least);
  const height = TOP + rows.length * ROW + BOTTOM;
  const width = LABELS + SCALE + AFTER;
  const grid = MARKS.filter((time) => time >= 10 ** least && time <= 10 ** most).map(
    (time) =>
      `<path class="grid" d="M${x(time).toFixed(1)} ${TOP - 8}V${height - BOTTOM}"/>` +
      `<text class="caption" x="${x(time).toFixed(1)}" y="${height - BOTTOM + 16}">${markup(duration(time))}</text>`,
  );
  const capLine =
    cap === undefined
      ? ""
      : `<path class="limit" d="M${x(cap.cappedAtMinutesPerYear).toFixed(1)} ${TOP - 8}V${height - BOTTOM}"/>` +
        `<text class="caption" x="${x(cap.cappedAtMinutesPerYear).toFixed(1)}" y="${TOP - 14}">` +
        `${markup(`${cap.regions.join(" + ")} share ${duration(cap.cappedAtMinutesPerYear)}`)}</text>`;
  return [
    `<svg role="img" class="placement" viewBox="0 0 ${width} ${height}" style="max-width:${width}px">`,
    `<title>${markup(`a year's downtime of ${service} in each region and set of regions`)}</title>`,
    ...grid,
    ...rows.map((one, index) => row(one, downOf(one, basis), x, TOP + index * ROW)),
    capLine,
    "</svg>",
  ].join("");
}

function row(one: Placement, down: Interval, x: (time: number) => number, y: number): string {
  const name = one.regions.join(" + ");
  const label = name.length <= LABEL_CHARACTERS ? name : `${name.slice(0, LABEL_CHARACTERS - 1)}…`;
  const middle = y + BAR / 2;
  const right = x(minutes(down.upper));
  const independent = x(minutes(downOf(one, "independent").upper));
  const worst = x(minutes(downOf(one, "bounds").upper));
  const text = `${down.lower === down.upper ? "" : "up to "}${duration(minutes(down.upper))}`;
  const gain = one.runs && gainText(one) === "as now" ? "now" : gainText(one);
  return (
    `<g class="${one.runs && one.regions.length === 1 ? "runs" : "would"}"><title>${markup(`${name}: down ${text} a year, ${gain}`)}</title>` +
    `<text class="start" x="10" y="${middle + 4}">${markup(label)}</text>` +
    `<path class="wire" d="M${right.toFixed(1)} ${middle}H${worst.toFixed(1)}M${worst.toFixed(1)} ${y + 2}V${y + BAR - 2}"/>` +
    `<rect class="bar" x="${LABELS}" y="${y}" width="${Math.max(2, right - LABELS).toFixed(1)}" height="${BAR}" rx="3"/>` +
    `<circle class="mark" cx="${independent.toFixed(1)}" cy="${middle}" r="4.5"/>` +
    `<text class="start caption" x="${LABELS + SCALE + 12}" y="${middle + 4}">${markup(`${text}${gain === "" ? "" : `, ${gain}`}`)}</text></g>`
  );
}

const downOf = ({ outcomes }: Placement, basis: PlacedResult["basis"]): Interval =>
  outcomes?.[basis].down ?? { lower: 1, upper: 1 };

const minutes = (share: number): number => Math.max(LEAST_MINUTES, share * MINUTES_PER_YEAR);
