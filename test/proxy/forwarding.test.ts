import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { get } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { makeCertificates } from "../testbed/certificates";
import { hasNginx, type NginxOrigin, startNginx } from "./nginx-origin";
import { bundle, type RunningProxy, scratch, startProxy } from "./proxy-process";
import { type RawOrigin, rawOrigin, talk } from "./raw-http";

const directory = scratch();
const file = bundle(directory);
const certificates = makeCertificates(directory, ["localhost", "api.example.test"]);
const LOCAL = [
  "--allow",
  "localhost",
  "--allow-address",
  "127.0.0.0/8",
  "--ca-file",
  certificates.authority,
  "--access-log-dir",
  "none",
];

function curl(...args: string[]): string {
  return execFileSync("curl", ["-sS", "--max-time", "20", ...args], {
    encoding: "latin1",
    maxBuffer: 1 << 28,
  });
}

async function metric(proxy: RunningProxy, series: string): Promise<number> {
  const text = await new Promise<string>((resolve, reject) => {
    get({ port: proxy.adminPort, path: "/metrics" }, (response) => {
      let body = "";
      response.on("data", (part) => (body += part)).on("end", () => resolve(body));
    }).on("error", reject);
  });
  const line = text.split("\n").find((each) => each.startsWith(`${series} `));
  if (line === undefined) throw new Error(`no series ${series} in:\n${text}`);
  return Number(line.slice(series.length + 1));
}

const CLOSE = "Connection: close\r\n";

const sha = (text: Buffer | string): string => createHash("sha256").update(text).digest("hex");

(hasNginx ? describe : describe.skip)("with real nginx origins and curl", () => {
  const large = randomBytes(8_000_000);
  let nginx: NginxOrigin;
  let proxy: RunningProxy;
  beforeAll(async () => {
    nginx = await startNginx(
      directory,
      certificates,
      `location /hc { return 200 "ok from $host over $scheme\\n"; }
       location /echo { return 200 "$request_method $request_uri $http_x_chocon_ver $http_x_test $http_traceparent"; }
       location /upload { dav_methods PUT; create_full_put_path on; }`,
    );
    writeFileSync(join(directory, "www/large"), large);
    proxy = await startProxy(file, [...LOCAL, "--warm", `localhost:${nginx.httpsPort}=2`]);
  });
  afterAll(async () => {
    await proxy.stop();
    await nginx.stop();
  });
  const via = (suffix: string, port: number): string[] => ["-H", `Host: localhost.${suffix}:${port}`];
  const url = (path: string): string => `http://127.0.0.1:${proxy.port}${path}`;

  test.each([
    ["ccnproxy", "http"],
    ["ccnproxy-https", "https"],
    ["ccnproxy-ssl", "https"],
    ["ccnproxy-secure.any.thing", "https"],
  ])("a request to .%s goes out over %s", (suffix, scheme) => {
    const port = scheme === "https" ? nginx.httpsPort : nginx.httpPort;
    expect(curl(...via(suffix, port), url("/hc"))).toBe(`ok from localhost over ${scheme}\n`);
  });

  test("fields pass, the proxy marks request and response", () => {
    // WHEN a request with a trace context and an id of its own is made
    const answer = curl(
      "-i",
      ...via("ccnproxy", nginx.httpPort),
      "-H",
      "X-Test: 1",
      "-H",
      "X-Chocon-Id: mine",
      "-H",
      "traceparent: 00-a-b-01",
      url("/echo?a=%20b"),
    );
    // THEN both reach the origin, and the id comes back
    expect(answer).toContain("GET /echo?a=%20b 0.1.0 1 00-a-b-01");
    expect(answer).toContain("X-Chocon-Id: mine\r\n");
  });

  test("ids are made when there is none, and sort by time", () => {
    const id = (): string =>
      /X-Chocon-Id: (\S+)/.exec(curl("-i", ...via("ccnproxy", nginx.httpPort), url("/hc")))![1]!;
    const ids = [id(), id(), id()];
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(3);
  });

  test.each(["ccnproxy", "ccnproxy-https"])(
    "a large body arrives whole over .%s, also at a slow client",
    (suffix) => {
      const port = suffix === "ccnproxy" ? nginx.httpPort : nginx.httpsPort;
      const fast = curl(...via(suffix, port), url("/large"));
      const slow = curl("--limit-rate", "6M", ...via(suffix, port), url("/large"));
      expect(sha(Buffer.from(fast, "latin1"))).toBe(sha(large));
      expect(sha(Buffer.from(slow, "latin1"))).toBe(sha(large));
    },
  );

  test.each([
    ["a length", []],
    ["chunks", ["-H", "Transfer-Encoding: chunked"]],
  ])("an upload with %s arrives whole", (kind, flags) => {
    const path = `/upload/${kind.replaceAll(" ", "-")}`;
    curl(
      "-f",
      "-T",
      join(directory, "www/large"),
      ...flags,
      ...via("ccnproxy-https", nginx.httpsPort),
      url(path),
    );
    expect(sha(Buffer.from(curl(...via("ccnproxy", nginx.httpPort), url(path)), "latin1"))).toBe(sha(large));
  });

  test("HTTP/1.0 clients, HEAD and 304 are served", () => {
    const head = curl("-I", ...via("ccnproxy", nginx.httpPort), url("/large"));
    expect(head).toContain(`Content-Length: ${large.length}`);
    const etag = /ETag: (\S+)/.exec(head)![1]!;
    expect(
      curl("-i", "-H", `If-None-Match: ${etag}`, ...via("ccnproxy", nginx.httpPort), url("/large")),
    ).toContain("304 Not Modified");
    expect(curl("-0", ...via("ccnproxy", nginx.httpPort), url("/hc"))).toContain("ok from localhost");
  });

  test("many requests need few connections, and declared ones are open before the first", async () => {
    const origin = `origin="https://localhost:${nginx.httpsPort}"`;
    // GIVEN the two warm connections, opened at start
    expect(await metric(proxy, `tricloud_proxy_origin_handshakes_total{${origin}}`)).toBeGreaterThanOrEqual(
      2,
    );
    const before = await metric(proxy, `tricloud_proxy_origin_connects_total{${origin}}`);
    // WHEN twenty requests come one after the other
    const urls = Array.from({ length: 20 }, () => url("/hc"));
    curl(...via("ccnproxy-https", nginx.httpsPort), ...urls);
    // THEN none of them needed a new connection
    expect(await metric(proxy, `tricloud_proxy_origin_connects_total{${origin}}`)).toBe(before);
  });

  test("later handshakes resume the TLS session", async () => {
    const origin = `origin="https://localhost:${nginx.httpsPort}"`;
    curl(
      "-Z",
      "-sS",
      "--no-progress-meter",
      "--parallel-immediate",
      "--parallel-max",
      "10",
      ...via("ccnproxy-https", nginx.httpsPort),
      ...Array.from({ length: 10 }, () => url("/large")),
      "-o",
      "/dev/null",
      ...Array.from({ length: 9 }, () => ["-o", "/dev/null"]).flat(),
    );
    expect(await metric(proxy, `tricloud_proxy_origin_resumptions_total{${origin}}`)).toBeGreaterThan(0);
  });

  test("a certificate for another name or from an unknown authority is refused", async () => {
    const strict = await startProxy(file, [
      "--allow",
      "*.test",
      "--allow",
      "127.0.0.1",
      "--allow-address",
      "127.0.0.0/8",
      "--ca-file",
      certificates.authority,
      "--access-log-dir",
      "none",
    ]);
    const untrusting = await startProxy(file, [
      "--allow",
      "localhost",
      "--allow-address",
      "127.0.0.0/8",
      "--access-log-dir",
      "none",
    ]);
    const status = (port: number, host: string): string =>
      curl("-o", "/dev/null", "-w", "%{http_code}", "-H", `Host: ${host}`, `http://127.0.0.1:${port}/hc`);
    try {
      expect(status(strict.port, `127.0.0.1.ccnproxy-https:${nginx.httpsPort}`)).toBe("502");
      expect(status(untrusting.port, `localhost.ccnproxy-https:${nginx.httpsPort}`)).toBe("502");
    } finally {
      await Promise.all([strict.stop(), untrusting.stop()]);
    }
  });
});

describe("exchanges", () => {
  let proxy: RunningProxy;
  const origins: RawOrigin[] = [];
  const origin = async (...args: Parameters<typeof rawOrigin>): Promise<RawOrigin> => {
    const made = await rawOrigin(...args);
    origins.push(made);
    return made;
  };
  const ok = (text: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
  const request = (port: number, path: string, more = "", host = "localhost.ccnproxy"): string =>
    `GET ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\n${more}\r\n`;
  beforeAll(async () => {
    proxy = await startProxy(file, [
      ...LOCAL,
      "--proxy-read-timeout",
      "1",
      "--read-timeout",
      "1",
      "--connect-timeout",
      "1",
    ]);
  });
  afterAll(async () => {
    await proxy.stop();
    await Promise.all(origins.map((each) => each.close()));
  });

  test("pipelined requests are answered in order", async () => {
    const { port } = await origin((socket, text) =>
      socket.write(ok(text.trim().split("\r\n\r\n").at(-1)!.split(" ")[1]!)),
    );
    const answer = await talk(proxy.port, request(port, "/a") + request(port, "/b") + request(port, "/c"));
    expect([...answer.matchAll(/\/[abc]/g)].join()).toBe("/a,/b,/c");
  });

  test("a loop is 508, an unroutable Host 400, a forbidden origin 403", async () => {
    const { port } = await origin((socket) => socket.write(ok("ok")));
    expect(await talk(proxy.port, request(port, "/", "X-Chocon-Ver: 0.12\r\n"))).toMatch(/^HTTP\/1.1 508 /);
    expect(await talk(proxy.port, request(port, "/", "", "localhost"))).toMatch(/^HTTP\/1.1 400 /);
    expect(await talk(proxy.port, request(port, "/", "", "evil.example.ccnproxy"))).toMatch(
      /^HTTP\/1.1 403 /,
    );
  });

  test("an origin that is down is 502, one that is silent 504", async () => {
    const down = await origin(() => undefined);
    await down.close();
    const silent = await origin(() => undefined);
    expect(await talk(proxy.port, request(down.port, "/", CLOSE), 3000)).toMatch(/^HTTP\/1.1 502 /);
    expect(await talk(proxy.port, request(silent.port, "/", CLOSE), 3000)).toMatch(/^HTTP\/1.1 504 /);
  });

  test("a head that drips is cut off in time on both sides", async () => {
    // GIVEN an origin that sends a byte of its head now and then
    const slow = await origin((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nX: ");
      const timer = setInterval(() => socket.write("y"), 50);
      socket.on("close", () => clearInterval(timer));
    });
    // THEN the client is told 504; and a client that does not finish its own head 408
    expect(await talk(proxy.port, request(slow.port, "/", CLOSE), 3000)).toMatch(/^HTTP\/1.1 504 /);
    expect(await talk(proxy.port, "GET / HTTP/1.1\r\nHost:", 3000)).toMatch(/^HTTP\/1.1 408 /);
  });

  test("a connection that died while idle is made good for GET, not for POST", async () => {
    // GIVEN an origin that answers the first request of a connection and closes at the second
    const made = await origin((socket, text) => {
      if (text.split("HTTP/1.1").length > 2) socket.destroy();
      else socket.write(ok("ok"));
    });
    const { port } = made;
    // WHEN a GET comes on a used connection THEN it is sent again
    expect(await talk(proxy.port, request(port, "/1"))).toMatch(/200 OK/);
    expect(await talk(proxy.port, request(port, "/2"))).toMatch(/200 OK/);
    // WHEN a POST does THEN the origin may have acted on it: 502
    const post = `POST /3 HTTP/1.1\r\nHost: localhost.ccnproxy:${port}\r\nContent-Length: 1\r\n\r\nx`;
    expect(await talk(proxy.port, post)).toMatch(/^HTTP\/1.1 502 /);
    expect(made.received.join("").match(/POST/g)).toHaveLength(1);
  });

  test("a response cut short is cut short for the client too, never made whole", async () => {
    const { port } = await origin((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
      setTimeout(() => socket.destroy(), 50);
    });
    const answer = await talk(proxy.port, request(port, "/") + request(port, "/again"));
    expect(answer).toContain("half");
    expect(answer.match(/HTTP\/1.1/g)).toHaveLength(1);
  });

  test("a body without length is chunked for HTTP/1.1, and a chunked one unwrapped for HTTP/1.0", async () => {
    const plain = await origin((socket) => void socket.end("HTTP/1.0 200 OK\r\n\r\nuntil the end"));
    expect(await talk(proxy.port, request(plain.port, "/"))).toMatch(
      /Transfer-Encoding: chunked\r\n[^]*\r\n\r\nd\r\nuntil the end\r\n0\r\n\r\n$/,
    );
    const chunked = await origin((socket) =>
      socket.write(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\n",
      ),
    );
    const old = await talk(proxy.port, request(chunked.port, "/").replace("HTTP/1.1", "HTTP/1.0"));
    expect(old).toMatch(/Connection: close\r\n[^]*\r\n\r\nabcde$/);
    expect(old).not.toMatch(/transfer-encoding/i);
  });

  test("interim responses reach the client before the final one", async () => {
    const { port } = await origin((socket, text) => {
      if (!text.endsWith("body")) socket.write("HTTP/1.1 100 Continue\r\n\r\n");
      else socket.write(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok("done")}`);
    });
    const head = `POST / HTTP/1.1\r\nHost: localhost.ccnproxy:${port}\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n`;
    const answer = await talk(proxy.port, head + "body");
    expect(answer).toMatch(/^HTTP\/1.1 (100 Continue|103)[^]*HTTP\/1.1 200 OK[^]*done$/);
  });

  test("an answer before the end of the request is passed on, and the connection not reused", async () => {
    const made = await origin((socket) =>
      socket.write("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"),
    );
    const answer = await talk(
      proxy.port,
      `POST / HTTP/1.1\r\nHost: localhost.ccnproxy:${made.port}\r\nContent-Length: 1000\r\n\r\nabc`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 413 [^]*Connection: close/);
    expect(made.sockets.size).toBe(0);
  });

  test("a client that reads nothing holds up itself, not the next one, and not memory", async () => {
    // GIVEN an origin whose response is more than the client's socket takes, and a client that reads nothing
    const body = "z".repeat(60_000);
    const made = await origin((socket) => socket.write(ok(body)));
    const slow = connect({
      host: "127.0.0.1",
      port: proxy.port,
      onread: { buffer: Buffer.alloc(1), callback: () => false },
    });
    await new Promise((resolve) => slow.once("connect", resolve));
    for (let i = 0; i < 1_000; i++) slow.write(request(made.port, `/${i}`));
    await new Promise((resolve) => setTimeout(resolve, 500));
    // WHEN another one asks THEN it is answered at once
    expect(await talk(proxy.port, request(made.port, "/next", CLOSE))).toMatch(/200 OK/);
    slow.destroy();
    // AND most of its own requests were never taken up
    expect(made.received.join("").split("GET ").length).toBeLessThan(500);
  });

  test("names that lead to loopback or metadata addresses are refused after resolution", async () => {
    const guarded = await startProxy(file, ["--allow-any", "--access-log-dir", "none"]);
    const made = await origin((socket) => socket.write(ok("secret")));
    try {
      for (const host of ["localhost.ccnproxy", "127.0.0.1.ccnproxy", "169.254.169.254.ccnproxy"]) {
        expect(await talk(guarded.port, request(made.port, "/", CLOSE, host), 3000)).toMatch(
          /^HTTP\/1.1 502 /,
        );
      }
      expect(made.received).toHaveLength(0);
    } finally {
      await guarded.stop();
    }
  });
});
