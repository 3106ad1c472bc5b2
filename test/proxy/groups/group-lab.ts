import { readFileSync, writeFileSync } from "node:fs";
import { Agent, createServer, type RequestListener, request as httpRequest } from "node:http";
import { connect as connectHttp2, createSecureServer } from "node:http2";
import { type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { type Certificates } from "../../testbed/certificates";
import { bundle, type RunningProxy, scratch, startProxy } from "../proxy-process";
import { makeCertificates } from "../../testbed/certificates";

/** Name by which clients know the group of each test. */
export const GROUP = "search.example.test";

export interface GroupLab {
  readonly directory: string;
  /** The proxy's bundle. */
  readonly file: string;
  readonly certificates: Certificates;
  /** A proxy with this value of `groups[GROUP]`, for as long as `use` takes. */
  usingGroup(
    group: unknown,
    use: (proxy: RunningProxy) => Promise<void>,
    more?: Readonly<Record<string, unknown>>,
  ): Promise<void>;
}

export function groupLab(): GroupLab {
  // A crowded machine takes its time.
  jest.setTimeout(60_000);
  const directory = scratch();
  const file = bundle(directory);
  const certificates = makeCertificates(directory, ["localhost", GROUP]);
  let files = 0;
  return {
    directory,
    file,
    certificates,
    async usingGroup(group, use, more = {}) {
      const config = join(directory, `group-${++files}.json`);
      const options = {
        allowAddress: ["127.0.0.0/8"],
        caFile: certificates.authority,
        accessLogDir: "none",
        groups: { [GROUP]: group },
        ...more,
      };
      writeFileSync(config, JSON.stringify(options));
      const proxy = await startProxy(file, ["--config", config]);
      try {
        await use(proxy);
      } finally {
        await proxy.stop();
      }
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly milliseconds: number;
  /** Fields by name in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly body?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One request over HTTP/1.1. A connection that ends without an answer has status 0. */
export function askHttp1(proxy: RunningProxy, asked: Asked = {}): Promise<Answer> {
  const { method = "GET", path = "/", body = "", host = `${GROUP}.ccnproxy` } = asked;
  const began = performance.now();
  return new Promise((resolve) => {
    const headers = { host, "content-length": String(body.length), ...asked.headers };
    const done = (status: number, text: string, answered: Answer["headers"] = {}): void =>
      resolve({ status, body: text, milliseconds: performance.now() - began, headers: answered });
    httpRequest({ agent, host: "127.0.0.1", port: proxy.port, method, path, headers }, (response) => {
      let text = "";
      response.on("data", (part) => (text += part));
      response
        .on("end", () => done(response.statusCode!, text, response.headers))
        .on("error", (error) => done(0, error.message));
    })
      .on("error", (error) => done(0, error.message))
      .end(body);
  });
}
const agent = new Agent({ keepAlive: true });
afterAll(() => agent.destroy());

/** The same over HTTP/2. */
export function askHttp2(proxy: RunningProxy, asked: Asked = {}): Promise<Answer> {
  const { method = "GET", path = "/", body = "", host = `${GROUP}.ccnproxy` } = asked;
  const began = performance.now();
  return new Promise((resolve) => {
    const session = connectHttp2(`http://127.0.0.1:${proxy.port}`);
    const done = (status: number, text: string, answered: Answer["headers"] = {}): void => {
      session.close();
      resolve({ status, body: text, milliseconds: performance.now() - began, headers: answered });
    };
    session.on("error", (error) => done(0, error.message));
    const head = { ":method": method, ":path": path, ":authority": host, ...asked.headers };
    const stream = session.request(head, { endStream: body === "" });
    let status = 0;
    let text = "";
    let answered: Answer["headers"] = {};
    stream.on("response", (answer) => {
      status = answer[":status"]!;
      answered = answer;
    });
    stream.on("data", (part) => (text += part));
    stream.on("end", () => done(status, text, answered)).on("error", (error) => done(0, error.message));
    if (body !== "") stream.end(body);
  });
}

const origins = new Set<Origin>();
// A test that fails leaves its own behind.
afterAll(() => Promise.all([...origins].map((each) => each.close())));

export interface Origin {
  readonly url: string;
  readonly requests: number;
  readonly connections: number;
  close(): Promise<void>;
}

/** An origin of Node's own: HTTP/1.1 in the clear, or HTTP/2 (and HTTP/1.1) over TLS. `at` is its port. */
export async function origin(listener: RequestListener, http2?: Certificates, at = 0): Promise<Origin> {
  let requests = 0;
  const sockets = new Set<Socket>();
  let connections = 0;
  const counting: RequestListener = (request, response) => {
    requests++;
    listener(request, response);
  };
  const server =
    http2 === undefined
      ? createServer({ keepAliveTimeout: 60_000 }, counting)
      : createSecureServer(
          { cert: readFileSync(http2.certificate), key: readFileSync(http2.key), allowHTTP1: true },
          counting as never,
        );
  server.on(http2 === undefined ? "connection" : "secureConnection", (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(at, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const made: Origin = {
    url: `${http2 === undefined ? "http" : "https"}://localhost:${port}`,
    get requests() {
      return requests;
    },
    get connections() {
      return connections;
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
        origins.delete(made);
      }),
  };
  origins.add(made);
  return made;
}

/** Answers 200 with this text, once the request has come whole. */
export function says(text: string): RequestListener {
  return (request, response) => {
    request.resume().on("end", () => response.end(text));
  };
}
