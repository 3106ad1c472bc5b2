import { type MessageHead, NO_LENGTH } from "../../../http1/message-head";
import { type RequestHead } from "../../../http1/request-head";
import { type ResponseHead } from "../../../http1/response-head";

/** How long an answer may be given (RFC 9111 section 4.2). Seconds. */
export interface Freshness {
  /** Its age when it came. */
  readonly age: number;
  /** Until this age it is fresh. */
  readonly lifetime: number;
  /** For how much longer it may stand in where nobody answers (RFC 5861 section 4). */
  readonly staleFor: number;
}

/** Those that a cache may keep without being told to (RFC 9110 section 15.1), and whose whole is at hand. */
const KEPT_STATUSES = new Set([200, 203, 204, 300, 301, 308, 404, 410]);

/**
 * For how long the answer to a GET may be given to others that ask for the same; undefined where it may not be kept:
 * what is private, personal or asked for with a right to it, and what nobody knows to be whole.
 *
 * @param ifError seconds that an answer may stand in where it says nothing of `stale-if-error` itself
 * @param waited seconds from the request to the answer
 * @param now milliseconds since 1970
 */
export function freshness(
  request: RequestHead,
  answer: ResponseHead,
  ifError: number,
  waited: number,
  now: number,
): Freshness | undefined {
  if (!KEPT_STATUSES.has(answer.status) || unconfirmed(answer)) return undefined;
  if (request.fieldValue("authorization") !== undefined) return undefined;
  const says = directives(answer);
  if (["no-store", "no-cache", "private"].some((each) => says.has(each))) return undefined;
  if (answer.fieldValue("set-cookie") !== undefined || varied(answer).includes("*")) return undefined;
  // Who sends cookies may get an answer of their own; that it is everybody's has to be said.
  if (request.fieldValue("cookie") !== undefined && !says.has("public") && !says.has("s-maxage"))
    return undefined;
  const date = instant(answer.fieldValue("date"));
  const age = Math.max(
    count(answer.fieldValue("age")) + waited,
    date === undefined ? 0 : (now - date) / 1000,
  );
  const lifetime = lifetimeOf(answer, says, date ?? now);
  // That it must be asked for again is not to be set aside because nobody can be asked (section 5.2.2).
  const strict = ["must-revalidate", "proxy-revalidate", "s-maxage"].some((each) => says.has(each));
  const said = says.get("stale-if-error");
  const staleFor = strict ? 0 : said === undefined ? ifError : count(said);
  return age < lifetime + staleFor ? { age, lifetime, staleFor } : undefined;
}

/** Whether this request keeps its answer from being kept. */
export function forbidsKeeping(request: RequestHead): boolean {
  return directives(request).has("no-store");
}

/** Whether an answer of that age may be given to this request in an origin's place. */
export function satisfies(request: RequestHead, { lifetime, staleFor }: Freshness, age: number): boolean {
  if (age >= lifetime + staleFor) return false;
  for (const personal of ["authorization", "if-match", "if-unmodified-since"])
    if (request.fieldValue(personal) !== undefined) return false;
  const asks = directives(request);
  if (asks.has("no-cache")) return false;
  const most = asks.get("max-age");
  if (most !== undefined && age > count(most)) return false;
  const least = asks.get("min-fresh");
  if (least !== undefined && lifetime - age < count(least)) return false;
  const bearable = asks.get("stale-if-error");
  return bearable === undefined || age < lifetime + count(bearable);
}

/** Names of the request's fields that the answer depends on, in lower case. */
export function varied(answer: ResponseHead): readonly string[] {
  return listed(answer, "vary").map((name) => name.toLowerCase());
}

/** All that a message says in fields of this name (in lower case), as one list's text. */
export function fieldText(head: MessageHead, name: string): string {
  const values: string[] = [];
  head.someField(name.charAt(0), (each, value) => {
    if (each === name) values.push(value);
    return false;
  });
  return values.join(", ");
}

/** Nothing but the end of its connection says that all of it has come. */
function unconfirmed(answer: ResponseHead): boolean {
  return answer.close && !answer.chunked && answer.contentLength === NO_LENGTH && answer.status !== 204;
}

function lifetimeOf(answer: ResponseHead, says: ReadonlyMap<string, string>, date: number): number {
  const told = says.get("s-maxage") ?? says.get("max-age");
  if (told !== undefined) return count(told);
  const expires = answer.fieldValue("expires");
  // One that is no date says that it is over (section 5.3).
  return expires === undefined ? 0 : Math.max(0, ((instant(expires) ?? 0) - date) / 1000);
}

const DIRECTIVE = /([!#$%&'*+.^_`|~0-9a-z-]+)(?:\s*=\s*(?:"([^"]*)"|([^\s,"]*)))?/gi;

/** Directives of Cache-Control by name in lower case; of one that is told twice the shorter time. */
function directives(head: MessageHead): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [, name, quoted, plain] of fieldText(head, "cache-control").matchAll(DIRECTIVE)) {
    const key = name!.toLowerCase();
    const value = quoted ?? plain ?? "";
    const before = found.get(key);
    found.set(key, before === undefined || count(value) < count(before) ? value : before);
  }
  return found;
}

const listed = (head: MessageHead, name: string): string[] =>
  fieldText(head, name)
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");

/** Seconds; 0 where it is none, so that nothing is held to be younger than it is. */
const count = (text: string | undefined): number => (/^\d{1,10}$/.test(text ?? "") ? Number(text) : 0);

/** Milliseconds since 1970. */
function instant(text: string | undefined): number | undefined {
  const at = text === undefined ? NaN : Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}
