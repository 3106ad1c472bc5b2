import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { METHODS } from "node:http";
import { ChunkedBody } from "../../proxy/http1/chunked-body";
import { INCOMPLETE, MALFORMED, NO_LENGTH } from "../../proxy/http1/message-head";
import { RequestHead } from "../../proxy/http1/request-head";
import { ResponseHead } from "../../proxy/http1/response-head";
import { CompressionError, encodeField, HpackDecoder } from "../../proxy/http2/hpack";
import { FLAG, FRAME, frame, uint32 } from "../../proxy/http2/http2-frames";
import { MALFORMED_ANSWERS } from "../proxy/malformed-frames";
import { MALFORMED_REQUESTS, MALFORMED_RESPONSES } from "../proxy/malformed-messages";
import { SETTINGS, SOUND_ANSWER } from "../proxy/raw-http2";
import { told } from "../proxy/frames-told";
import { type FuzzTarget } from "./guided-search";
import { requestsIn, responseIn } from "./node-http";
import { answerIn } from "./node-http2";
import { sessionAnswerIn } from "./session-answer";

const LIMITS = { maxHeaderBytes: 4096, maxHeaderCount: 50 };
/** Whether a message of this size still is one of interest, and not a matter of limits. */
const LONGEST = 2_000;

const bytesOf = (texts: readonly string[]): Buffer[] =>
  texts.filter((text) => text.length < LONGEST).map((text) => Buffer.from(text, "latin1"));

const WORDS_OF_HTTP1 = [
  ...'\r\n\t\0 :;,=/0123456789aAfFgG*#@?"\\\x7f\x80\xff\x0b',
  "\r\n",
  "\r\n\r\n",
  "0\r\n\r\n",
  "HTTP/1.0",
  "HTTP/1.1",
  "POST ",
  "OPTIONS ",
  "http://b",
  "chunked",
  "gzip, ",
  "close",
  "keep-alive",
  "upgrade",
  "Content-Length: 3\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Connection: ",
  "Host: x\r\n",
  "Expect: 100-continue\r\n",
  "Upgrade: websocket\r\n",
  "TE: trailers\r\n",
  "Trailer: T\r\n",
  "Keep-Alive: timeout=5\r\n",
  "X-Chocon-Id: i\r\n",
  "X-Chocon-Ver: v\r\n",
  "Max-Forwards: 1\r\n",
  "Via: 1.1 a\r\n",
];

/** A request as it comes, with its body: what leaves is what llhttp reads as this one request, and nothing else. */
const request: FuzzTarget = {
  seeds: bytesOf([
    "GET / HTTP/1.1\r\nHost: a.ccnproxy\r\n\r\n",
    "GET /v1?q=%20 HTTP/1.1\r\nHost: a.b.ccnproxy-https:8443\r\nConnection: keep-alive, X-Y\r\nX-Y: z\r\nTE: trailers\r\n\r\n",
    "POST /x HTTP/1.1\r\nHost: a.ccnproxy\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhelloGET / HTTP/1.1\r\n",
    "POST /x HTTP/1.1\r\nHost: a.ccnproxy\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n5;e=f\r\nhello\r\n0\r\nT: v\r\n\r\n",
    "GET http://a.ccnproxy/x HTTP/1.1\r\nHost: b\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "POST /x HTTP/1.1\r\nHost: a.ccnproxy\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    "OPTIONS * HTTP/1.0\r\nConnection: Keep-Alive\r\nKeep-Alive: timeout=5\r\n\r\n",
    ...MALFORMED_REQUESTS.map(({ text }) => text.replaceAll("{host}", "a.ccnproxy")),
  ]),
  words: WORDS_OF_HTTP1,
  longest: LONGEST,
  async run(input) {
    const head = new RequestHead(LIMITS);
    const begin = head.parse(input, 0, input.length);
    if (begin === MALFORMED) ok(head.problem !== "");
    if (begin <= 0) return;
    const read = bodyAfter(head, input, begin);
    if (read === undefined) return;
    const forwarded = `${head.forwarded("origin")}\r\n${input.toString("latin1", begin, read.end)}`;
    // llhttp knows these alone, and refuses all of what has another one.
    if (!METHODS.includes(head.method)) return;
    const found = await requestsIn(Buffer.from(forwarded, "latin1"));
    if (found === undefined && isOddToLlhttp(forwarded)) return;
    deepStrictEqual(found, [{ start: `${head.method} ${head.target}`, body: read.payload }], forwarded);
    // What llhttp takes as it came it takes as the same.
    const [first] = (await requestsIn(input.subarray(0, read.end))) ?? [];
    if (first !== undefined) strictEqual(first.body, read.payload);
  },
};

/**
 * llhttp refuses what RFC 9110 and 9112 allow: a tab behind a length, and some of what an extension of a
 * chunk may hold. Such things go on as they came.
 */
function isOddToLlhttp(text: string): boolean {
  const headEnd = text.indexOf("\r\n\r\n");
  return /^content-length:.*\t/im.test(text.slice(0, headEnd)) || text.includes(";", headEnd);
}

/** The body that follows a head, whole; undefined where it is not there, or malformed. */
function bodyAfter(
  { chunked, contentLength }: Pick<RequestHead, "chunked" | "contentLength">,
  bytes: Buffer,
  begin: number,
): { readonly end: number; readonly payload: string } | undefined {
  if (!chunked) {
    const end = begin + Math.max(0, contentLength);
    return end > bytes.length ? undefined : { end, payload: bytes.toString("latin1", begin, end) };
  }
  const body = new ChunkedBody(1_000);
  let payload = "";
  const end = body.scan(bytes, begin, bytes.length, (of, from, to) => {
    payload += of.toString("latin1", from, to);
  });
  if (end === MALFORMED) ok(body.problem !== "");
  return body.done ? { end, payload } : undefined;
}

/** The head of an answer: what leaves is what llhttp reads as this one answer, with the body that it frames. */
const response: FuzzTarget = {
  seeds: bytesOf([
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
    "HTTP/1.0 304 Not Modified\r\nKeep-Alive: timeout=5, max=9\r\nConnection: keep-alive\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    ...MALFORMED_RESPONSES.map(([, text]) => text),
  ]),
  words: [...WORDS_OF_HTTP1, "204", "205", "304", "100", "500"],
  longest: LONGEST,
  async run(input) {
    const head = new ResponseHead(LIMITS);
    const end = head.parse(input, 0, input.length);
    if (end === MALFORMED) ok(head.problem !== "");
    // Heads that announce another one are none that llhttp tells of by itself.
    if (end === MALFORMED || end === INCOMPLETE || head.status < 200) return;
    const { contentLength, chunked } = head;
    ok(!(chunked && contentLength !== NO_LENGTH));
    if (contentLength > 10_000) return;
    const empty = head.status === 204 || head.status === 304;
    const payload = empty ? "" : contentLength === NO_LENGTH ? "payload" : "p".repeat(contentLength);
    const framed = chunked && !empty ? `7\r\n${payload}\r\n0\r\n\r\n` : payload;
    const text = `${head.forwarded()}\r\n${framed}`;
    const found = await responseIn(Buffer.from(text, "latin1"));
    if (found === undefined && isOddToLlhttp(text)) return;
    deepStrictEqual(found, { start: String(head.status), body: payload }, text);
  },
};

/** A chunked body in whatever pieces it comes: always the same. The first byte says in which. */
const chunked: FuzzTarget = {
  seeds: bytesOf(["\x035\r\nhello\r\nA;ext=1\r\n0123456789\r\n0\r\nT: v\r\n\r\n", "\x010\r\n\r\nGET /next"]),
  words: WORDS_OF_HTTP1,
  longest: 500,
  run(input) {
    const length = 1 + (input[0] ?? 0);
    const read = (piece: number): unknown => {
      const body = new ChunkedBody(1_000);
      let payload = "";
      let at = 1;
      while (at < input.length && !body.done) {
        const to = Math.min(input.length, at + piece);
        const end = body.scan(input, at, to, (of, from, stop) => {
          payload += of.toString("latin1", from, stop);
        });
        if (end === MALFORMED) return { payload, refused: body.problem };
        ok(end > at && end <= to);
        at = end;
      }
      return { payload, at, done: body.done, trailers: body.trailers };
    };
    deepStrictEqual(read(length), read(input.length + 1));
  },
};

const WORDS_OF_HTTP2 = [
  ..."\0\x01\x02\x04\x05\x08\x20\x3f\x7f\x80\x82\xbe\xff",
  frame(FRAME.data, FLAG.endStream, 1, "x"),
  frame(FRAME.data, FLAG.padded, 1, "\x02x\0\0"),
  frame(FRAME.headers, FLAG.endHeaders, 1, "\x88"),
  frame(FRAME.continuation, FLAG.endHeaders, 1, ""),
  frame(FRAME.ping, FLAG.ack, 0, "12345678"),
  frame(FRAME.goAway, 0, 0, uint32(1) + uint32(0)),
  encodeField("x-a", "b"),
];

/** Frames of an origin in whatever pieces they come. The first byte says in which. */
const frames: FuzzTarget = {
  seeds: bytesOf([SOUND_ANSWER, ...MALFORMED_ANSWERS.map(({ text }) => text)].map((text) => `\x07${text}`)),
  words: WORDS_OF_HTTP2,
  longest: 1_000,
  run(input) {
    const bytes = input.subarray(1);
    deepStrictEqual(told(bytes, [input[0] ?? 0]), told(bytes, [bytes.length]));
  },
};

/** Frames of an origin: what the proxy makes of them is what nghttp2 reads as the answer to its request. */
const answer: FuzzTarget = {
  seeds: bytesOf([
    SOUND_ANSWER,
    ...MALFORMED_ANSWERS.map(({ text }) => text),
    // Fields that refer to the table, from trailers too; a priority before a block, which is padded.
    SETTINGS +
      frame(FRAME.headers, FLAG.endHeaders, 1, "\x88\x40\x01a\x01b\x40\x01c\x01d\xbe\xbf") +
      frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, "\xbf"),
    SETTINGS +
      frame(
        FRAME.headers,
        FLAG.endHeaders | FLAG.endStream | FLAG.priority | FLAG.padded,
        1,
        "\x02\0\0\0\0\x10\x88\0\0",
      ),
  ]),
  words: WORDS_OF_HTTP2,
  longest: 1_000,
  async run(input) {
    const read = sessionAnswerIn(input);
    if (typeof read === "string") {
      if (!PASSED_OVER.test(read)) strictEqual(await answerIn(input), undefined, read);
      return;
    }
    const { status, fields, trailers } = read.answer;
    // Whole with its head to us, and with its end to nghttp2, which may not have come.
    if (status === "204" || status === "304") return;
    // We pass over one for which there is no reason, and Node ends the connection.
    if (read.acknowledged) return;
    const ours = { ...read.answer, fields: withoutBlanks(fields), trailers: withoutBlanks(trailers) };
    // Node forgets an answer that it has not told when something wrong comes behind it.
    deepStrictEqual(ours, await answerIn(input.subarray(0, read.end)));
  },
};

/** What we refuse, and nghttp2 goes on without. */
const PASSED_OVER = /invalid field name or value|invalid byte in field value/;

/** nghttp2 passes over a field whose value begins or ends with a blank; HTTP/1, in which it goes on, has none there. */
const withoutBlanks = (lines: readonly string[]): string[] =>
  lines.filter((line) => !/^[^:]+: (?:[ \t]|.*[ \t]$)/.test(line));

/** Header blocks, one after another (each after a byte with its length): what is read can be written, and read again. */
const hpack: FuzzTarget = {
  seeds: bytesOf([
    "\x01\x88",
    `\x05${encodeField("a", "b")}`,
    "\x0d\x40\x01a\x01b\x40\x01c\x81\x1f\x3f\xe1\x1f\x01\xbe",
  ]),
  words: WORDS_OF_HTTP2,
  longest: 1_000,
  run(input) {
    const decoder = new HpackDecoder();
    const again = new HpackDecoder();
    for (let at = 0; at < input.length;) {
      const to = Math.min(input.length, at + 1 + input[at]!);
      const fields: [string, string][] = [];
      try {
        decoder.decode(input, at + 1, to, ({ name, value }) => fields.push([name, value]));
      } catch (error) {
        if (error instanceof CompressionError) return;
        throw error;
      }
      const written = Buffer.from(fields.map(([name, value]) => encodeField(name, value)).join(""), "latin1");
      const reread: [string, string][] = [];
      again.decode(written, 0, written.length, ({ name, value }) => reread.push([name, value]));
      deepStrictEqual(reread, fields);
      at = to;
    }
  },
};

export const TARGETS: Readonly<Record<string, FuzzTarget>> = {
  request,
  response,
  chunked,
  frames,
  answer,
  hpack,
};
