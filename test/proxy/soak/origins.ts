import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import {
  constants,
  createSecureServer,
  createServer as createHttp2Server,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect, createServer as createRelay, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Fault, type OriginKind, type Shape, trailersOf } from "./shapes";
import { readAll, writeAll } from "./streams";

/** What an origin saw of one exchange. */
export interface Seen {
  /** Times that a request for it came. */
  attempts: number;
  /** Of the last request that came whole. */
  body: Buffer | undefined;
  trailers: Readonly<Record<string, unknown>>;
  length: string | undefined;
}

/** Servers of every kind; each finds by the path what to do. */
export interface Origins {
  readonly ports: Readonly<Record<OriginKind, number>>;
  readonly seen: Map<string, Seen>;
  /** What went wrong in the origins themselves. */
  readonly problems: string[];
  close(): Promise<void>;
}

/** An origin's end of a connection: both ports, since connections to different servers may come from the same one. */
type Ports = Pick<Socket, "localPort" | "remotePort">;
/** Resets the connection with this end. */
type Reset = (end: Ports | undefined) => void;

/** Streams at once on one session: few, so that requests have to wait, and as many as RFC 9113 asks for at least. */
const FEW_STREAMS = { maxConcurrentStreams: 20 };
const STREAMS = { maxConcurrentStreams: 100 };
/** Room for the bodies of all answers on a session: beyond it Node would refuse requests. */
const ROOM = { maxSessionMemory: 200 };

/** @param find the exchange with this id */
export async function startOrigins(
  find: (id: string) => Shape,
  tls: { readonly cert: Buffer; readonly key: Buffer },
): Promise<Origins> {
  const seen = new Map<string, Seen>();
  const problems: string[] = [];
  const sockets = new Set<Socket>();
  const relays = new Map<string, Socket>();
  const reset: Reset = (end) => relays.get(nameOf(end?.localPort, end?.remotePort))?.resetAndDestroy();

  const attempt = (path: string): readonly [Shape, Seen] => {
    const shape = find(path.slice(1));
    const known = seen.get(shape.id) ?? { attempts: 0, body: undefined, trailers: {}, length: undefined };
    seen.set(shape.id, known);
    known.attempts++;
    return [shape, known];
  };
  const failed = (shape: Shape) => (error: Error) => problems.push(`${shape.id}: ${error.stack}`);

  const overHttp1: RequestListener = (request, response) => {
    const [shape, known] = attempt(request.url!);
    answerHttp1(shape, known, request, response, reset).catch(failed(shape));
  };
  const overHttp2 = (stream: ServerHttp2Stream, fields: Readonly<Record<string, unknown>>): void => {
    const [shape, known] = attempt(String(fields[":path"]));
    known.length = fields["content-length"] as string | undefined;
    answerHttp2(shape, known, stream, reset).catch(failed(shape));
  };
  const http2 = (server: Http2Server): Http2Server =>
    server.on("stream", overHttp2).on("session", (session: ServerHttp2Session) => {
      session.on("error", () => undefined);
    });
  // An idle connection is the proxy's to close: what is closed as a request comes may be lost by right.
  const http1 = { keepAliveTimeout: 600_000, requestTimeout: 0 };
  const servers: Record<OriginKind, Server> = {
    h1: createServer(http1, overHttp1),
    "h1-tls": createTlsServer({ ...tls, ...http1 }, overHttp1),
    h2: http2(createSecureServer({ ...tls, ...ROOM, settings: STREAMS })),
    "h2-rough": http2(createSecureServer({ ...tls, ...ROOM, settings: FEW_STREAMS })),
    "h2-leaving": http2(createSecureServer({ ...tls, ...ROOM, settings: FEW_STREAMS })),
    h2c: http2(createHttp2Server({ ...ROOM, settings: STREAMS })),
  };
  const ports: Partial<Record<OriginKind, number>> = {};
  const relayServers: Server[] = [];
  for (const [kind, server] of Object.entries(servers)) {
    // Closing a server waits for its connections, and some do not see their end: nobody reads from them.
    server.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    });
    const port = await listening(server);
    const relay = relayTo(port, sockets, relays);
    relayServers.push(relay);
    ports[kind as OriginKind] = await listening(relay);
  }
  return {
    ports: ports as Record<OriginKind, number>,
    seen,
    problems,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await Promise.all(
        [...relayServers, ...Object.values(servers)].map(
          (server) => new Promise((resolve) => server.close(resolve)),
        ),
      );
    },
  };
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", 4096, resolve));
  return (server.address() as AddressInfo).port;
}

/**
 * Passes bytes on: its connections can be reset whatever is spoken on them, where Node neither lets a session's socket
 * be touched nor resets a TLS socket. `sockets` are those of its clients, and `relays` has them by the ports that the
 * server behind sees.
 */
function relayTo(port: number, sockets: Set<Socket>, relays: Map<string, Socket>): Server {
  return createRelay((incoming) => {
    const outgoing = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    sockets.add(incoming);
    let seenAs = "";
    outgoing.on("connect", () => relays.set((seenAs = nameOf(port, outgoing.localPort)), incoming));
    incoming.on("error", () => undefined).pipe(outgoing);
    outgoing.on("error", () => undefined).pipe(incoming);
    incoming.on("close", () => {
      sockets.delete(incoming);
      outgoing.destroy();
    });
    outgoing.on("close", () => {
      if (relays.get(seenAs) === incoming) relays.delete(seenAs);
      incoming.end();
    });
  });
}

function fieldsFor(shape: Shape): Record<string, string | string[]> {
  return {
    "x-shape": shape.id,
    "x-latin": "caf\xe9",
    "set-cookie": ["a=1; Path=/", "b=2"],
    ...(shape.response.framing === "length" && shape.status !== 204
      ? { "content-length": String(shape.response.size) }
      : {}),
  };
}

/** True for an answer that has no body whatever its fields say. */
function headOnly(shape: Shape): boolean {
  return shape.method === "HEAD" || shape.status === 204 || shape.status === 304;
}

async function answerHttp1(
  shape: Shape,
  known: Seen,
  request: IncomingMessage,
  response: ServerResponse,
  reset: Reset,
): Promise<void> {
  request.on("error", () => undefined);
  response.on("error", () => undefined);
  known.length = request.headers["content-length"];
  // The proxy may use a connection again before Node counts the last response on it as sent. What would come before
  // this one's head must wait until then: Node would put it behind the head, into the body.
  if (response.socket === null) await new Promise((assigned) => response.once("socket", assigned));
  if (!shape.early) {
    const body = await readAll(request, shape.originReadMs);
    if (body === undefined) return;
    known.body = body;
    known.trailers = { ...request.trailers };
  }
  const { fault } = shape;
  if (fault?.at === -1) return reset(request.socket);
  for (let i = 0; i < shape.interims; i++) response.writeEarlyHints({ link: `</${i}>; rel=preload` });
  response.writeHead(shape.status, { ...fieldsFor(shape), ...(shape.early ? { connection: "close" } : {}) });
  if (headOnly(shape)) return void response.end();
  const upTo = fault === undefined ? shape.response.size : fault.at;
  if (!(await writeAll(response, shape.response, upTo))) return;
  if (fault !== undefined) {
    response.flushHeaders();
    await sleep(5);
    return reset(request.socket);
  }
  if (shape.response.trailers && shape.response.framing === "chunked")
    response.addTrailers(trailersOf(shape));
  response.end();
}

async function answerHttp2(
  shape: Shape,
  known: Seen,
  stream: ServerHttp2Stream,
  reset: Reset,
): Promise<void> {
  stream.on("error", () => undefined);
  stream.on("trailers", (fields) => (known.trailers = { ...fields }));
  const { fault } = shape;
  if (fault?.kind === "refuse" && known.attempts === 1) return stream.close(constants.NGHTTP2_REFUSED_STREAM);
  if (fault?.kind === "goaway-graceful") stream.session?.close();
  if (!shape.early) {
    const body = await readAll(stream, shape.originReadMs);
    if (body === undefined) return;
    known.body = body;
  }
  if (stream.destroyed || stream.closed) return;
  const breaks = fault !== undefined && fault.kind !== "goaway-graceful" && fault.kind !== "refuse";
  if (breaks && fault.at === -1) return breakOff(fault.kind, stream, reset);
  for (let i = 0; i < shape.interims; i++)
    stream.additionalHeaders({ ":status": 103, link: `</${i}>; rel=preload` });
  const trailers = shape.response.trailers && !headOnly(shape);
  if (trailers) stream.on("wantTrailers", () => stream.sendTrailers(trailersOf(shape)));
  stream.respond(
    { ...fieldsFor(shape), ":status": shape.status },
    { endStream: headOnly(shape), waitForTrailers: trailers },
  );
  if (headOnly(shape)) return;
  if (!(await writeAll(stream, shape.response, breaks ? fault.at : shape.response.size))) return;
  if (breaks) {
    await sleep(5);
    breakOff(fault.kind, stream, reset);
    return;
  }
  stream.end();
}

function breakOff(kind: Fault, stream: ServerHttp2Stream, reset: Reset): void {
  const { session } = stream;
  if (kind === "reset") {
    // Without an error it is RST_STREAM with NO_ERROR, in the middle of a body. close() would end the body first.
    stream.destroy((stream.id ?? 1) % 4 === 1 ? undefined : new Error("broken off"));
  } else if (kind === "goaway-error") {
    session?.goaway(constants.NGHTTP2_INTERNAL_ERROR);
    const { localPort, remotePort } = session?.socket ?? {};
    setTimeout(() => reset({ localPort, remotePort }), 20);
  } else reset(session?.socket);
}

function nameOf(serverPort: number | undefined, clientPort: number | undefined): string {
  return `${clientPort} to ${serverPort}`;
}
