import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import { connect, createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { type WebSocket as Client, WebSocket, WebSocketServer } from "ws";
import { NODE } from "./node-program";
import { makeCertificates } from "../testbed/certificates";
import {
  becomes,
  bundle,
  eventually,
  freePort,
  type RunningProxy,
  scratch,
  startProxy,
  usingProxy,
  whileCalling,
} from "./proxy-process";
import { type RawOrigin, rawOrigin, talk } from "./raw-http";

const directory = scratch();
const file = bundle(directory);
const certificates = makeCertificates(directory, ["localhost"]);
const LOCAL = ["--allow", "localhost", "--allow-address", "127.0.0.0/8"];
const ok = (text: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
const request = (port: number, path: string, more = ""): string =>
  `GET ${path} HTTP/1.1\r\nHost: localhost.ccnproxy:${port}\r\nUser-Agent: test "agent"\r\n${more}\r\n`;

const withProxy = (flags: readonly string[], use: (proxy: RunningProxy) => Promise<void>): Promise<void> =>
  usingProxy(file, [...LOCAL, ...flags], use);

async function admin(proxy: RunningProxy, path: string): Promise<string> {
  return talk(proxy.adminPort, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
}

let origin: RawOrigin;
beforeAll(async () => {
  origin = await rawOrigin((socket, text) => {
    if (text.includes("/slow")) setTimeout(() => socket.write(ok("slow")), 700);
    else socket.write(ok("fast"));
  });
});
afterAll(() => origin.close());

describe("the command line", () => {
  const run = (...args: string[]): { status: number | null; text: string } => {
    const { status, stdout, stderr } = spawnSync(NODE, [file, ...args], { encoding: "utf8" });
    return { status, text: stdout + stderr };
  };
  const config = (text: string): string => {
    const path = join(directory, "config.json");
    writeFileSync(path, text);
    return path;
  };

  test("all of chocon's flags are known, with its defaults but the one of idle connections", () => {
    const { status, text } = run("--help");
    expect(status).toBe(0);
    for (const [flag, initial] of Object.entries({
      "-l, --listen=": "0.0.0.0",
      "-p, --port=": "3000",
      "--access-log-rotate=": "30",
      "--access-log-rotate-time=": "1440",
      "-c, --keepalive-conns=": "64",
      "--max-conns-per-host=": "0",
      "--read-timeout=": "30",
      "--write-timeout=": "90",
      "--proxy-read-timeout=": "60",
      "--shutdown-timeout=": "3600",
      "--stsize=": "1000",
      "--spfactor=": "3",
    })) {
      expect(text.split("\n").find((line) => line.replace(/\s+/g, " ").includes(` ${flag} `))).toContain(
        `(default: ${initial})`,
      );
    }
    for (const flag of ["--access-log-dir=", "--pid-file=", "--upstream=", "-v, --version", "-h, --help"]) {
      expect(text.replace(/ +/g, " ")).toContain(flag);
    }
  });

  test.each([
    [["--nonsense"], "unknown flag --nonsense"],
    [["-x"], "unknown flag -x"],
    [["stray"], "unknown flag stray"],
    [["--port", "70000", "--allow-any"], '--port: "70000" is not a whole number from 0 to 65535'],
    [["--port"], "--port: value missing"],
    [["--allow", "*"], '--allow: "*" is not a name, an address or *.name'],
    [["--allow-any=yes"], "--allow-any takes no value, got yes"],
    [["--shutdown-timeout", "soon", "--allow-any"], '--shutdown-timeout: "soon" is not seconds'],
    [[], "allow: [] is not at least one origin pattern"],
  ])("%j: usage and exit 1", (args, message) => {
    const { status, text } = run(...args);
    expect(status).toBe(1);
    expect(text).toContain(message);
    expect(text).toContain("Usage: tricloud-proxy");
  });

  test.each([
    ['{"port":"80"}', 'port: "80" is not a whole number from 0 to 65535'],
    ['{"allow":["*.example.com",7]}', "allow[1]: 7 is not a name, an address or *.name"],
    ['{"allow":"*.example.com"}', 'allow: "*.example.com" is not a list'],
    ['{"alow":[]}', "alow: unknown key, with value []"],
    ['{"allowAny":"yes"}', 'allowAny: "yes" is not true or false'],
    [
      '{"allow":["a.test"],"warm":["b.test:443=2"]}',
      'warm[0]: "b.test:443=2" is not an origin that allow lets through',
    ],
    ["[]", "(root): [] is not an object of options"],
    ["{", "config.json: "],
  ])("a configuration of %s is refused with file, path, value and expectation", (text, message) => {
    const path = config(text);
    const result = run("--config", path, "--check");
    expect(result.status).toBe(1);
    expect(result.text).toContain(path);
    expect(result.text).toContain(message);
  });

  test("--check accepts a valid file and does not listen; flags win over it", () => {
    const path = config(
      '{"listen":"0.0.0.0","port":80,"allow":["*.example.com"],"warm":["api.example.com:443=2"],"shutdownTimeout":"1h"}',
    );
    expect(run("--config", path, "--check")).toEqual({ status: 0, text: "configuration is valid\n" });
    expect(run("--config", path, "--check", "--port", "x").text).toContain("--port");
  });

  test("a port in use ends with exit 1 and says which", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    const { status, text } = run("--allow-any", "-l", "127.0.0.1", `-p${port}`);
    server.close();
    expect(status).toBe(1);
    expect(text).toContain(`EADDRINUSE: address already in use 127.0.0.1:${port}`);
  });
});

describe("what operators see", () => {
  test("the access log has chocon's fields, in files that rotate, with a link to the latest", async () => {
    const logs = join(directory, "logs");
    await withProxy(["--access-log-dir", logs], async (proxy) => {
      await talk(proxy.port, request(origin.port, "/path?secret=1", "Connection: close\r\n"));
    });
    const names = readdirSync(logs).sort();
    expect(names).toEqual([expect.stringMatching(/^access_log\.\d{12}$/), "current"]);
    expect(readlinkSync(join(logs, "current"))).toBe(names[0]);
    const record = JSON.parse(readFileSync(join(logs, "current"), "utf8")) as Record<string, unknown>;
    expect(record).toEqual({
      time: expect.stringMatching(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \S+$/),
      remote_addr: "127.0.0.1",
      method: "GET",
      uri: "/path",
      status: 200,
      size: 4,
      ua: 'test "agent"',
      ptime: expect.any(Number),
      host: `localhost.ccnproxy:${origin.port}`,
      chocon_req: expect.stringMatching(/^[0-9a-v]{20}$/),
    });
  });

  test("/.api/stats and /.api/http-stats answer for the proxy; the same path at an origin is the origin's", async () => {
    await withProxy(["--access-log-dir", "none", "--spfactor", "1"], async (proxy) => {
      await talk(proxy.port, request(origin.port, "/", "Connection: close\r\n"));
      const ask = async (path: string): Promise<string> =>
        talk(proxy.port, `GET ${path} HTTP/1.1\r\nHost: proxy:3000\r\nConnection: close\r\n\r\n`);
      const body = async (path: string): Promise<Record<string, unknown>> =>
        JSON.parse((await ask(path)).split("\r\n\r\n")[1]!) as Record<string, unknown>;
      expect(await body("/.api/stats")).toMatchObject({
        pid: proxy.child.pid,
        heap_alloc: expect.any(Number),
      });
      expect(await body("/.api/http-stats")).toMatchObject({
        request: { count: 2, status_count: { "200": 2 } },
        response: { max_time: expect.any(Number), percentiled_time: { "99": expect.any(Number) } },
      });
      expect(await talk(proxy.port, request(origin.port, "/.api/stats", "Connection: close\r\n"))).toMatch(
        /fast$/,
      );
    });
  });

  test("metrics, health and readiness are on the admin listener only", async () => {
    await withProxy(["--access-log-dir", "none"], async (proxy) => {
      await talk(proxy.port, request(origin.port, "/", "Connection: close\r\n"));
      const metrics = await admin(proxy, "/metrics");
      expect(metrics).toContain('tricloud_proxy_requests_total{status="200"} 1\n');
      expect(metrics).toContain('tricloud_proxy_request_seconds_bucket{le="+Inf"} 1\n');
      expect(metrics).toContain(
        `tricloud_proxy_origin_exchanges_total{origin="http://localhost:${origin.port}"} 1\n`,
      );
      expect(await admin(proxy, "/healthz")).toMatch(/200 OK/);
      expect(await admin(proxy, "/readyz")).toMatch(/200 OK/);
      expect(await talk(proxy.port, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")).toMatch(/^HTTP\/1.1 400 /);
    });
  });

  test("a client that leaves is 499 in the log", async () => {
    await withProxy(["--access-log-dir", "stdout"], async (proxy) => {
      const socket = connect({ host: "127.0.0.1", port: proxy.port });
      socket.write(request(origin.port, "/slow"));
      await new Promise((resolve) => setTimeout(resolve, 200));
      socket.destroy();
      await proxy.said('"status":499');
    });
  });
});

describe("starting and stopping", () => {
  test("SIGTERM lets requests end, refuses new connections, turns readiness off, exits 0", async () => {
    const pidFile = join(directory, "proxy.pid");
    const proxy = await startProxy(file, [...LOCAL, "--access-log-dir", "none", "--pid-file", pidFile]);
    expect(readFileSync(pidFile, "utf8")).toBe(`${proxy.child.pid}\n`);
    // GIVEN a request under way
    const answer = talk(proxy.port, request(origin.port, "/slow"), 2000);
    await new Promise((resolve) => setTimeout(resolve, 200));
    // WHEN the proxy is told to end
    const stopped = proxy.stop();
    await proxy.said('"draining"');
    // THEN it is not ready, takes no connection, and answers what it had
    expect(await admin(proxy, "/readyz")).toMatch(/503/);
    await expect(talk(proxy.port, request(origin.port, "/"))).rejects.toThrow("ECONNREFUSED");
    expect(await answer).toMatch(/Connection: close\r\n[^]*slow$/);
    expect(await stopped).toBe(0);
    expect(existsSync(pidFile)).toBe(false);
  });

  test("requests that take longer than the shutdown time-out are cut off: exit 1", async () => {
    const silent = await rawOrigin(() => undefined);
    const proxy = await startProxy(file, [
      ...LOCAL,
      "--access-log-dir",
      "none",
      "--shutdown-timeout",
      "300ms",
    ]);
    const answer = talk(proxy.port, request(silent.port, "/"), 2000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await proxy.stop()).toBe(1);
    expect(await answer).toBe("");
    await silent.close();
  });

  test.each([
    ["Server::Starter", (port: number) => `SERVER_STARTER_PORT=127.0.0.1:${port}=3 exec "$@"`],
    ["systemd", () => 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'],
  ])(
    "%s: a restart under load fails no request",
    async (_name, start) => {
      // GIVEN a starter that holds a listening socket as descriptor 3 and keeps one proxy running on it
      const port = freePort();
      const socket = createServer();
      await new Promise<void>((resolve) => socket.listen({ host: "127.0.0.1", port }, resolve));
      const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
      const script = `run() { sh -c '${start(port)}' sh "$@" & }; run "$@"; a=$!; read go; run "$@"; b=$!; read go; kill $a; wait $a; echo first ended; read go; kill $b; wait $b`;
      const proxy = [NODE, file, ...LOCAL, "--access-log-dir", "none", "--keepalive-conns", "50"];
      const starter = spawn("sh", ["-c", script, "sh", ...proxy], { stdio: ["pipe", "pipe", "pipe", fd] });
      const ended = new Promise((resolve) => starter.once("exit", resolve));
      socket.close();
      let output = "";
      starter.stdout!.on("data", (text: Buffer) => (output += text.toString()));
      starter.stderr!.on("data", (text: Buffer) => (output += text.toString()));
      const timesSaid = (text: string): number => output.split(text).length - 1;
      let answered = 0;
      const failures: string[] = [];
      const call = async (): Promise<void> => {
        const text = request(origin.port, "/", "Connection: close\r\n");
        const answer = await talk(port, text, 3000).catch((error: Error) => error.message);
        if (answer.endsWith("fast")) answered++;
        else failures.push(answer);
      };
      try {
        await becomes(() => timesSaid('"listening"'), 1);
        // WHEN clients keep asking while a successor starts and the first is told to end
        await whileCalling([call, call, call, call], async () => {
          starter.stdin!.write("go\n");
          await becomes(() => timesSaid('"listening"'), 2);
          starter.stdin!.write("go\n");
          await becomes(() => timesSaid("first ended"), 1);
          const before = answered;
          await eventually(() => answered >= before + 20);
        });
      } finally {
        // Without its words it goes on to its end, which is that of both proxies.
        starter.stdin!.end("go\n");
        await ended;
      }
      // THEN every request was answered
      expect(failures).toEqual([]);
    },
    30_000,
  );

  test("/.api/http-stats counts what all workers answered", async () => {
    await withProxy(["--access-log-dir", "none", "--workers", "2", "--spfactor", "1"], async (proxy) => {
      await becomes(() => proxy.output().split('"listening"').length - 1, 2);
      // The workers take connections in turn.
      for (let i = 0; i < 5; i++) await talk(proxy.port, request(origin.port, "/", "Connection: close\r\n"));
      for (const count of [5, 6, 7]) {
        const answer = await talk(
          proxy.port,
          "GET /.api/http-stats HTTP/1.1\r\nHost: proxy:3000\r\nConnection: close\r\n\r\n",
        );
        expect(JSON.parse(answer.split("\r\n\r\n")[1]!)).toMatchObject({
          request: { count, status_count: { "200": count } },
        });
      }
    });
  });

  test("a crashed worker is replaced, and the metrics of all are one", async () => {
    await withProxy(["--access-log-dir", "none", "--workers", "2"], async (proxy) => {
      const pids = (): number[] =>
        [...proxy.output().matchAll(/"listening".*"pid":(\d+)/g)].map((match) => Number(match[1]));
      await becomes(() => pids().length, 2);
      for (let i = 0; i < 4; i++) await talk(proxy.port, request(origin.port, "/", "Connection: close\r\n"));
      expect(await admin(proxy, "/metrics")).toContain('tricloud_proxy_requests_total{status="200"} 4\n');
      process.kill(pids()[0]!, "SIGKILL");
      await becomes(() => pids().length, 3);
      expect(proxy.output()).toContain("worker ended and is replaced");
      expect(await talk(proxy.port, request(origin.port, "/", "Connection: close\r\n"))).toMatch(/fast$/);
    });
  });
});

describe("modes", () => {
  test("--upstream sends everything to one origin, Host as it came", async () => {
    const proxy = await startProxy(file, [
      "--upstream",
      `http://localhost:${origin.port}`,
      "--allow-address",
      "127.0.0.0/8",
      "--access-log-dir",
      "none",
    ]);
    try {
      origin.received.length = 0;
      expect(
        await talk(proxy.port, "GET /x HTTP/1.1\r\nHost: anything.example\r\nConnection: close\r\n\r\n"),
      ).toMatch(/fast$/);
      expect(origin.received.join("")).toMatch(
        /^GET \/x HTTP\/1.1\r\nHost: anything.example\r\nX-Chocon-Id: /,
      );
    } finally {
      await proxy.stop();
    }
  });

  test("--request-buffering takes an origin connection only when the body is complete", async () => {
    await withProxy(["--access-log-dir", "none", "--request-buffering", "65536"], async (proxy) => {
      origin.received.length = 0;
      const socket = connect({ host: "127.0.0.1", port: proxy.port });
      socket.write(
        `POST /buffered HTTP/1.1\r\nHost: localhost.ccnproxy:${origin.port}\r\nContent-Length: 6\r\n\r\nabc`,
      );
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(origin.received.join("")).toBe("");
      socket.write("def");
      await new Promise((resolve) => socket.once("data", resolve));
      expect(origin.received.join("")).toMatch(/\r\n\r\nabcdef$/);
      socket.destroy();
    });
  });

  test("1,000 clients share --max-conns-per-host connections without an error", async () => {
    await withProxy(
      ["--access-log-dir", "none", "--max-conns-per-host", "8", "--keepalive-conns", "8"],
      async (proxy) => {
        origin.received.length = 0;
        const answers = await Promise.all(
          Array.from({ length: 1000 }, () =>
            talk(proxy.port, request(origin.port, "/", "Connection: close\r\n"), 10_000),
          ),
        );
        expect(answers.filter((answer) => !answer.endsWith("fast"))).toEqual([]);
        expect(origin.received.length).toBeLessThanOrEqual(8);
      },
    );
  }, 30_000);

  test.each<[name: string, label: string, server: () => HttpServer | Http2SecureServer]>([
    ["an http origin", "ccnproxy", () => createHttpServer()],
    [
      "an https origin that offers HTTP/2 too",
      "ccnproxy-https",
      () =>
        createSecureServer({
          allowHTTP1: true,
          cert: readFileSync(certificates.certificate),
          key: readFileSync(certificates.key),
        }),
    ],
  ])("WebSockets pass to %s, messages both ways", async (_name, label, makeServer) => {
    const http = makeServer();
    const server = new WebSocketServer({ server: http as HttpServer });
    server.on("connection", (socket: Client) =>
      socket.on("message", (data, binary) => socket.send(data, { binary })),
    );
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const { port } = http.address() as AddressInfo;
    await withProxy(["--access-log-dir", "none", "--ca-file", certificates.authority], async (proxy) => {
      const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/`, {
        headers: { Host: `localhost.${label}:${port}` },
      });
      await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
      const echo = async (message: Buffer): Promise<Buffer> => {
        const answer = new Promise<Buffer>((resolve) =>
          socket.once("message", (data: Buffer) => resolve(data)),
        );
        socket.send(message);
        return answer;
      };
      expect((await echo(Buffer.from("hello"))).toString()).toBe("hello");
      const large = Buffer.alloc(3_000_000, "x");
      expect((await echo(large)).equals(large)).toBe(true);
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.close();
      await closed;
    });
    server.close();
    await new Promise((resolve) => http.close(resolve));
  });
});

test("the bundle needs nothing but Node", () => {
  const external = [...readFileSync(file, "utf8").matchAll(/require\("([^"]+)"\)/g)].map(
    (match) => match[1]!,
  );
  expect(external.filter((name) => !name.startsWith("node:"))).toEqual([]);
  expect(execFileSync(NODE, [file, "--version"], { cwd: "/", encoding: "utf8" })).toContain("tricloud-proxy");
});
