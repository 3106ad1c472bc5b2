import { MALFORMED_REQUESTS, MALFORMED_RESPONSES } from "./malformed-messages";
import { bundle, type RunningProxy, scratch, startProxy } from "./proxy-process";
import { type RawOrigin, rawOrigin, talk } from "./raw-http";

const file = bundle(scratch());
const LOCAL = [
  "--allow",
  "localhost",
  "--allow",
  "127.0.0.1",
  "--allow-address",
  "127.0.0.0/8",
  "--access-log-dir",
  "none",
];

describe("a malformed request", () => {
  let origin: RawOrigin;
  let proxy: RunningProxy;
  beforeAll(async () => {
    origin = await rawOrigin((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    proxy = await startProxy(file, LOCAL);
  });
  afterAll(async () => {
    await proxy.stop();
    await origin.close();
  });

  test.each(MALFORMED_REQUESTS)(
    "$name: $status, close, and nothing after it is believed",
    async ({ name, text, status }) => {
      // GIVEN a malformed request and a whole one behind it
      const host = `localhost.ccnproxy:${origin.port}`;
      const path = `/smuggled-${encodeURIComponent(name)}`;
      const sent = `${text}GET ${path} HTTP/1.1\r\nHost: {host}\r\n\r\n`.replaceAll("{host}", host);
      // WHEN both are sent
      const answer = await talk(proxy.port, sent);
      // THEN one refusal comes back, the connection ends, and the origin never sees the second
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(answer).toContain("Connection: close\r\n");
      expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
      expect(origin.received.join("")).not.toContain(path);
    },
  );
});

describe("a malformed response", () => {
  test.each(MALFORMED_RESPONSES)(
    "%s: never passed on, the origin's connection is closed",
    async (_name, text) => {
      // GIVEN an origin that answers it, with a whole response behind it
      const origin = await rawOrigin((socket) =>
        socket.write(`${text}HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled`, "latin1"),
      );
      const proxy = await startProxy(file, LOCAL);
      try {
        // WHEN it is asked
        const answer = await talk(
          proxy.port,
          `GET / HTTP/1.1\r\nHost: localhost.ccnproxy:${origin.port}\r\n\r\n`,
        );
        // THEN the client gets a 502; or, when its head was sound and the body not, a cut-off response
        expect(answer).not.toContain("smuggled");
        if (!text.startsWith("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))
          expect(answer).toMatch(/^HTTP\/1\.1 502 /);
        expect(origin.sockets.size).toBe(0);
      } finally {
        await proxy.stop();
        await origin.close();
      }
    },
  );
});
