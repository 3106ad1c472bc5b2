import { connect } from "node:http2";
import { saying } from "./saying";

/** An answer over HTTP/2, as one of its readers tells it. */
export interface Answer {
  readonly status: string;
  /** In order, each `name: value`. */
  readonly fields: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
}

/**
 * The answer that nghttp2 reads to a GET on stream 1 in these bytes of a server; undefined where it refuses it, or it is not
 * whole.
 */
export function answerIn(bytes: Buffer): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const session = connect("http://origin", { createConnection: () => saying(bytes) as never });
    session.on("error", () => undefined);
    const stream = session.request({ ":path": "/" });
    let head: readonly string[] | undefined;
    let trailers: readonly string[] = [];
    let body = "";
    let ended = false;
    // The fields as they came are no part of the types.
    const raw = (take: (fields: readonly string[]) => void) => {
      return (...told: unknown[]) => take(pairs(told[2] as readonly string[]));
    };
    stream.on("response", raw((fields) => (head = fields)) as never);
    stream.on("trailers", raw((fields) => (trailers = fields)) as never);
    stream.setEncoding("latin1").on("data", (piece: string) => (body += piece));
    stream.on("end", () => (ended = true)).on("error", () => undefined);
    stream.on("close", () => {
      session.destroy();
      const [status, ...fields] = head ?? [];
      const whole = status !== undefined && ended && stream.rstCode === 0;
      resolve(whole ? { status: status.slice(":status: ".length), fields, body, trailers } : undefined);
    });
  });
}

/** Names and values in turn, as lines. */
const pairs = (raw: readonly string[]): string[] =>
  Array.from({ length: raw.length / 2 }, (_, index) => `${raw[index * 2]}: ${raw[index * 2 + 1]}`);
