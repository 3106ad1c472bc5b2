import { type Socket } from "node:net";
import { CODE, FLAG, FRAME, frame, uint32 } from "../../../proxy/http2/http2-frames";
import { MALFORMED_ANSWERS } from "../malformed-frames";
import { MALFORMED_RESPONSES } from "../malformed-messages";
import { type RawOrigin, rawOrigin } from "../raw-http";
import { rawHttp2Origin, type RawHttp2Origin, SETTINGS } from "../raw-http2";

/** Bytes of the body that those answer with who begin an answer. */
export const BODY_BYTES = 40_000;

const HEAD = `HTTP/1.1 200 OK\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`;
const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const BODY = "b".repeat(BODY_BYTES);
const GOAWAY = (code: number): string => frame(FRAME.goAway, 0, 0, uint32(0) + uint32(code));

const partOf = (text: string, next: () => number): string => text.slice(0, Math.floor(next() * text.length));

/** By what they do with each piece of a request. None of them ever gives a whole answer. */
const OVER_HTTP1: Readonly<Record<string, (socket: Socket, next: () => number) => void>> = {
  "never answers": () => undefined,
  "resets anywhere in its answer": (socket, next) =>
    void socket.write(partOf(HEAD + BODY, next), () => socket.resetAndDestroy()),
  "ends anywhere in its answer": (socket, next) => void socket.end(partOf(HEAD + BODY, next)),
  "ends anywhere in its chunks": (socket, next) =>
    void socket.end(partOf(`${CHUNKED}${BODY_BYTES.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`, next)),
  "stops anywhere in its answer": (socket, next) => void socket.write(partOf(HEAD + BODY, next)),
  "answers with what is no answer": (socket, next) =>
    void socket.write(MALFORMED_RESPONSES[Math.floor(next() * MALFORMED_RESPONSES.length)]![1], "latin1"),
  "resets at once": (socket) => socket.resetAndDestroy(),
};

const OVER_HTTP2: Readonly<
  Record<string, (stream: number, write: (text: string) => void, next: () => number) => void>
> = {
  "refuses every stream": (stream, write) => write(frame(FRAME.reset, 0, stream, uint32(CODE.refusedStream))),
  "says GOAWAY to every request": (_, write) => write(GOAWAY(CODE.noError)),
  "says GOAWAY with an error": (_, write) => write(GOAWAY(CODE.protocol)),
  "says nothing": () => undefined,
  "stops in its answer": (stream, write) =>
    write(frame(FRAME.headers, FLAG.endHeaders, stream, "\x88") + frame(FRAME.data, 0, stream, "half")),
  "resets its answer": (stream, write) =>
    write(
      frame(FRAME.headers, FLAG.endHeaders, stream, "\x88") +
        frame(FRAME.data, 0, stream, "half") +
        frame(FRAME.reset, 0, stream, uint32(CODE.protocol)),
    ),
  "answers with what is no answer": (_, write, next) =>
    write(MALFORMED_ANSWERS[Math.floor(next() * MALFORMED_ANSWERS.length)]!.text),
};

/** Origins that do wrong, each on a port of its own: the proxy judges them one by one. */
export interface HostileOrigins {
  readonly http1: ReadonlyMap<string, RawOrigin>;
  readonly http2: ReadonlyMap<string, RawHttp2Origin>;
  close(): Promise<void>;
}

export async function startHostileOrigins(next: () => number): Promise<HostileOrigins> {
  const http1 = new Map<string, RawOrigin>();
  for (const [name, answer] of Object.entries(OVER_HTTP1))
    http1.set(name, await rawOrigin((socket, text) => text.includes("\r\n\r\n") && answer(socket, next)));
  const http2 = new Map<string, RawHttp2Origin>();
  for (const [name, answer] of Object.entries(OVER_HTTP2)) {
    const origin = await rawHttp2Origin(({ type, stream }, write) => {
      if (type === FRAME.settings) write(SETTINGS);
      if (type === FRAME.headers) answer(stream, write, next);
    });
    http2.set(name, origin);
  }
  return {
    http1,
    http2,
    close: async () => void (await Promise.all([...http1.values(), ...http2.values()].map((o) => o.close()))),
  };
}
