import { type CompletedExchange } from "../../proxy/engine";

/** A request that is told of, as it begins. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  /** Whose request it is; undefined where nobody said. */
  readonly parentSpanId: string | undefined;
  readonly traceState: string | undefined;
}

/** What is known of it besides its exchange. */
export interface SpanRoute {
  readonly route: string;
  readonly service: string;
  /** The path that the route takes, as it is written; undefined where no route took it. */
  readonly template: string | undefined;
  /** The client's address, as far as it is known. */
  readonly address: string;
  readonly scheme: string;
}

/** Methods that the semantic conventions know; any other could be anything. */
const METHODS = new Set(["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"]);
const SERVER = 2;
const ERROR = 2;

/**
 * A span as OTLP's JSON has it, with the attributes of OpenTelemetry's semantic conventions for HTTP servers (1.23 and
 * later). The query is left out: who may read traces need not know what people search for.
 *
 * @param endedAt `performance.now()` at its last byte
 */
export function spanJson(
  { traceId, spanId, parentSpanId, traceState }: Span,
  { route, service, template, address, scheme }: SpanRoute,
  { head, status, startedAt, remoteAddress }: CompletedExchange,
  endedAt: number,
): string {
  const method = METHODS.has(head.method) ? head.method : "_OTHER";
  const name = method === "_OTHER" ? "HTTP" : method;
  const [, host = "", port] = /^(.*?)(?::(\d+))?$/.exec(head.host) ?? [];
  const failed = status >= 500;
  const attributes = [
    text("http.request.method", method),
    ...(method === "_OTHER" ? [text("http.request.method_original", head.method)] : []),
    text("url.path", head.path),
    text("url.scheme", scheme),
    ...(template === undefined ? [] : [text("http.route", template)]),
    number("http.response.status_code", status),
    ...(host === "" ? [] : [text("server.address", host)]),
    ...(port === undefined ? [] : [number("server.port", Number(port))]),
    text("client.address", address),
    text("network.peer.address", remoteAddress),
    ...(head.userAgent === "" ? [] : [text("user_agent.original", head.userAgent)]),
    ...(failed ? [text("error.type", String(status))] : []),
    text("tricloud.gateway.route", route),
    text("tricloud.gateway.service", service),
  ];
  return (
    `{"traceId":"${traceId}","spanId":"${spanId}",` +
    (parentSpanId === undefined ? "" : `"parentSpanId":"${parentSpanId}",`) +
    (traceState === undefined ? "" : `"traceState":${JSON.stringify(traceState)},`) +
    `"name":${JSON.stringify(template === undefined ? name : `${name} ${template}`)},"kind":${SERVER},` +
    `"startTimeUnixNano":"${nanoseconds(startedAt)}","endTimeUnixNano":"${nanoseconds(endedAt)}",` +
    `"attributes":[${attributes.join(",")}]${failed ? `,"status":{"code":${ERROR}}` : ""}}`
  );
}

const text = (key: string, value: string): string =>
  `{"key":"${key}","value":{"stringValue":${JSON.stringify(value)}}}`;

/** A 64-bit integer is a text in protobuf's JSON. */
const number = (key: string, value: number): string => `{"key":"${key}","value":{"intValue":"${value}"}}`;

/** Since 1970; no number holds them. @param at `performance.now()` of that moment */
function nanoseconds(at: number): string {
  const ms = performance.timeOrigin + at;
  const whole = Math.floor(ms);
  return `${whole}${String(Math.floor((ms - whole) * 1e6)).padStart(6, "0")}`;
}

/** The message of several spans: an ExportTraceServiceRequest. @param spans of `spanJson` */
export const exportJson = (
  spans: readonly string[],
  resource: Readonly<Record<string, string>>,
  scope: { readonly name: string; readonly version: string },
): string =>
  `{"resourceSpans":[{"resource":{"attributes":[${Object.entries(resource)
    .map(([key, value]) => text(key, value))
    .join(",")}]},"scopeSpans":[{"scope":${JSON.stringify(scope)},"spans":[${spans.join(",")}]}]}]}`;
