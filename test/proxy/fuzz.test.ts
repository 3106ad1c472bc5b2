import fc from "fast-check";
import { ChunkedBody } from "../../proxy/http1/chunked-body";
import { INCOMPLETE, MALFORMED, NO_LENGTH } from "../../proxy/http1/message-head";
import { RequestHead } from "../../proxy/http1/request-head";
import { ResponseHead } from "../../proxy/http1/response-head";
import { told } from "./frames-told";
import { MALFORMED_ANSWERS } from "./malformed-frames";
import { MALFORMED_REQUESTS, MALFORMED_RESPONSES } from "./malformed-messages";
import { SOUND_ANSWER } from "./raw-http2";

/** Milliseconds each property is tried for. */
const BUDGET_MS = Number(process.env["FUZZ_MS"] ?? 1_500);
const RUNS = { numRuns: 1_000_000, interruptAfterTimeLimit: BUDGET_MS, markInterruptAsFailure: false };
const LIMITS = { maxHeaderBytes: 4096, maxHeaderCount: 50 };

/** Sound messages: what mutations start from, together with the malformed ones. */
const SOUND = [
  "GET / HTTP/1.1\r\nHost: a.ccnproxy\r\n\r\n",
  "GET /v1?q=%20 HTTP/1.1\r\nHost: a.b.ccnproxy-https:8443\r\nConnection: keep-alive, X-Y\r\nX-Y: z\r\nTE: trailers\r\n\r\n",
  "POST /x HTTP/1.1\r\nHost: a.ccnproxy\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
  "POST /x HTTP/1.1\r\nHost: a.ccnproxy\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n",
  "GET http://a.ccnproxy/x HTTP/1.1\r\nHost: b\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
  "OPTIONS * HTTP/1.0\r\nConnection: Keep-Alive\r\nKeep-Alive: timeout=5\r\n\r\n",
];
const RESPONSES = [
  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
  "HTTP/1.0 304 Not Modified\r\nKeep-Alive: timeout=5, max=9\r\nConnection: keep-alive\r\n\r\n",
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
];
/** Bytes that matter to the grammar, and some that do not. */
const BYTES = [
  ..."\r\n\t\0 :;,=/0123456789aAfFgG*#@?\x7f\x80\xff\x0b",
  "\r\n",
  "chunked",
  "Content-Length: 3\r\n",
  "Host: x\r\n",
];

interface Mutation {
  readonly at: number;
  readonly cut: number;
  readonly insert: string;
}

const mutations = fc.array(
  fc.record({ at: fc.nat(400), cut: fc.nat(3), insert: fc.constantFrom("", ...BYTES) }),
  { minLength: 1, maxLength: 4 },
);

function mutate(text: string, changes: readonly Mutation[]): Buffer {
  for (const { at, cut, insert } of changes) {
    const where = at % (text.length + 1);
    text = text.slice(0, where) + insert + text.slice(where + cut);
  }
  return Buffer.from(text, "latin1");
}

/** No line of what is sent on may be read as two, or as something else than a field. */
function expectWellFormed(text: string): void {
  const [start = "", ...lines] = text.split("\r\n");
  expect(start).toMatch(/^[!-~]+ [^\r\n\0]+$/);
  expect(lines.pop()).toBe("");
  for (const line of lines) expect(line).toMatch(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t -~\x80-\xff]*$/);
}

test("whatever request head is accepted leaves well formed, with the same framing and one Host", () => {
  const seeds = [
    ...SOUND,
    ...MALFORMED_REQUESTS.map(({ text }) => text.replaceAll("{host}", "a.ccnproxy")).filter(
      (text) => text.length < 1000,
    ),
  ];
  const head = new RequestHead(LIMITS);
  const again = new RequestHead(LIMITS);
  let accepted = 0;
  fc.assert(
    fc.property(fc.constantFrom(...seeds), mutations, (seed, changes) => {
      const bytes = mutate(seed, changes);
      const end = head.parse(bytes, 0, bytes.length);
      if (end === MALFORMED) return expect(head.problem).not.toBe("");
      if (end === INCOMPLETE) return undefined;
      accepted++;
      const text = head.forwarded("origin");
      expectWellFormed(text);
      expect(text.match(/^host:/gim)).toHaveLength(1);
      const sent = Buffer.from(`${text}\r\n`, "latin1");
      expect(again.parse(sent, 0, sent.length)).toBe(sent.length);
      expect([again.method, again.contentLength, again.chunked]).toEqual([
        head.method,
        head.contentLength,
        head.chunked,
      ]);
      expect(again.chunked && again.contentLength !== NO_LENGTH).toBe(false);
      return undefined;
    }),
    RUNS,
  );
  expect(accepted).toBeGreaterThan(0);
}, 60_000);

test("whatever response head is accepted leaves well formed, with the same framing", () => {
  const seeds = [
    ...RESPONSES,
    ...MALFORMED_RESPONSES.map(([, text]) => text).filter((text) => text.length < 1000),
  ];
  const head = new ResponseHead(LIMITS);
  const again = new ResponseHead(LIMITS);
  let accepted = 0;
  fc.assert(
    fc.property(fc.constantFrom(...seeds), mutations, (seed, changes) => {
      const bytes = mutate(seed, changes);
      const end = head.parse(bytes, 0, bytes.length);
      if (end === MALFORMED) return expect(head.problem).not.toBe("");
      if (end === INCOMPLETE) return undefined;
      accepted++;
      const text = head.forwarded();
      expectWellFormed(text);
      const sent = Buffer.from(`${text}\r\n`, "latin1");
      expect(again.parse(sent, 0, sent.length)).toBe(sent.length);
      // An answer that never has a body goes on without the length that it named.
      const hasBody = head.status >= 200 && head.status !== 204;
      expect([again.status, again.contentLength, again.chunked]).toEqual([
        head.status,
        hasBody ? head.contentLength : NO_LENGTH,
        head.chunked,
      ]);
      return undefined;
    }),
    RUNS,
  );
  expect(accepted).toBeGreaterThan(0);
}, 60_000);

test("a chunked body is read the same in whatever pieces it comes, and ends where it should", () => {
  const piece = fc.uint8Array({ minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(
      fc.array(piece),
      fc.array(fc.nat(10), { minLength: 1 }),
      fc.boolean(),
      (pieces, cuts, upper) => {
        const size = (length: number): string =>
          upper ? length.toString(16).toUpperCase() : length.toString(16);
        const framed = Buffer.concat([
          ...pieces.flatMap((each) => [
            Buffer.from(`${size(each.length)};x=y\r\n`),
            each,
            Buffer.from("\r\n"),
          ]),
          Buffer.from("0\r\nT: v\r\n\r\nGET /next"),
        ]);
        const body = new ChunkedBody(1000);
        const payload: Buffer[] = [];
        let at = 0;
        for (let i = 0; !body.done; i++) {
          const to = Math.min(framed.length, at + 1 + cuts[i % cuts.length]!);
          const end = body.scan(framed, at, to, (bytes, from, stop) =>
            payload.push(Buffer.from(bytes.subarray(from, stop))),
          );
          expect(end).toBeGreaterThan(at);
          at = end;
        }
        expect(framed.subarray(at).toString()).toBe("GET /next");
        expect(Buffer.concat(payload)).toEqual(Buffer.concat(pieces));
        expect(body.trailers).toBe("T: v\r\n");
      },
    ),
    RUNS,
  );
}, 60_000);

test("a mutated chunked body never yields more than was framed, and never an exception", () => {
  const seed = "5\r\nhello\r\nA;ext=1\r\n0123456789\r\n0\r\nT: v\r\n\r\n";
  fc.assert(
    fc.property(mutations, (changes) => {
      const bytes = mutate(seed, changes);
      const body = new ChunkedBody(1000);
      let payload = 0;
      const end = body.scan(bytes, 0, bytes.length, (_bytes, from, to) => (payload += to - from));
      expect(payload).toBeLessThanOrEqual(bytes.length);
      if (end === MALFORMED) expect(body.problem).not.toBe("");
      else if (!body.done) expect(end).toBe(bytes.length);
    }),
    RUNS,
  );
}, 60_000);

test("frames are read the same in whatever pieces they come, and mutated ones never end in an exception", () => {
  const seeds = [
    SOUND_ANSWER,
    ...MALFORMED_ANSWERS.map(({ text }) => text).filter((text) => text.length < 1_000),
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...seeds),
      fc.oneof(fc.constant([]), mutations),
      fc.array(fc.nat(20), { minLength: 1 }),
      (seed, changes, cuts) => {
        const bytes = mutate(seed, changes);
        expect(told(bytes, cuts)).toEqual(told(bytes, [bytes.length]));
      },
    ),
    RUNS,
  );
}, 60_000);
