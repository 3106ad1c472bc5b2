/** A line of a difference and what becomes of it. */
export interface DifferenceLine {
  readonly kind: "same" | "added" | "removed" | "skipped";
  readonly line: string;
}

/** Unchanged lines shown around each change. */
const CONTEXT = 2;
/** Above so many lines that may differ, what is alike among them is not looked for. */
const MOST_COMPARED = 2000;

/** What makes one text of another, line by line, with a little of what stays around it. */
export function lineDifference(before: string, after: string): DifferenceLine[] {
  return withContext(wholeDifference(linesOf(before), linesOf(after)));
}

const linesOf = (text: string): string[] => (text === "" ? [] : text.replace(/\n$/, "").split("\n"));

function wholeDifference(before: readonly string[], after: readonly string[]): DifferenceLine[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  while (
    end < before.length - start &&
    end < after.length - start &&
    before[before.length - 1 - end] === after[after.length - 1 - end]
  ) {
    end++;
  }
  const same = (line: string): DifferenceLine => ({ kind: "same", line });
  return [
    ...before.slice(0, start).map(same),
    ...middleDifference(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...before.slice(before.length - end).map(same),
  ];
}

/** By the longest common subsequence. */
function middleDifference(before: readonly string[], after: readonly string[]): DifferenceLine[] {
  const removed = (line: string): DifferenceLine => ({ kind: "removed", line });
  const added = (line: string): DifferenceLine => ({ kind: "added", line });
  if (before.length > MOST_COMPARED || after.length > MOST_COMPARED)
    return [...before.map(removed), ...after.map(added)];
  const width = after.length + 1;
  const longest = new Uint16Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      const [down, right] = [longest[(i + 1) * width + j] ?? 0, longest[i * width + j + 1] ?? 0];
      longest[i * width + j] =
        before[i] === after[j] ? (longest[(i + 1) * width + j + 1] ?? 0) + 1 : Math.max(down, right);
    }
  }
  const lines: DifferenceLine[] = [];
  let [i, j] = [0, 0];
  while (i < before.length && j < after.length) {
    const [old = "", young = ""] = [before[i], after[j]];
    if (old === young) {
      lines.push({ kind: "same", line: old });
      i++;
      j++;
    } else if ((longest[(i + 1) * width + j] ?? 0) >= (longest[i * width + j + 1] ?? 0)) {
      lines.push(removed(old));
      i++;
    } else {
      lines.push(added(young));
      j++;
    }
  }
  return [...lines, ...before.slice(i).map(removed), ...after.slice(j).map(added)];
}

function withContext(lines: readonly DifferenceLine[]): DifferenceLine[] {
  const changed = lines.flatMap(({ kind }, index) => (kind === "same" ? [] : [index]));
  const shown = new Set(
    changed.flatMap((index) =>
      Array.from({ length: 2 * CONTEXT + 1 }, (_, offset) => index - CONTEXT + offset),
    ),
  );
  const result: DifferenceLine[] = [];
  lines.forEach((line, index) => {
    if (shown.has(index)) result.push(line);
    else if (result.length > 0 && result[result.length - 1]?.kind !== "skipped")
      result.push({ kind: "skipped", line: "" });
  });
  if (result[result.length - 1]?.kind === "skipped") result.pop();
  return result;
}
