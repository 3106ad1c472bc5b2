import { type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http2";
import { SPACE, TAB } from "../http1/byte-classes";

/** Fields that HTTP/2 has no place for (RFC 9113 section 8.2.2); framing and hop are its own. */
export const HTTP1_ONLY = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "host",
  "te",
]);

/** Calls `take` with name (in lower case) and value of each of the lines of `text[from..to)`, all ended by CRLF. */
export function eachField(
  text: string,
  from: number,
  to: number,
  take: (name: string, value: string) => void,
): void {
  for (let at = from; at < to;) {
    const colon = text.indexOf(":", at);
    const lineEnd = text.indexOf("\r\n", colon);
    let start = colon + 1;
    let end = lineEnd;
    while (start < end && isBlank(text.charCodeAt(start))) start++;
    while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
    take(text.slice(at, colon).toLowerCase(), text.slice(start, end));
    at = lineEnd + 2;
  }
}

function isBlank(char: number): boolean {
  return char === SPACE || char === TAB;
}

/** HTTP/2 fields for the field lines of an HTTP/1 message, each ended by CRLF. */
export function toHttp2Fields(lines: string): OutgoingHttpHeaders {
  const fields: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  eachField(lines, 0, lines.length, (name, value) => {
    if (HTTP1_ONLY.has(name)) return;
    const before = fields[name];
    if (before === undefined) fields[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else fields[name] = [before, value];
  });
  // Single-valued to Node's http2, which would throw on a list.
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    if (Array.isArray(value) && SINGLE.has(name)) fields[name] = value.join(", ");
  }
  return fields;
}

const SINGLE = new Set([
  "access-control-allow-credentials",
  "access-control-max-age",
  "access-control-request-method",
  "age",
  "authorization",
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-md5",
  "content-range",
  "content-type",
  "date",
  "dnt",
  "etag",
  "expires",
  "from",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "last-modified",
  "location",
  "max-forwards",
  "proxy-authorization",
  "range",
  "referer",
  "retry-after",
  "tk",
  "upgrade-insecure-requests",
  "user-agent",
  "x-content-type-options",
]);

/** HTTP/1 field lines for HTTP/2 fields, pseudo fields left out. */
export function toLines(fields: IncomingHttpHeaders): string {
  let lines = "";
  for (const [name, value] of Object.entries(fields)) {
    if (name.startsWith(":") || value === undefined) continue;
    // Cookies may come in crumbs and are put together again (RFC 9113 section 8.2.3).
    for (const each of Array.isArray(value) ? value : [value]) lines += `${name}: ${each}\r\n`;
  }
  return lines;
}
