import type { Drawing } from "./drawing";
import type { Link } from "./links";
import { listed } from "./machine-groups";
import { wrapped } from "./text-width";

/** What is none of the regions; none can have that name. */
export const ELSEWHERE = "somewhere else";

const LINE = 16;
const MARGIN = 8;

/** What links begin and end at: a line downwards that each of them meets. */
export interface Participant {
  readonly name: string;
  readonly x: number;
  /** Where its line begins. */
  readonly top: number;
}

/**
 * Links one under another, each an arrow between the lines of the two that it joins, its words above it in the gap
 * that is widest. Each has a row of its own, so that nothing is written over anything.
 *
 * @param participants from left to right
 * @returns where the strip ends
 */
export function linkStrip(
  drawing: Drawing,
  participants: readonly Participant[],
  links: readonly Link[],
): number {
  let y = Math.max(...participants.map(({ top }) => top)) + 8;
  const rows = links.map((link) => {
    const from = participants.findIndex(({ name }) => name === link.from);
    const to = participants.findIndex(({ name }) => name === (link.to ?? ELSEWHERE));
    const direction: 1 | -1 = from < to ? 1 : -1;
    const [left, right] = widestGap(participants, from, to);
    const lines = wrapped(words(link), "small", right - left - 2 * MARGIN);
    y += lines.length * LINE + 14;
    return {
      link,
      from: participants[from]!,
      to: participants[to]!,
      direction,
      middle: (left + right) / 2,
      lines,
      y,
    };
  });
  const bottom = y + 14;
  for (const { name, x, top } of participants) drawing.line("lifeline", [x, top], [x, bottom], [name, name]);
  for (const { link, from, to, direction, middle, lines, y: at } of rows) {
    const end = link.kind === "call" ? to.x - 8 * direction : to.x;
    drawing.line(link.kind, [from.x, at], [end, at], [from.name, to.name]);
    if (link.kind === "call") drawing.head(to.x, at, direction);
    lines.forEach((line, index) =>
      drawing.centred("small", line, middle, at - 7 - (lines.length - 1 - index) * LINE),
    );
  }
  return bottom;
}

/** Between two neighbours on the way; of gaps that are alike, the one beside the beginning. */
function widestGap(participants: readonly Participant[], from: number, to: number): [number, number] {
  const [first, last] = [Math.min(from, to), Math.max(from, to)];
  const gaps = participants
    .slice(first, last)
    .map((each, index): [number, number] => [each.x, participants[first + index + 1]!.x]);
  const near = from < to ? gaps : gaps.reverse();
  return near.reduce((best, gap) => (gap[1] - gap[0] > best[1] - best[0] ? gap : best));
}

/** What a link carries; of many things, the first and how many more. */
function words({ kind, carries }: Link): string {
  const shown = listed(carries, 6);
  return kind === "call" ? shown : ["Consul federation", shown].filter((part) => part !== "").join(": ");
}
