import { encodeField, NO_TABLE } from "../../proxy/http2/hpack";
import { FLAG, FRAME, frame, frameHeader, uint32 } from "../../proxy/http2/http2-frames";
import { SETTINGS } from "./raw-http2";

/**
 * What origins were made to answer over HTTP/2 instead of a response, to a request on stream 1. RFC numbers are
 * sections of RFC 9113.
 */
export interface MalformedAnswer {
  readonly name: string;
  readonly text: string;
  /** The whole connection is over, rather than one stream of it. */
  readonly connection: boolean;
}

const OK = "\x88";
const END = FLAG.endHeaders | FLAG.endStream;
const head = (block: string, flags: number = FLAG.endHeaders): string =>
  frame(FRAME.headers, flags, 1, block);
const data = (payload: string, flags: number = FLAG.endStream): string =>
  frame(FRAME.data, flags, 1, payload);
const length = (octets: number): string => encodeField("content-length", String(octets));

function stream(name: string, text: string): MalformedAnswer {
  return { name, text: SETTINGS + text, connection: false };
}

function connection(name: string, text: string): MalformedAnswer {
  return { name, text, connection: true };
}

export const MALFORMED_ANSWERS: readonly MalformedAnswer[] = [
  // Heads and bodies (8.1, 8.2, 8.3)
  stream("no status", head(encodeField("x-a", "b"), END)),
  stream("a status of four digits", head(encodeField(":status", "2000"), END)),
  stream("a status of letters", head(encodeField(":status", "abc"), END)),
  stream("two status", head(OK + OK, END)),
  stream("a status after a field", head(encodeField("x-a", "b") + OK, END)),
  stream("a pseudo field of requests", head(OK + encodeField(":path", "/"), END)),
  stream("an unknown pseudo field", head(OK + encodeField(":x", "y"), END)),
  stream("a name in upper case", head(OK + encodeField("X-A", "b"), END)),
  stream("a name with a space", head(OK + encodeField("x a", "b"), END)),
  stream("an empty name", head(OK + encodeField("", "b"), END)),
  stream("a line break in a name", head(OK + encodeField("x-a: b\r\nx-b", "c"), END)),
  stream("a line break in a value", head(OK + encodeField("x-a", "b\r\nx-b: c"), END)),
  stream("LF in a value", head(OK + encodeField("x-a", "b\nc"), END)),
  stream("NUL in a value", head(OK + encodeField("x-a", "b\0c"), END)),
  stream("Connection", head(OK + encodeField("connection", "close"), END)),
  stream("Transfer-Encoding", head(OK + encodeField("transfer-encoding", "chunked"))),
  stream("two lengths", head(OK + length(2) + length(3)) + data("ok")),
  stream("a length of no digits", head(OK + encodeField("content-length", "2, 2")) + data("ok")),
  stream("a body shorter than its length", head(OK + length(3)) + data("ok")),
  stream("no body where a length was given", head(OK + length(3), END)),
  stream("a body longer than its length", head(OK + length(1)) + data("ok")),
  stream("a body before its head", data("ok")),
  stream("switching protocols", head(encodeField(":status", "101"))),
  stream("an interim response as the only one", head(encodeField(":status", "103"), END)),
  stream("interim responses without end", head(encodeField(":status", "103")).repeat(100)),
  stream("more fields than allowed", head(OK + encodeField("a", "b").repeat(200), END)),
  stream(
    "a head larger than allowed",
    head(`${OK}${encodeField("a", "b".repeat(9_000))}`.repeat(1), 0) + continued(4),
  ),
  stream("a second head", head(OK) + head(OK)),
  stream("a pseudo field among trailers", head(OK) + data("ok", 0) + head(OK, END)),
  // Frames (4, 5, 6)
  connection("no settings first", head(OK, END)),
  connection("HTTP/1.1", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
  connection("a frame larger than was offered", SETTINGS + frameHeader(FRAME.data, 0, 1, 16_385)),
  connection("settings of five octets", frame(FRAME.settings, 0, 0, "12345")),
  connection("an acknowledgement with settings", SETTINGS + frame(FRAME.settings, FLAG.ack, 0, "123456")),
  connection("settings of a stream", SETTINGS + frame(FRAME.settings, 0, 1, "")),
  connection("too wide a first window", frame(FRAME.settings, 0, 0, `\0\x04${uint32(2 ** 31)}`)),
  connection("frames of less than 16 KiB", frame(FRAME.settings, 0, 0, `\0\x05${uint32(16_383)}`)),
  connection("a head of no stream", SETTINGS + frame(FRAME.headers, END, 0, OK)),
  connection("a head of a stream that was never begun", SETTINGS + frame(FRAME.headers, END, 3, OK)),
  connection("a head of a stream of the origin's own", SETTINGS + frame(FRAME.headers, END, 2, OK)),
  connection(
    "a body of a stream that was never begun",
    SETTINGS + frame(FRAME.data, FLAG.endStream, 99, "x"),
  ),
  connection("a push", SETTINGS + frame(FRAME.pushPromise, FLAG.endHeaders, 1, `${uint32(2)}${OK}`)),
  connection("CONTINUATION of nothing", SETTINGS + frame(FRAME.continuation, FLAG.endHeaders, 1, OK)),
  connection(
    "a header block that is interrupted",
    SETTINGS + head(OK, 0) + frame(FRAME.ping, 0, 0, "12345678"),
  ),
  connection(
    "a header block that goes on elsewhere",
    SETTINGS + head(OK, 0) + frame(FRAME.continuation, 4, 3, ""),
  ),
  connection(
    "empty CONTINUATION without end",
    SETTINGS + head(OK, 0) + frame(FRAME.continuation, 0, 1, "").repeat(99),
  ),
  connection("a header block without end", SETTINGS + head(OK, 0) + continued(9)),
  connection("DATA of padding only", SETTINGS + head(OK) + data("\x05abc", FLAG.padded)),
  connection("HEADERS of padding only", SETTINGS + head(`\x09${OK}`, END | FLAG.padded)),
  connection("PING of seven octets", SETTINGS + frame(FRAME.ping, 0, 0, "1234567")),
  connection("PING of a stream", SETTINGS + frame(FRAME.ping, 0, 1, "12345678")),
  connection("GOAWAY of four octets", SETTINGS + frame(FRAME.goAway, 0, 0, uint32(1))),
  connection("PRIORITY of no stream", SETTINGS + frame(FRAME.priority, 0, 0, "12345")),
  connection("PRIORITY of four octets", SETTINGS + frame(FRAME.priority, 0, 1, "1234")),
  connection("RST_STREAM of three octets", SETTINGS + frame(FRAME.reset, 0, 1, "123")),
  connection("RST_STREAM of a stream that was never begun", SETTINGS + frame(FRAME.reset, 0, 7, uint32(0))),
  connection("a window widened by nothing", SETTINGS + frame(FRAME.windowUpdate, 0, 1, uint32(0))),
  connection(
    "a connection's window too wide",
    SETTINGS + frame(FRAME.windowUpdate, 0, 0, uint32(2 ** 31 - 1)),
  ),
  connection("a stream's window too wide", SETTINGS + frame(FRAME.windowUpdate, 0, 1, uint32(2 ** 31 - 1))),
  // Header blocks (RFC 7541)
  connection("an index beyond the table", SETTINGS + head("\xff\x40", END)),
  connection("a text that is cut off", SETTINGS + head(`${OK}\x40\x09abc`, END)),
  connection("an integer without end", SETTINGS + head(`${OK}\xff\xff\xff\xff\xff\xff\xff`, END)),
  connection("a table larger than was offered", SETTINGS + head(`\x3f\xe2\x1f${OK}`, END)),
  connection("a table resized late", SETTINGS + head(`${OK}${NO_TABLE}`, END)),
];

/** CONTINUATION frames with so many large fields, and an end. */
function continued(count: number): string {
  const field = encodeField("a", "b".repeat(9_000));
  return (
    frame(FRAME.continuation, 0, 1, field).repeat(count - 1) +
    frame(FRAME.continuation, FLAG.endHeaders, 1, field)
  );
}
