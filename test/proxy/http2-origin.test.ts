import { constants, type ClientHttp2Session } from "node:http2";
import { PassThrough } from "node:stream";
import { type Requester } from "../../proxy/exchange";
import { OriginSession, OriginStream } from "../../proxy/http2-origin";

describe("an exchange over HTTP/2", () => {
  test("passes the body on only after the head, also where its first bytes are at hand before", async () => {
    // GIVEN a stream whose first bytes are there when the event of its head has yet to come
    const stream = Object.assign(new PassThrough(), { close: () => undefined });
    const session = { request: () => stream } as unknown as ClientHttp2Session;
    const owner = Object.assign(Object.create(OriginSession.prototype) as OriginSession, {
      limits: { maxHeaderBytes: 32_768, maxHeaderCount: 100 },
      owner: { answered: () => undefined, disappointed: () => undefined },
      finished: () => undefined,
    });
    const seen: string[] = [];
    const requester = {
      method: "GET",
      requestDone: true,
      respond: () => (seen.push("head"), true),
      body: (bytes: Buffer, from: number, to: number) => (
        seen.push(bytes.toString("latin1", from, to)),
        true
      ),
      lost: () => undefined,
    } as unknown as Requester;
    new OriginStream(owner, session, requester).writeText("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    stream.write("body");
    await new Promise((resolve) => setImmediate(resolve));
    // WHEN the event comes
    stream.emit("response", { ":status": 200, "content-length": "4" }, constants.NGHTTP2_FLAG_NONE);
    await new Promise((resolve) => setImmediate(resolve));
    // THEN the head has come first
    expect(seen).toEqual(["head", "body"]);
  });
});
