import type { LookUp } from "./dns-lab";

/** What look-ups during one mishap amount to. */
export interface Figures {
  readonly lookUps: number;
  readonly failed: number;
  /** Longest time in which no look-up that was asked in it succeeded, in milliseconds. */
  readonly longestGapMs: number;
  /** Of the look-ups that succeeded, in milliseconds. */
  readonly slowestMs: number;
}

export function figures(lookUps: readonly LookUp[]): Figures {
  const good = lookUps.filter((one) => one.ok);
  const answered = good.map((one) => one.askedAt + one.took).sort((a, b) => a - b);
  const gaps = answered.slice(1).map((at, i) => at - answered[i]!);
  return {
    lookUps: lookUps.length,
    failed: lookUps.length - good.length,
    longestGapMs: Math.max(0, ...gaps),
    slowestMs: Math.max(0, ...good.map((one) => one.took)),
  };
}

/** How long after `since` the address was last given out, in milliseconds; 0 when it never was. */
export function lastGiven(lookUps: readonly LookUp[], address: string, since: number): number {
  const given = lookUps.filter((one) => one.addresses?.includes(address)).map((one) => one.askedAt);
  return Math.max(0, (given.at(-1) ?? since) - since);
}

/** How long after `since` the last look-up was asked that failed, in milliseconds; 0 when none did. */
export function lastFailed(lookUps: readonly LookUp[], since: number): number {
  const failed = lookUps.filter((one) => !one.ok && one.askedAt >= since).map((one) => one.askedAt);
  return Math.max(0, (failed.at(-1) ?? since) - since);
}

/** How long after `since` the address was first given out, in milliseconds; undefined when it never was. */
export function firstGiven(lookUps: readonly LookUp[], address: string, since: number): number | undefined {
  const given = lookUps.find((one) => one.askedAt >= since && one.addresses?.includes(address));
  return given && given.askedAt - since;
}

/** One line of the table: what happened, and what came of it. */
export interface Row {
  readonly what: string;
  readonly figures: Figures;
  readonly recovery: string;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 995 ? 2 : 1)} s`;
export { seconds };

export function table(rows: readonly Row[]): string {
  const cells = rows.map(({ what, figures: f, recovery }) => [
    what,
    String(f.lookUps),
    String(f.failed),
    seconds(f.longestGapMs),
    recovery,
  ]);
  const all = [["what happens", "look-ups", "failed", "longest gap", "recovery"], ...cells];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  return [line(all[0]!), rule, ...cells.map(line)].join("\n");
}
