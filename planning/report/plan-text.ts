/** Lines of one value, and characters of one line, that a person still reads. */
const MOST_LINES = 12;
const MOST_CHARACTERS = 400;

/**
 * Terraform's plan without the values that nobody reads there: programs, compressed user data, whole configuration
 * files. What they hold is told of apart.
 */
export function withoutLongValues(text: string): string {
  const lines: string[] = [];
  let held: string[] | undefined;
  for (const line of text.split("\n")) {
    if (held === undefined) {
      lines.push(shortened(line));
      if (/<<-?EOT\b/.test(line)) held = [];
    } else if (
      // eslint-disable-next-line no-control-regex
      /^\s*(?:\x1b\[[\d;]*m)*\s*EOT\b/.test(line)
    ) {
      lines.push(...(held.length > MOST_LINES ? [`${indentOf(held)}(${held.length} lines)`] : held), line);
      held = undefined;
    } else held.push(shortened(line));
  }
  return [...lines, ...(held ?? [])].join("\n");
}

const indentOf = (lines: readonly string[]): string => /^ */.exec(lines[0] ?? "")?.[0] ?? "";

function shortened(line: string): string {
  if (line.length <= MOST_CHARACTERS) return line;
  return line.replaceAll(/"(?:[^"\\]|\\.)*"/g, (value) =>
    value.length > MOST_CHARACTERS ? `(${value.length - 2} characters)` : value,
  );
}
