import * as grpc from "@grpc/grpc-js";
import { execFile, execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, createSecureServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { makeCertificates } from "../testbed/certificates";
import { hasNginx, startNginx } from "./nginx-origin";
import { bundle, freePort, type RunningProxy, scratch, startProxy } from "./proxy-process";
import { rawOrigin, talk } from "./raw-http";

const directory = scratch();
const file = bundle(directory);
const certificates = makeCertificates(directory, ["localhost"]);
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

const listening = async (server: {
  listen(port: number, host: string, done: () => void): unknown;
  address(): unknown;
}): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
};

let proxy: RunningProxy;
beforeAll(async () => {
  proxy = await startProxy(file, LOCAL);
});
afterAll(async () => {
  await proxy.stop();
});

interface Answer {
  readonly fields: Record<string, unknown>;
  readonly trailers: Record<string, unknown>;
  readonly body: Buffer;
}

/** One request over HTTP/2 by prior knowledge. */
async function ask(host: string, fields: Record<string, string> = {}, body?: Buffer): Promise<Answer> {
  const session = connect(`http://127.0.0.1:${proxy.port}`);
  try {
    return await new Promise((resolve, reject) => {
      const stream = session.request(
        { ":path": "/", ":authority": host, ...fields },
        { endStream: body === undefined },
      );
      let head = {};
      let trailers = {};
      const pieces: Buffer[] = [];
      session.on("error", reject);
      stream.on("error", reject);
      stream.on("response", (received) => (head = { ...received }));
      stream.on("trailers", (received) => (trailers = { ...received }));
      stream.on("data", (piece: Buffer) => pieces.push(piece));
      stream.on("end", () => resolve({ fields: head, trailers, body: Buffer.concat(pieces) }));
      if (body !== undefined) stream.end(body);
    });
  } finally {
    session.close();
  }
}

describe("an HTTP/2 client and an HTTP/1.1 origin", () => {
  test("request, body and trailers pass; fields of the hop do not", async () => {
    const origin = await rawOrigin((socket, text) => {
      if (!text.endsWith("0\r\n\r\n")) return;
      socket.write(
        "HTTP/1.1 201 Created\r\nX-A: b\r\nKeep-Alive: timeout=9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n",
      );
    });
    const answer = await ask(
      `localhost.ccnproxy:${origin.port}`,
      { ":method": "POST", "x-in": "1", cookie: "a=b" },
      Buffer.from("hello"),
    );
    expect(answer.fields).toMatchObject({
      ":status": 201,
      "x-a": "b",
      "x-chocon-id": expect.any(String) as string,
    });
    expect(answer.fields).not.toHaveProperty("keep-alive");
    expect(answer.body.toString()).toBe("ok");
    expect(answer.trailers).toMatchObject({ "x-sum": "7" });
    expect(origin.received[0]).toMatch(
      /^POST \/ HTTP\/1.1\r\nHost: localhost:\d+\r\nx-in: 1\r\n[^]*transfer-encoding: chunked\r\n[^]*\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/,
    );
    await origin.close();
  });

  test("errors are answers: 400, 403, 502, 508", async () => {
    expect((await ask("nothing")).fields[":status"]).toBe(400);
    expect((await ask("evil.example.ccnproxy")).fields[":status"]).toBe(403);
    expect((await ask("localhost.ccnproxy:1")).fields[":status"]).toBe(502);
    expect((await ask("localhost.ccnproxy:1", { "x-chocon-ver": "1" })).fields[":status"]).toBe(508);
  });

  test("a large body arrives whole at a client with a small window", async () => {
    const large = Buffer.alloc(4_000_000, "z");
    const origin = await rawOrigin((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${large.length}\r\n\r\n`);
      socket.write(large);
    });
    expect((await ask(`localhost.ccnproxy:${origin.port}`)).body.equals(large)).toBe(true);
    await origin.close();
  });
});

describe("an HTTP/2 origin", () => {
  let server: Http2Server;
  let port = 0;
  let sessions = 0;
  beforeAll(async () => {
    server = createSecureServer({
      cert: readFileSync(certificates.certificate),
      key: readFileSync(certificates.key),
    });
    server.on("session", () => sessions++);
    server.on("stream", (stream: ServerHttp2Stream, fields) => {
      const pieces: Buffer[] = [];
      stream.on("error", () => undefined);
      stream.on("data", (piece: Buffer) => pieces.push(piece));
      stream.on("end", () => {
        if (fields[":path"] === "/empty") return stream.respond({ ":status": 200 }, { endStream: true });
        if (fields[":path"] === "/reset") return stream.close(2);
        stream.respond({ ":status": 200, "x-method": fields[":method"]! }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "9" }));
        stream.end(Buffer.concat([Buffer.from(`${fields[":authority"]} `), ...pieces]));
      });
    });
    port = await listening(server);
  });
  afterAll(() => void server.close());
  const http1 = (path: string, method = "GET", body = ""): string =>
    `${method} ${path} HTTP/1.1\r\nHost: localhost.ccnproxy-https:${port}\r\nConnection: close\r\n${body}`;

  test("serves HTTP/1.1 clients: bodies both ways, chunked and by length, many requests over one connection", async () => {
    // WHEN fifty requests come at once
    const answers = await Promise.all(
      Array.from({ length: 50 }, () =>
        talk(proxy.port, `${http1("/", "POST", "Content-Length: 3\r\n")}\r\nabc`, 3000),
      ),
    );
    // THEN all are answered over few connections
    for (const answer of answers) {
      expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*x-method: POST\r\n[^]*transfer-encoding: chunked/i);
      expect(answer).toMatch(/localhost:\d+ abc\r\n0\r\nx-sum: 9\r\n\r\n$/);
    }
    expect(sessions).toBeLessThan(10);
    const chunked = await talk(
      proxy.port,
      `${http1("/", "PUT", "Transfer-Encoding: chunked\r\n")}\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n`,
      3000,
    );
    expect(chunked).toMatch(/localhost:\d+ def/);
  });

  test("an answer without body has a length for HTTP/1.1; a reset stream is 502", async () => {
    expect(await talk(proxy.port, `${http1("/empty")}\r\n`, 3000)).toMatch(
      /^HTTP\/1.1 200 OK\r\n[^]*Content-Length: 0\r\n/,
    );
    expect(await talk(proxy.port, `${http1("/reset")}\r\n`, 3000)).toMatch(/^HTTP\/1.1 502 /);
  });

  test("serves HTTP/2 clients", async () => {
    const answer = await ask(`localhost.ccnproxy-https:${port}`, { ":method": "POST" }, Buffer.from("xyz"));
    expect(answer.body.toString()).toBe(`localhost:${port} xyz`);
    expect(answer.trailers).toMatchObject({ "x-sum": "9" });
  });

  (hasNginx ? test : test.skip)("may be a real nginx, with curl as client", async () => {
    const nginx = await startNginx(
      directory,
      certificates,
      'location /p { return 200 "$server_protocol"; }',
      "http2",
    );
    writeFileSync(join(directory, "www/file"), Buffer.alloc(3_000_000, "y"));
    const curl = (...args: string[]): string =>
      execFileSync("curl", ["-sS", ...args, "-H", `Host: localhost.ccnproxy-https:${nginx.httpsPort}`], {
        encoding: "latin1",
        maxBuffer: 1 << 24,
      });
    try {
      expect(curl(`http://127.0.0.1:${proxy.port}/p`)).toBe("HTTP/2.0");
      expect(curl("--http2-prior-knowledge", `http://127.0.0.1:${proxy.port}/p`)).toBe("HTTP/2.0");
      expect(curl(`http://127.0.0.1:${proxy.port}/file`)).toHaveLength(3_000_000);
    } finally {
      await nginx.stop();
    }
  });
});

describe("gRPC", () => {
  const text = {
    serialize: (value: string) => Buffer.from(value),
    deserialize: (bytes: Buffer) => bytes.toString(),
  };
  const method = (
    name: string,
    requestStream: boolean,
    responseStream: boolean,
  ): grpc.MethodDefinition<string, string> => ({
    path: `/test.Echo/${name}`,
    requestStream,
    responseStream,
    requestSerialize: text.serialize,
    requestDeserialize: text.deserialize,
    responseSerialize: text.serialize,
    responseDeserialize: text.deserialize,
  });
  const service = {
    Say: method("Say", false, false),
    Chat: method("Chat", true, true),
    Fail: method("Fail", false, false),
  };
  const Client = grpc.makeGenericClientConstructor(service, "Echo");
  type Call = grpc.ClientDuplexStream<string, string>;
  type Unary = (value: string, done: (error: grpc.ServiceError | null, value?: string) => void) => void;

  test.each([
    ["h2c", "ccnproxy", grpc.ServerCredentials.createInsecure()],
    [
      "TLS",
      "ccnproxy-https",
      grpc.ServerCredentials.createSsl(null, [
        { cert_chain: readFileSync(certificates.certificate), private_key: readFileSync(certificates.key) },
      ]),
    ],
  ])("passes end to end to an origin that speaks it over %s", async (_name, label, credentials) => {
    // GIVEN a gRPC server
    const server = new grpc.Server();
    server.addService(service, {
      Say: (call: grpc.ServerUnaryCall<string, string>, done: grpc.sendUnaryData<string>) =>
        done(null, `you said ${call.request}`),
      Chat: (call: grpc.ServerDuplexStream<string, string>) => {
        call.on("data", (value: string) => call.write(`echo ${value}`));
        call.on("end", () => call.end());
      },
      Fail: (_call: unknown, done: grpc.sendUnaryData<string>) =>
        done({ code: grpc.status.NOT_FOUND, details: "no such thing" }),
    });
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync("127.0.0.1:0", credentials, (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    const client = new Client(`127.0.0.1:${proxy.port}`, grpc.credentials.createInsecure(), {
      "grpc.default_authority": `localhost.${label}:${port}`,
    });
    const unary = (name: "Say" | "Fail", value: string): Promise<string> =>
      new Promise((resolve, reject) =>
        (client[name] as unknown as Unary).call(client, value, (error, answer) =>
          error === null ? resolve(answer!) : reject(error),
        ),
      );
    try {
      // WHEN it is called THEN answers, statuses and streams pass
      expect(await unary("Say", "hi")).toBe("you said hi");
      await expect(unary("Fail", "x")).rejects.toMatchObject({
        code: grpc.status.NOT_FOUND,
        details: "no such thing",
      });
      const call = (client["Chat"] as unknown as () => Call).call(client);
      const heard: string[] = [];
      for (const value of ["one", "two", "three"]) {
        call.write(value);
        // Each answer comes while the request is still open: streaming both ways, not store and forward.
        heard.push(
          await new Promise<string>((resolve, reject) => call.once("data", resolve).once("error", reject)),
        );
      }
      const status = new Promise<grpc.StatusObject>((resolve) => call.on("status", resolve));
      call.on("data", () => undefined);
      call.end();
      expect(heard).toEqual(["echo one", "echo two", "echo three"]);
      expect((await status).code).toBe(grpc.status.OK);
    } finally {
      client.close();
      server.forceShutdown();
    }
  });
});

test("the TLS listener serves HTTP/1.1 and h2 by ALPN", async () => {
  const port = freePort();
  const tls = [
    "--tls-port",
    String(port),
    "--tls-cert-file",
    certificates.certificate,
    "--tls-key-file",
    certificates.key,
  ];
  const secure = await startProxy(file, [...LOCAL, ...tls]);
  const origin = await rawOrigin((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  try {
    await secure.said(`"port":${port}`);
    const host = `Host: localhost.ccnproxy:${origin.port}`;
    const curl = async (flag: string): Promise<string> => {
      const args = [
        "-sS",
        "-m",
        "4",
        flag,
        "-w",
        " %{http_version}",
        "--cacert",
        certificates.authority,
        "-H",
        host,
      ];
      return (await promisify(execFile)("curl", [...args, `https://localhost:${port}/`])).stdout;
    };
    expect(await curl("--http1.1")).toBe("ok 1.1");
    expect(await curl("--http2")).toBe("ok 2");
  } finally {
    await secure.stop();
    await origin.close();
  }
});
