/** Values within values that are looked into at most. */
const MAX_DEPTH = 200;
/** A number whose last digits a double does not hold. */
const LONG = /\d{16}/;
const STRING_OR_LONG = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d{16,}(?![\d.eE])/g;

/** The values are within each other too deep to be compared. */
export class TooDeep extends Error {}

/** Reads JSON, and whole numbers beyond 2^53 digit by digit. @throws SyntaxError */
export function readJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (!LONG.test(text)) return value;
  // Strings are matched so that digits in them are left alone; a control character begins no string of a valid text.
  return JSON.parse(
    text.replace(STRING_OR_LONG, (each) => (each.startsWith('"') ? each : `"\\u0000${each}"`)),
  );
}

/**
 * Where two JSON values differ first, as a JSON pointer; undefined where they do not.
 *
 * @param ignored pointers, segment by segment, to what does not count; `*` stands for any segment
 * @throws TooDeep
 */
export function difference(
  ours: unknown,
  theirs: unknown,
  ignored: readonly (readonly string[])[],
  at: readonly string[] = [],
): string | undefined {
  if (at.length > MAX_DEPTH) throw new TooDeep();
  if (!isStructure(ours) || !isStructure(theirs) || Array.isArray(ours) !== Array.isArray(theirs))
    return ours === theirs ? undefined : pointer(at);
  for (const key of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
    const within = ignored.filter(([first]) => first === key || first === "*").map((each) => each.slice(1));
    if (within.some(({ length }) => length === 0)) continue;
    const there = [...at, key];
    if (!Object.hasOwn(ours, key) || !Object.hasOwn(theirs, key)) return pointer(there);
    const found = difference(ours[key], theirs[key], within, there);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** An object, or an array, whose elements' names are their indices. */
function isStructure(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function pointer(segments: readonly string[]): string {
  return segments.map((segment) => `/${segment.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
