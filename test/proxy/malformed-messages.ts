/**
 * The malformed messages that were tried, with the rule each breaks. `{host}` stands for a Host that has a route.
 * RFC numbers are sections of RFC 9112 unless they name another.
 */
export interface MalformedRequest {
  readonly name: string;
  readonly text: string;
  readonly status: number;
}

const GET = "GET / HTTP/1.1\r\nHost: {host}\r\n";
const POST = "POST / HTTP/1.1\r\nHost: {host}\r\n";
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`;

export const MALFORMED_REQUESTS: readonly MalformedRequest[] = [
  // Start line (2, 3)
  { name: "bare LF line ends", text: "GET / HTTP/1.1\nHost: {host}\n\n", status: 400 },
  { name: "LF after the request line only", text: "GET / HTTP/1.1\nHost: {host}\r\n\r\n", status: 400 },
  { name: "bare CR after the request line", text: "GET / HTTP/1.1\rHost: {host}\r\n\r\n", status: 400 },
  { name: "two spaces before the target", text: "GET  / HTTP/1.1\r\nHost: {host}\r\n\r\n", status: 400 },
  { name: "tab between the parts", text: "GET\t/\tHTTP/1.1\r\nHost: {host}\r\n\r\n", status: 400 },
  { name: "space after the version", text: "GET / HTTP/1.1 \r\nHost: {host}\r\n\r\n", status: 400 },
  { name: "space before the method", text: " GET / HTTP/1.1\r\nHost: {host}\r\n\r\n", status: 400 },
  { name: "no version (HTTP/0.9)", text: "GET /\r\n\r\n", status: 400 },
  { name: "lower-case version", text: "GET / http/1.1\r\nHost: {host}\r\n\r\n", status: 400 },
  { name: "version 1.2", text: "GET / HTTP/1.2\r\nHost: {host}\r\n\r\n", status: 400 },
  { name: "version 2.0", text: "GET / HTTP/2.0\r\nHost: {host}\r\n\r\n", status: 400 },
  { name: "version with more digits", text: "GET / HTTP/1.10\r\nHost: {host}\r\n\r\n", status: 400 },
  { name: "method with a slash", text: "GE/T / HTTP/1.1\r\nHost: {host}\r\n\r\n", status: 400 },
  { name: "NUL in the method", text: "G\0T / HTTP/1.1\r\nHost: {host}\r\n\r\n", status: 400 },
  { name: "NUL in the target", text: "GET /\0 HTTP/1.1\r\nHost: {host}\r\n\r\n", status: 400 },
  { name: "8-bit byte in the target", text: "GET /\xe9 HTTP/1.1\r\nHost: {host}\r\n\r\n", status: 400 },
  { name: "fragment in the target", text: "GET /#a HTTP/1.1\r\nHost: {host}\r\n\r\n", status: 400 },
  { name: "target without a slash", text: "GET foo HTTP/1.1\r\nHost: {host}\r\n\r\n", status: 400 },
  { name: "target of another scheme", text: "GET gopher://x/ HTTP/1.1\r\nHost: {host}\r\n\r\n", status: 400 },
  {
    name: "user information in the target",
    text: "GET http://u@{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n",
    status: 400,
  },
  { name: "* without OPTIONS", text: "GET * HTTP/1.1\r\nHost: {host}\r\n\r\n", status: 400 },
  { name: "CONNECT", text: "CONNECT a:443 HTTP/1.1\r\nHost: {host}\r\n\r\n", status: 405 },
  { name: "two empty lines first", text: `\r\n\r\n${GET}\r\n`, status: 400 },
  { name: "TLS client hello", text: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", status: 400 },
  // Host (3.2)
  { name: "no Host", text: "GET / HTTP/1.1\r\nAccept: a\r\n\r\n", status: 400 },
  { name: "two Hosts", text: `${GET}Host: {host}\r\n\r\n`, status: 400 },
  { name: "two different Hosts", text: `${GET}Host: evil.ccnproxy\r\n\r\n`, status: 400 },
  { name: "space in Host", text: "GET / HTTP/1.1\r\nHost: a {host}\r\n\r\n", status: 400 },
  { name: "user information in Host", text: "GET / HTTP/1.1\r\nHost: u@{host}\r\n\r\n", status: 400 },
  { name: "path in Host", text: "GET / HTTP/1.1\r\nHost: a/b.ccnproxy\r\n\r\n", status: 400 },
  { name: "port 0", text: "GET / HTTP/1.1\r\nHost: localhost.ccnproxy:0\r\n\r\n", status: 400 },
  { name: "port 65536", text: "GET / HTTP/1.1\r\nHost: localhost.ccnproxy:65536\r\n\r\n", status: 400 },
  { name: "two ports", text: "GET / HTTP/1.1\r\nHost: localhost.ccnproxy:80:80\r\n\r\n", status: 400 },
  { name: "signed port", text: "GET / HTTP/1.1\r\nHost: localhost.ccnproxy:+80\r\n\r\n", status: 400 },
  // Field lines (5)
  { name: "space before the colon", text: `${GET}X-A : b\r\n\r\n`, status: 400 },
  { name: "space before Content-Length's colon", text: `${POST}Content-Length : 3\r\n\r\nabc`, status: 400 },
  { name: "tab before the colon", text: `${GET}X-A\t: b\r\n\r\n`, status: 400 },
  { name: "no colon", text: `${GET}X-A\r\n\r\n`, status: 400 },
  { name: "empty field name", text: `${GET}: b\r\n\r\n`, status: 400 },
  { name: "field name in brackets", text: `${GET}[X]: b\r\n\r\n`, status: 400 },
  { name: "8-bit byte in a field name", text: `${GET}X\xe9: b\r\n\r\n`, status: 400 },
  { name: "NUL in a field name", text: `${GET}X\0A: b\r\n\r\n`, status: 400 },
  { name: "NUL in a field value", text: `${GET}X-A: b\0c\r\n\r\n`, status: 400 },
  { name: "DEL in a field value", text: `${GET}X-A: b\x7fc\r\n\r\n`, status: 400 },
  { name: "escape in a field value", text: `${GET}X-A: \x1b[0m\r\n\r\n`, status: 400 },
  { name: "bare CR in a field value", text: `${GET}X-A: b\rX-B: c\r\n\r\n`, status: 400 },
  { name: "bare LF in a field value", text: `${GET}X-A: b\nX-B: c\r\n\r\n`, status: 400 },
  { name: "CR CR LF", text: `${GET}X-A: b\r\r\n\r\n`, status: 400 },
  { name: "obsolete folding", text: `${GET}X-A: b\r\n c\r\n\r\n`, status: 400 },
  { name: "obsolete folding by tab", text: `${GET}X-A: b\r\n\tc\r\n\r\n`, status: 400 },
  { name: "space before the first field", text: "GET / HTTP/1.1\r\n Host: {host}\r\n\r\n", status: 400 },
  { name: "too many fields", text: `${GET}${"X: y\r\n".repeat(101)}\r\n`, status: 431 },
  { name: "too large a head", text: `${GET}X: ${"y".repeat(40_000)}\r\n\r\n`, status: 431 },
  // Framing (6)
  {
    name: "Content-Length and Transfer-Encoding",
    text: `${POST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    status: 400,
  },
  {
    name: "Transfer-Encoding and Content-Length",
    text: `${POST}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`,
    status: 400,
  },
  {
    name: "two different lengths",
    text: `${POST}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`,
    status: 400,
  },
  {
    name: "the same length twice",
    text: `${POST}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`,
    status: 400,
  },
  { name: "a list of lengths", text: `${POST}Content-Length: 3, 3\r\n\r\nabc`, status: 400 },
  { name: "negative length", text: `${POST}Content-Length: -1\r\n\r\n`, status: 400 },
  { name: "signed length", text: `${POST}Content-Length: +3\r\n\r\nabc`, status: 400 },
  { name: "hexadecimal length", text: `${POST}Content-Length: 0x3\r\n\r\nabc`, status: 400 },
  { name: "length with a fraction", text: `${POST}Content-Length: 3.0\r\n\r\nabc`, status: 400 },
  { name: "empty length", text: `${POST}Content-Length: \r\n\r\n`, status: 400 },
  { name: "length beyond 2^63", text: `${POST}Content-Length: 9223372036854775808\r\n\r\n`, status: 400 },
  { name: "space within the length", text: `${POST}Content-Length: 1 2\r\n\r\n`, status: 400 },
  { name: "Transfer-Encoding: identity", text: `${POST}Transfer-Encoding: identity\r\n\r\n`, status: 400 },
  {
    name: "Transfer-Encoding: xchunked",
    text: `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
    status: 400,
  },
  { name: "chunked not last", text: `${POST}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`, status: 400 },
  {
    name: "a tab behind chunked",
    text: `${POST}Transfer-Encoding: chunked \t\r\n\r\n0\r\n\r\n`,
    status: 400,
  },
  { name: "chunked twice", text: `${POST}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`, status: 400 },
  {
    name: "two Transfer-Encodings",
    text: `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`,
    status: 400,
  },
  {
    name: "vertical tab before chunked",
    text: `${POST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`,
    status: 400,
  },
  { name: "quoted chunked", text: `${POST}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n`, status: 400 },
  {
    name: "chunked in HTTP/1.0",
    text: "POST / HTTP/1.0\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    status: 400,
  },
  {
    name: "Connection names Content-Length",
    text: `${POST}Connection: content-length\r\nContent-Length: 3\r\n\r\nabc`,
    status: 400,
  },
  {
    name: "an unknown expectation",
    text: `${POST}Expect: 200-ok\r\nContent-Length: 3\r\n\r\nabc`,
    status: 417,
  },
  // Chunks (7.1)
  { name: "chunk size missing", text: `${CHUNKED}\r\nabc\r\n0\r\n\r\n`, status: 400 },
  { name: "chunk size not hexadecimal", text: `${CHUNKED}g\r\nabc\r\n0\r\n\r\n`, status: 400 },
  { name: "chunk size with 0x", text: `${CHUNKED}0x3\r\nabc\r\n0\r\n\r\n`, status: 400 },
  { name: "signed chunk size", text: `${CHUNKED}+3\r\nabc\r\n0\r\n\r\n`, status: 400 },
  { name: "negative chunk size", text: `${CHUNKED}-3\r\nabc\r\n0\r\n\r\n`, status: 400 },
  { name: "space before the chunk size", text: `${CHUNKED} 3\r\nabc\r\n0\r\n\r\n`, status: 400 },
  { name: "space after the chunk size", text: `${CHUNKED}3 \r\nabc\r\n0\r\n\r\n`, status: 400 },
  { name: "chunk size beyond 2^64", text: `${CHUNKED}10000000000000003\r\nabc\r\n0\r\n\r\n`, status: 400 },
  {
    name: "chunk size with leading zeros without end",
    text: `${CHUNKED}${"0".repeat(100)}3\r\nabc\r\n0\r\n\r\n`,
    status: 400,
  },
  { name: "LF after the chunk size", text: `${CHUNKED}3\nabc\r\n0\r\n\r\n`, status: 400 },
  { name: "CR alone after the chunk size", text: `${CHUNKED}3\rabc\r\n0\r\n\r\n`, status: 400 },
  { name: "chunk longer than its size", text: `${CHUNKED}3\r\nabcd\r\n0\r\n\r\n`, status: 400 },
  { name: "chunk ended by LF", text: `${CHUNKED}3\r\nabc\n0\r\n\r\n`, status: 400 },
  { name: "chunk ended by other bytes", text: `${CHUNKED}3\r\nabcXX0\r\n\r\n`, status: 400 },
  { name: "LF within a chunk extension", text: `${CHUNKED}3;a=b\nabc\r\n0\r\n\r\n`, status: 400 },
  { name: "NUL in a chunk extension", text: `${CHUNKED}3;a=\0\r\nabc\r\n0\r\n\r\n`, status: 400 },
  {
    name: "chunk extension over the limit",
    text: `${CHUNKED}3;${"a".repeat(5000)}\r\nabc\r\n0\r\n\r\n`,
    status: 400,
  },
  {
    name: "chunk extensions over the limit together",
    text: `${CHUNKED}${`1;${"a".repeat(100)}\r\nx\r\n`.repeat(50)}0\r\n\r\n`,
    status: 400,
  },
  { name: "LF after the last chunk", text: `${CHUNKED}0\n\n`, status: 400 },
  { name: "malformed trailer", text: `${CHUNKED}0\r\nX A: b\r\n\r\n`, status: 400 },
  { name: "NUL in a trailer", text: `${CHUNKED}0\r\nX: \0\r\n\r\n`, status: 400 },
  { name: "Content-Length as a trailer", text: `${CHUNKED}0\r\nContent-Length: 5\r\n\r\n`, status: 400 },
  {
    name: "Transfer-Encoding as a trailer",
    text: `${CHUNKED}0\r\ntransfer-encoding: chunked\r\n\r\n`,
    status: 400,
  },
  { name: "Host as a trailer", text: `${CHUNKED}0\r\nHost: b\r\n\r\n`, status: 400 },
  { name: "trailers over the limit", text: `${CHUNKED}0\r\nX: ${"a".repeat(40_000)}\r\n\r\n`, status: 400 },
];

const OK = "HTTP/1.1 200 OK\r\n";
const OK_CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;

/** What an origin may not answer: 502, and the connection to it is closed. */
export const MALFORMED_RESPONSES: readonly (readonly [name: string, text: string])[] = [
  ["not HTTP", "SSH-2.0-OpenSSH_9.2\r\n"],
  ["HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\n"],
  ["version 2", "HTTP/2 200 OK\r\n\r\n"],
  ["status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
  ["status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"],
  ["status with a sign", "HTTP/1.1 +20 OK\r\n\r\n"],
  ["status 099", "HTTP/1.1 099 OK\r\n\r\n"],
  ["no space after the status", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"],
  ["NUL in the reason", "HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n"],
  ["bare LF line ends", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok"],
  ["bare CR in a value", `${OK}X: a\rb\r\nContent-Length: 2\r\n\r\nok`],
  ["NUL in a value", `${OK}X: a\0b\r\nContent-Length: 2\r\n\r\nok`],
  ["space before the colon", `${OK}Content-Length : 2\r\n\r\nok`],
  ["obsolete folding", `${OK}X: a\r\n b\r\nContent-Length: 2\r\n\r\nok`],
  ["invalid field name", `${OK}X(1): a\r\nContent-Length: 2\r\n\r\nok`],
  [
    "Content-Length and Transfer-Encoding",
    `${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  ["two lengths", `${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nok`],
  ["malformed length", `${OK}Content-Length: 2x\r\n\r\nok`],
  ["length too large", `${OK}Content-Length: 99999999999999999999\r\n\r\nok`],
  ["Transfer-Encoding: gzip, chunked", `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ["a tab behind chunked", `${OK}Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n`],
  ["chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["chunked in a 204", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["body in an interim response", "HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\nok"],
  [
    "101 without being asked",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
  ],
  ["chunk size not hexadecimal", `${OK_CHUNKED}zz\r\n`],
  ["chunk size too large", `${OK_CHUNKED}10000000000000000\r\n`],
  ["Connection names Content-Length", `${OK}Connection: content-length\r\nContent-Length: 2\r\n\r\nok`],
  ["too large a head", `${OK}X: ${"y".repeat(40_000)}\r\n\r\n`],
];
