import { BodyRate } from "../../../proxy/clients/body-rate";
import { RequestBody } from "../../../proxy/clients/request-body";
import { MALFORMED } from "../../../proxy/http1/message-head";
import { type RequestHead } from "../../../proxy/http1/request-head";

const begun = (head: Partial<RequestHead>): RequestBody => {
  const rate = new BodyRate({ readTimeout: 30, minBodyRate: 0 });
  const body = new RequestBody(rate, { maxHeaderBytes: 1024 }, (name) => name === "host");
  body.start({ hasBody: true, chunked: false, contentLength: 0, ...head } as RequestHead);
  return body;
};
const advanced = (body: RequestBody, text: string, from = 0) =>
  body.advance(Buffer.from(text, "latin1"), from);

test("a request without a body ends with its head", () => {
  // GIVEN a head that announces none WHEN more bytes come THEN they are the next request's
  const body = begun({ hasBody: false });
  expect([body.done, advanced(body, "GET / HTTP/1.1")]).toEqual([true, 0]);
});

test("a body of a length ends where it says, in however many pieces", () => {
  // GIVEN ten bytes WHEN they come in two pieces, of which the second has the next request behind it
  const body = begun({ contentLength: 10 });
  expect([advanced(body, "..head0123456", 6), body.done]).toEqual([13, false]);
  // THEN it ends within the piece
  expect([advanced(body, "789GET /"), body.done]).toEqual([3, true]);
});

test("a chunked body ends with its last chunk", () => {
  // GIVEN two chunks and a trailer WHEN they come with another request behind
  const text = "3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n";
  const body = begun({ chunked: true });
  // THEN the end is found
  expect([advanced(body, `${text}GET /`), body.done]).toEqual([text.length, true]);
});

test.each(["x\r\n", "3\r\nabcd", "0\r\nHost: other\r\n\r\n"])("what is no chunk is malformed: %j", (text) => {
  const body = begun({ chunked: true });
  expect(advanced(body, text)).toBe(MALFORMED);
  expect(body.problem).not.toBe("");
});
