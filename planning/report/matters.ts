import { type Change } from "../matters/contents";
import { type DifferenceLine } from "../matters/line-difference";
import { type Matter } from "../matters/matter";

/** Lines of a difference that are shown: a comment on a pull request has room for so much. */
const MOST_LINES = 120;

/** One line of what a deploy does to a place, e.g. `jp-1: proxy.json changes, tricloud-proxy restarts, batch 1 of 3`. */
export function matterLine({ place, changes, effects, turn, atLeastSeconds }: Matter): string {
  const parts = [
    ...changes.map(({ what }) => what),
    ...effects,
    ...(turn === undefined || turn.of < 2 ? [] : [`${turn.what} ${turn.number} of ${turn.of}`]),
    ...(atLeastSeconds === undefined ? [] : [`${atLeastSeconds} s at the least`]),
  ];
  return `${place}: ${parts.join(", ")}`;
}

/** A difference that one place or several have in common. */
export interface CommonDifference {
  readonly places: readonly string[];
  readonly subject: string;
  readonly lines: readonly DifferenceLine[];
}

/** Every difference once, however many places it is in. */
export function commonDifferences(matters: readonly Matter[]): CommonDifference[] {
  const found = new Map<string, { places: string[]; subject: string; lines: readonly DifferenceLine[] }>();
  for (const { place, changes } of matters) {
    for (const { subject = "", difference } of changes.filter(hasDifference)) {
      const key = `${subject}\0${JSON.stringify(difference)}`;
      const known = found.get(key);
      if (known === undefined) found.set(key, { places: [place], subject, lines: difference });
      else known.places.push(place);
    }
  }
  return [...found.values()];
}

const hasDifference = (change: Change): change is Change & { difference: readonly DifferenceLine[] } =>
  change.difference !== undefined && change.difference.length > 0;

const SIGNS = { added: "+", removed: "-", same: " ", skipped: "" } as const;

/** A difference as `diff -u` shows it, without its head. */
export function differenceText(lines: readonly DifferenceLine[]): string {
  const shown = lines.slice(0, MOST_LINES).map(({ kind, line }) => `${SIGNS[kind]}${line}`);
  const more = lines.length - shown.length;
  return [...shown, ...(more > 0 ? [`@@ and ${more} more lines`] : [])].join("\n");
}

/** All that a plan does to machines and workloads, for a terminal; empty when it does nothing to them. */
export function mattersText(matters: readonly Matter[]): string {
  if (matters.length === 0) return "";
  const differences = commonDifferences(matters).map(
    ({ places, subject, lines }) =>
      `${subject} (${places.join(", ")})\n${differenceText(lines).replace(/^/gm, "  ")}`,
  );
  return ["What happens to the machines:", ...matters.map((matter) => `  ${matterLine(matter)}`)]
    .concat(differences.flatMap((text) => ["", text]))
    .join("\n");
}
