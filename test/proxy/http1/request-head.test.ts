import { INCOMPLETE, MALFORMED } from "../../../proxy/http1/message-head";
import { RequestHead } from "../../../proxy/http1/request-head";

const LIMITS = { maxHeaderBytes: 2048, maxHeaderCount: 20 };

function parse(text: string): { head: RequestHead; end: number } {
  const head = new RequestHead(LIMITS);
  const bytes = Buffer.from(text, "latin1");
  return { head, end: head.parse(bytes, 0, bytes.length) };
}

describe("a request head", () => {
  test("is forwarded with its order and case, without what belongs to this hop", () => {
    // GIVEN a request with fields of this hop among others
    const { head, end } = parse(
      "GET /v1/foo?q=1 HTTP/1.1\r\nX-First: a\r\nhOsT: api.ccnproxy\r\nConnection: keep-alive, X-Private\r\n" +
        "Keep-Alive: 300\r\nTE: trailers\r\nProxy-Authorization: Basic x\r\nx-private: 1\r\nUpgrade: h2c\r\nAccept:  */*  \r\n\r\n",
    );
    // WHEN it is written for the origin
    const text = head.forwarded("api.example.com:8080");
    // THEN only Host changed and only the hop's fields are gone
    expect(end).toBeGreaterThan(0);
    expect(text).toBe(
      "GET /v1/foo?q=1 HTTP/1.1\r\nX-First: a\r\nhOsT: api.example.com:8080\r\nAccept:  */*  \r\n",
    );
  });

  test("of HTTP/1.0 is forwarded as HTTP/1.1 and ends the connection unless asked otherwise", () => {
    expect(parse("GET / HTTP/1.0\r\nHost: a\r\n\r\n").head).toMatchObject({ close: true, minorVersion: 0 });
    const kept = parse("GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n").head;
    expect(kept.close).toBe(false);
    expect(kept.forwarded("b")).toBe("GET / HTTP/1.1\r\nHost: b\r\n");
  });

  test("with an absolute target is routed by it and forwarded with a path", () => {
    const { head } = parse("GET http://api.ccnproxy/x?y HTTP/1.1\r\nHost: other\r\nA: b\r\n\r\n");
    expect(head.host).toBe("api.ccnproxy");
    expect(head.forwarded("api")).toBe("GET /x?y HTTP/1.1\r\nHost: api\r\nA: b\r\n");
  });

  test("may follow one empty line", () => {
    expect(parse("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").head.method).toBe("GET");
  });

  test("is incomplete at every shorter length, and the same whatever pieces it comes in", () => {
    const text = "POST /a HTTP/1.1\r\nHost: a.ccnproxy\r\nContent-Length: 5\r\n\r\n";
    const bytes = Buffer.from(text);
    const head = new RequestHead(LIMITS);
    for (let to = 0; to < bytes.length; to++) expect(head.parse(bytes, 0, to)).toBe(INCOMPLETE);
    expect(head.parse(bytes, 0, bytes.length)).toBe(bytes.length);
    expect(head).toMatchObject({ contentLength: 5, host: "a.ccnproxy" });
  });

  test("larger than allowed is 431, at once when no end can make it fit", () => {
    for (const text of [
      `GET /${"a".repeat(3000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
      `GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(3000)}`,
      `GET / HTTP/1.1\r\nHost: a\r\n${"X: y\r\n".repeat(25)}\r\n`,
    ]) {
      const { head, end } = parse(text);
      expect(end).toBe(MALFORMED);
      expect(head.status).toBe(431);
    }
  });

  test.each([
    ["Connection: close, content-length", "Connection names content-length"],
    ["Connection: host", "Connection names host"],
    ["Connection: Transfer-Encoding", "Connection names transfer-encoding"],
  ])("with %s is refused: it would change where the message ends or goes", (line, problem) => {
    const { head, end } = parse(`POST / HTTP/1.1\r\nHost: a\r\n${line}\r\nContent-Length: 3\r\n\r\nabc`);
    expect(end).toBe(MALFORMED);
    expect(head.problem).toBe(problem);
  });
});
