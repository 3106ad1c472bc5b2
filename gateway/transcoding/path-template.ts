import { canonical } from "../routes/path-pattern";

/** A part of the path that fills a field. */
export interface TemplateVariable {
  /** Names that lead to the field, the outermost first. */
  readonly field: readonly string[];
  /** Segments that it takes: from the first to before the last, which is open where it takes all that follow. */
  readonly from: number;
  readonly to: number | undefined;
  /** It may take more than one: a slash within a segment stays percent-encoded (google/api/http.proto). */
  readonly multiple: boolean;
}

/** A path template of google.api.HttpRule. */
export interface PathTemplate {
  /** `*` for any one segment that is not empty; `**`, as the last, for any number; else a text. */
  readonly segments: readonly string[];
  readonly variables: readonly TemplateVariable[];
  /** What follows the last colon, or empty. */
  readonly verb: string;
}

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
const LITERAL = /^(?:[A-Za-z0-9\-._~!$&'()+,;=@]|%[0-9A-Fa-f]{2})+$/;

/** A path template is none; the message says why. */
export class TemplateError extends Error {}

/**
 * Reads a path template by the grammar in google/api/http.proto:
 *
 *     Template = "/" Segments [ Verb ] ;
 *     Segments = Segment { "/" Segment } ;
 *     Segment  = "*" | "**" | LITERAL | Variable ;
 *     Variable = "{" FieldPath [ "=" Segments ] "}" ;
 *     FieldPath = IDENT { "." IDENT } ;
 *     Verb     = ":" LITERAL ;
 *
 * @throws TemplateError
 */
export function readPathTemplate(text: string): PathTemplate {
  if (!text.startsWith("/")) throw new TemplateError("it does not begin with /");
  const verbAt = text.lastIndexOf(":");
  const hasVerb = verbAt > Math.max(text.lastIndexOf("/"), text.lastIndexOf("}"));
  const verb = hasVerb ? text.slice(verbAt + 1) : "";
  if (hasVerb && !LITERAL.test(verb)) throw new TemplateError(`"${verb}" is no verb`);
  const body = (hasVerb ? text.slice(0, verbAt) : text).slice(1);
  const segments: string[] = [];
  const variables: TemplateVariable[] = [];
  // A service's root has a segment that is empty.
  if (body === "") segments.push("");
  else
    for (const part of parts(body)) {
      if (/^\{[^{}]*\}$/.test(part)) variables.push(readVariable(part, segments));
      else segments.push(readSegment(part));
    }
  const deep = segments.indexOf("**");
  if (deep >= 0 && deep < segments.length - 1) throw new TemplateError("** is not the last of it");
  const fields = variables.map(({ field }) => field.join("."));
  const twice = fields.find((field, index) => fields.indexOf(field) < index);
  if (twice !== undefined) throw new TemplateError(`${twice} is there twice`);
  return { segments, variables, verb };
}

/** What stands between slashes that are in no variable. */
const parts = (text: string): string[] => text.split(/\/(?![^{}]*\})/);

/** @param segments those before it, to which its own are added */
function readVariable(text: string, segments: string[]): TemplateVariable {
  const equals = text.indexOf("=");
  const field = text.slice(1, equals < 0 ? -1 : equals).split(".");
  if (!field.every((name) => IDENTIFIER.test(name)))
    throw new TemplateError(`${text} does not begin with the name of a field`);
  const own =
    equals < 0
      ? ["*"]
      : text
          .slice(equals + 1, -1)
          .split("/")
          .map(readSegment);
  const from = segments.length;
  segments.push(...own);
  const deep = own.includes("**");
  return {
    field,
    from,
    to: deep ? undefined : segments.length,
    multiple: deep || own.length > 1,
  };
}

function readSegment(text: string): string {
  if (text === "*" || text === "**") return text;
  if (!LITERAL.test(text)) throw new TemplateError(`"${text}" is no segment`);
  return canonical(text);
}

/** What takes the place of a variable; undefined where its percent-encoding is none of UTF-8. */
export function valueOf(
  { from, to, multiple }: TemplateVariable,
  segments: readonly string[],
): string | undefined {
  const taken = segments.slice(from, to).join("/");
  if (!taken.includes("%")) return taken;
  try {
    return decodeURIComponent(multiple ? taken.replace(/%(?=2f)/gi, "%25") : taken);
  } catch {
    return undefined;
  }
}
