import { buildSync } from "esbuild";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { NODE } from "./node-program";
import { makeCertificates } from "../testbed/certificates";
import { bundle, freePort, type RunningProxy, scratch, startProxy } from "./proxy-process";

const directory = scratch();
const file = bundle(directory);
const certificates = makeCertificates(directory, ["localhost"]);

/** What takes away what this Node keeps below its streams. */
const withoutBinding = join(directory, "without-binding.cjs");
writeFileSync(withoutBinding, 'process.binding = () => { throw new Error("not in this Node"); };\n');

describe.each([
  ["past its streams", {}],
  ["by its streams", { TRICLOUD_PROXY_STREAMS_ONLY: "1" }],
])("GIVEN sockets of Node's %s", (_name, env) => {
  let origin: Server;
  let proxy: RunningProxy;
  const tlsPort = freePort();
  beforeAll(async () => {
    origin = createServer((request, response) => {
      const hash = createHash("sha256").update(request.url!);
      request.on("data", (part: Buffer) => hash.update(part));
      request.on("end", () => {
        const digest = hash.digest("hex");
        if (request.url === "/chunked") {
          response.write("one ");
          response.write("two ");
          return void response.end("three");
        }
        response.end(request.method === "PUT" ? digest : digest.repeat(125));
      });
    });
    await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
    const tls = ["--tls-port", String(tlsPort), "--tls-cert-file", certificates.certificate];
    proxy = await startProxy(
      file,
      [
        ...["--allow", "127.0.0.1", "--allow-address", "127.0.0.0/8", "--access-log-dir", "none"],
        ...[...tls, "--tls-key-file", certificates.key],
      ],
      env,
    );
    await proxy.said(`"port":${tlsPort}`);
  });
  afterAll(async () => {
    await proxy.stop();
    origin.close();
  });

  /** A client that sends one of `pieces` each time `next` is called (false: none was left), and its response. */
  function client(pieces: readonly string[]): { next(): boolean; answer: Promise<string> } {
    const socket = connect({ host: "127.0.0.1", port: proxy.port, noDelay: true });
    let sent = 0;
    const next = (): boolean => {
      if (sent === pieces.length) return false;
      socket.write(pieces[sent++]!);
      return true;
    };
    return { next, answer: allOf(socket) };
  }

  const inPieces = (text: string, size: number): string[] => text.match(new RegExp(`[^]{1,${size}}`, "g"))!;

  test.each<[name: string, bodyBytes: number, pieces: (head: string, body: string) => string[]]>([
    ["heads in small pieces", 0, (head) => inPieces(head, 20)],
    ["bodies that come with the head", 300_000, (head, body) => [head + body]],
    ["small pieces of body", 1_200, (head, body) => [head, ...inPieces(body, 30)]],
    ["large pieces of body", 350_000, (head, body) => [head, ...inPieces(body, 70_000)]],
  ])(
    "WHEN clients in turn send %s THEN each origin gets its own client's bytes",
    async (_, bytes, pieces) => {
      const { port } = origin.address() as AddressInfo;
      const cases = Array.from({ length: 24 }, (_each, who) => {
        const path = `/${who}`;
        const body = `${who};`.repeat(bytes).slice(0, bytes);
        const head =
          `PUT ${path} HTTP/1.1\r\nHost: 127.0.0.1.ccnproxy:${port}\r\nConnection: close\r\n` +
          `X-Filler: ${String(who).repeat(50)}\r\nContent-Length: ${body.length}\r\n\r\n`;
        const expected = createHash("sha256").update(path).update(body).digest("hex");
        return { ...client(pieces(head, body)), expected };
      });
      while (cases.map((each) => each.next()).includes(true)) await sleep(5);
      const answers = await Promise.all(cases.map(({ answer }) => answer));
      expect(answers.map((answer) => answer.split("\r\n\r\n")[1])).toEqual(
        cases.map(({ expected }) => expected),
      );
    },
  );

  const ways: readonly [name: string, open: () => Socket][] = [
    ["TCP", () => connect({ host: "127.0.0.1", port: proxy.port })],
    [
      "TLS",
      () =>
        connectTls({
          host: "127.0.0.1",
          port: tlsPort,
          servername: "localhost",
          ca: readFileSync(certificates.authority),
        }),
    ],
  ];

  test.each(ways)(
    "WHEN an answer goes out over %s in several writes and the end THEN all is sent",
    async (_, open) => {
      const { port } = origin.address() as AddressInfo;
      const socket = open();
      const answer = allOf(socket);
      socket.write(`GET /chunked HTTP/1.0\r\nHost: 127.0.0.1.ccnproxy:${port}\r\n\r\n`);
      expect(await answer).toMatch(/^HTTP\/1\.1 200 [^]*\r\n\r\none two three$/);
    },
  );

  test.each(ways)(
    "WHEN a client asks for much over %s and reads late THEN all of it comes, in order",
    async (_, open) => {
      const { port } = origin.address() as AddressInfo;
      const paths = Array.from({ length: 1_000 }, (_each, i) => `/${i}`);
      const socket = open();
      const answer = allOf(socket);
      socket.pause();
      socket.write(
        paths
          .map((path, i) => {
            const close = i === paths.length - 1 ? "Connection: close\r\n" : "";
            return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1.ccnproxy:${port}\r\n${close}\r\n`;
          })
          .join(""),
      );
      await sleep(500);
      socket.resume();
      const bodies = (await answer).split(/HTTP\/1.1 200 OK\r\n[^]*?\r\n\r\n/).slice(1);
      expect(bodies).toEqual(
        paths.map((path) => createHash("sha256").update(path).digest("hex").repeat(125)),
      );
    },
  );
});

/** What a program says that has a wire `wire` over TLS on `socket`, and what its server has got. */
function withTlsWire(program: string, env: NodeJS.ProcessEnv = {}): string {
  const wire = join(directory, "wire.cjs");
  buildSync({
    entryPoints: [join(__dirname, "../../proxy/wire.ts")],
    outfile: wire,
    bundle: true,
    platform: "node",
    format: "cjs",
  });
  const { key, certificate, authority } = certificates;
  const script = `
    const { readFileSync } = require("node:fs");
    const tls = require("node:tls");
    const { DIRECT, Wire } = require(${JSON.stringify(wire)});
    const [key, cert, ca] = ${JSON.stringify([key, certificate, authority])}.map((file) => readFileSync(file));
    const server = tls.createServer({ key, cert }, (socket) => {
      let text = "";
      socket.on("error", () => undefined);
      socket.on("data", (bytes) => (text += bytes.toString("latin1")));
      socket.on("close", () => { server.close(); console.log(DIRECT, text); });
      socket.write("begin");
    });
    server.listen(0, "127.0.0.1", () => {
      const socket = tls.connect({ port: server.address().port, host: "127.0.0.1", servername: "localhost", ca });
      socket.on("error", (error) => console.log(error.code));
      // Both sides have ended the handshake then: before, a Node 24 that destroys a socket tells the other side nothing of it.
      socket.once("data", () => {
        const wire = new Wire(socket, { receive: () => true }, Buffer.alloc(65536));
        ${program}
      });
    });`;
  const { status, signal, stdout, stderr } = spawnSync(NODE, ["-e", script], {
    encoding: "utf8",
    timeout: 30_000,
    env: { ...process.env, ...env },
  });
  return status === 0 ? stdout : `${status ?? signal}: ${stderr}`;
}

describe("GIVEN a Node whose sockets are to be used by its streams", () => {
  test.each([
    ["it is told so", { TRICLOUD_PROXY_STREAMS_ONLY: "1" }],
    ["there is no way past them", { NODE_OPTIONS: `--require ${withoutBinding}` }],
  ])("WHEN %s THEN all of a text comes", (_, env) => {
    expect(withTlsWire('wire.write("one "); wire.write("two"); wire.end();', env)).toBe("false one two\n");
  });
});

describe("GIVEN a text under way over TLS", () => {
  test("WHEN more is written, and the end THEN all of it comes, in order", () => {
    const program =
      'wire.write("one "); wire.writeBytes(Buffer.from("two ")); wire.write("three"); wire.end();';
    expect(withTlsWire(program)).toBe("true one two three\n");
  });

  test("WHEN the other side ends in the same breath THEN the process goes on", () => {
    const program =
      'wire.write("one "); wire.writeBytes(Buffer.from("two")); socket.push(null); socket.on("end", () => socket.destroy());';
    expect(withTlsWire(program)).toMatch(/^true /);
  });

  test("WHEN nothing is under way when it is asked whether all is sent, and more is written THEN all of it comes", () => {
    const program =
      'wire.whenFlushed(() => undefined); wire.write("one "); wire.whenFlushed(() => wire.end()); wire.write("two");';
    expect(withTlsWire(program)).toBe("true one two\n");
  });
});

function allOf(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    socket.on("data", (bytes: Buffer) => (text += bytes.toString("latin1")));
    socket.on("error", reject).on("close", () => resolve(text));
  });
}
