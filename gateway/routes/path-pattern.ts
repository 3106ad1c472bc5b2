/** One segment of a pattern: a text, or what takes any segment that is not empty. */
export type Segment = { readonly text: string } | { readonly variable: string };

/** A path as routes name it: `/v1/items/{id}`, and `/v1/**` for `/v1` and all below. */
export interface PathPattern {
  readonly segments: readonly Segment[];
  /** It takes whatever follows. */
  readonly open: boolean;
}

/** What a pattern may be, for messages. */
export const PATH_EXPECTS = "a path such as /v1/items, /v1/items/{id} or /v1/**";

const TEXT = /^(?:[A-Za-z0-9\-._~!$&'()+,;=:@]|%[0-9A-Fa-f]{2})*$/;
const VARIABLE = /^\{([a-z_][a-z0-9_]*)\}$/i;

/** Reads a pattern; undefined where it is none. */
export function readPathPattern(text: string): PathPattern | undefined {
  if (!text.startsWith("/")) return undefined;
  const open = text.endsWith("/**");
  const body = open ? text.slice(0, -3) : text;
  const segments: Segment[] = [];
  const names = new Set<string>();
  for (const part of body === "" && open ? [] : body.slice(1).split("/")) {
    const variable = VARIABLE.exec(part)?.[1];
    if (variable !== undefined ? names.has(variable) : !TEXT.test(part)) return undefined;
    if (variable !== undefined) names.add(variable);
    segments.push(variable === undefined ? { text: canonical(part) } : { variable });
  }
  return hasDotSegment(body) ? undefined : { segments, open };
}

/** Names of a pattern's variables. */
export function variablesOf({ segments }: PathPattern): string[] {
  return segments.flatMap((segment) => ("variable" in segment ? [segment.variable] : []));
}

/** The same for all patterns that take the same paths. */
export function shapeOf({ segments, open }: PathPattern): string {
  const parts = segments.map((segment) => ("text" in segment ? segment.text : "{}"));
  return `/${[...parts, ...(open ? ["**"] : [])].join("/")}`;
}

/** A segment in the one form in which it is compared: only what must be is percent-encoded (RFC 3986 section 6.2.2). */
export function canonical(segment: string): string {
  if (!segment.includes("%")) return segment;
  return segment.replace(/%[0-9A-Fa-f]{2}/g, (encoded) => {
    const character = String.fromCharCode(parseInt(encoded.slice(1), 16));
    return /[A-Za-z0-9\-._~]/.test(character) ? character : encoded.toUpperCase();
  });
}

/** A segment of the path is `.` or `..`, however it is written: what it leads to, each server decides for itself. */
export function hasDotSegment(path: string): boolean {
  if (!path.includes("/.") && !path.includes("%2")) return false;
  return /\/(?:\.|%2e){1,2}(?:\/|$)/i.test(path);
}

/**
 * What takes the place of a path that the pattern has taken.
 *
 * @param rewrite a path with variables of the pattern, and `**` at its end for what follows
 */
export function rewritten(pattern: PathPattern, rewrite: PathPattern, path: string): string {
  const parts = path.slice(1).split("/");
  const values = new Map<string, string>();
  pattern.segments.forEach((segment, index) => {
    if ("variable" in segment) values.set(segment.variable, parts[index]!);
  });
  const made = rewrite.segments.map((segment) =>
    "text" in segment ? segment.text : values.get(segment.variable)!,
  );
  if (rewrite.open) made.push(...parts.slice(pattern.segments.length));
  return `/${made.join("/")}`;
}
