import { randomBytes } from "node:crypto";

/** What a `traceparent` says (W3C Trace Context section 3.2). */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** Of who sent it: 16 hexadecimal digits. */
  readonly spanId: string;
  /** Somebody may have recorded it. */
  readonly sampled: boolean;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NONE = /^0+$/;

/** Reads a field's value; undefined where it is not one, and counts for nothing. */
export function readTraceparent(value: string): TraceContext | undefined {
  const [, version, traceId = "", spanId = "", flags = "", more] = TRACEPARENT.exec(value) ?? [];
  if (version === undefined || version === "ff" || (version === "00" && more !== undefined)) return undefined;
  if (NONE.test(traceId) || NONE.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (parseInt(flags, 16) & 1) === 1 };
}

/** The field's value by which others know a span. */
export const traceparentOf = ({ traceId, spanId, sampled }: TraceContext): string =>
  `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;

/** Bytes of a trace's and a span's id, and how many such pairs are drawn at once: each draw by itself costs more. */
const ID_BYTES = 24;
const DRAWN = 256;

/** Ids that nobody else has, of a trace and of a span: 48 hexadecimal digits. */
export function drawnIds(): string {
  if (drawnAt === drawn.length) {
    drawn = randomBytes(ID_BYTES * DRAWN).toString("hex");
    drawnAt = 0;
  }
  drawnAt += 2 * ID_BYTES;
  return drawn.slice(drawnAt - 2 * ID_BYTES, drawnAt);
}

/** @param ids drawn ones */
export const traceIdOf = (ids: string): string => ids.slice(0, 32);
export const spanIdOf = (ids: string): string => ids.slice(32);

let drawn = "";
let drawnAt = 0;
