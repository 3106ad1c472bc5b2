import { type RequestHead } from "../proxy/engine";
import { type GuardedFields } from "./fields/guarded-fields";
import { type Span } from "./tracing/span";
import { drawnIds, spanIdOf, traceIdOf, traceparentOf } from "./tracing/trace-context";
import { type Tracer, type Tracing } from "./tracing/tracer";

/** Fields by which hops in front tell of the client, and this one does: who is not believed has them dropped. */
const OF_CLIENT = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded"];
/** Who reads it is asked besides the one whose answer the client gets. */
const SHADOW = "x-tricloud-gateway-shadow";
export const SHADOW_LINE = "X-Tricloud-Gateway-Shadow: 1\r\n";
/** How many gateways a request has been through. */
const HOPS = "x-tricloud-gateway-hops";
/** Gateways that a request may pass; more of them are a loop. */
const MOST_HOPS = 8;
const TRACE = "traceparent";
const STATE = "tracestate";
/** All that is read here; none of it goes on as clients said it, nor under a name that could be taken for it. */
export const HOP_FIELDS = [...OF_CLIENT, SHADOW, HOPS, TRACE];

/** What the fields of a request say of the way that it came. */
export interface Arrival {
  /** The client's address, as far as it is known. */
  readonly address: string;
  /** It has been through so many gateways that it must be going in circles. */
  readonly looping: boolean;
  /** The lines that go on with it. */
  readonly lines: string;
  /** By what the client asked the outermost hop: http or https. */
  readonly scheme: string;
  /** What is told of it; undefined where nothing is. */
  readonly span: Span | undefined;
  /** Names of the fields that do not go on as they came. */
  readonly replaced: readonly string[];
}

/**
 * @param trustedHops proxies in front, each of which has added its peer's address to X-Forwarded-For
 * @param peer the address that the connection came from
 * @param guarded fields in which clients say nothing, these here among them
 * @param tracer undefined where nobody is told of requests
 */
export function arrivalOf(
  head: RequestHead,
  peer: string,
  secure: boolean,
  trustedHops: number,
  guarded: GuardedFields,
  tracer: Tracer | undefined,
): Arrival {
  const said = new Map<string, string>();
  const dropped: string[] = [];
  const traceparents: string[] = [];
  head.someField(guarded.initials, (name, value) => {
    if (name === TRACE) traceparents.push(value);
    else if (name === HOPS || name === SHADOW || OF_CLIENT.includes(name)) {
      const before = said.get(name);
      said.set(name, before === undefined ? value : `${before}, ${value}`);
    } else if (guarded.has(name)) dropped.push(name);
    return false;
  });
  const believed =
    trustedHops === 0 ? [] : (said.get("x-forwarded-for") ?? "").split(",").map((each) => each.trim());
  const known = believed.filter((each) => each !== "").slice(-trustedHops);
  const passed = said.get(HOPS) ?? "0";
  const hops = /^\d$/.test(passed) ? Number(passed) : MOST_HOPS;
  const scheme = (trustedHops > 0 && said.get("x-forwarded-proto")) || (secure ? "https" : "http");
  const host = (trustedHops > 0 && said.get("x-forwarded-host")) || head.host;
  const tracing = tracer?.begin(traceparents) ?? untold(traceparents);
  const traceState = tracer === undefined ? undefined : head.fieldValue(STATE);
  return {
    address: known[0] ?? peer,
    looping: hops >= MOST_HOPS,
    lines:
      `X-Forwarded-For: ${[...known, peer].join(", ")}\r\nX-Forwarded-Proto: ${scheme}\r\n` +
      `${host === "" ? "" : `X-Forwarded-Host: ${host}\r\n`}X-Tricloud-Gateway-Hops: ${hops + 1}\r\n` +
      (tracing.traceparent === undefined ? "" : `traceparent: ${tracing.traceparent}\r\n`),
    scheme,
    span: tracing.span && { ...tracing.span, traceState: tracing.begins ? undefined : traceState },
    replaced: [
      ...said.keys(),
      ...dropped,
      ...(tracing.traceparent !== undefined && traceparents.length > 0 ? [TRACE] : []),
      // It belongs to the trace that is not gone on with.
      ...(tracing.begins && traceState !== undefined ? [STATE] : []),
    ],
  };
}

/** Where nobody is told of requests what clients say goes on, and services have something to go by where they say nothing. */
const untold = (traceparents: readonly string[]): Tracing => ({
  traceparent: traceparents.length > 0 ? undefined : newTraceparent(),
  span: undefined,
  begins: false,
});

/** A trace context that begins here; nobody has recorded anything of it yet. */
function newTraceparent(): string {
  const ids = drawnIds();
  return traceparentOf({ traceId: traceIdOf(ids), spanId: spanIdOf(ids), sampled: false });
}
