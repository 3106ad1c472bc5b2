import { Agent, type IncomingMessage, request } from "node:http";
import { type ClientHttp2Session, connect, constants } from "node:http2";
import { type Shape, trailersOf } from "./shapes";
import { writeAll } from "./streams";

/**
 * How an exchange ended for its client. `cut`: broken off by the other side, `left`: by the client itself. `hung`: not
 * at all, and nothing has come for too long.
 */
export interface Outcome {
  readonly end: "whole" | "cut" | "left" | "hung";
  /** 0 when no head came. */
  readonly status: number;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly trailers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
  readonly interims: number;
  readonly problem: string;
}

/** Where the proxy listens, and for which name it calls which port. */
export interface Way {
  readonly port: number;
  readonly tlsPort: number;
  readonly ca: Buffer;
  readonly host: string;
}

/**
 * Milliseconds without a byte of an answer after which an exchange counts as hung. The proxy's own time-outs but the one
 * for clients that do not read are shorter, and tell in its log what it waited for.
 */
const HUNG_MS = 75_000;
/** Room for the bodies of all requests on a session: beyond it Node would refuse answers. */
const SESSION_MEGABYTES = 200;
/** Pauses of a client that reads slowly: enough to fill every buffer on the way, whatever the size of its pieces. */
const PAUSES = 200;

/** Connections of clients: kept alive (HTTP/1.1), or shared by many exchanges (HTTP/2). */
export class Clients {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 64 });
  private readonly sessions = new Map<string, ClientHttp2Session>();

  constructor(private readonly sessionsPerKind: number) {}

  ask(shape: Shape, way: Way, number: number): Promise<Outcome> {
    return shape.client === "h1" ? this.overHttp1(shape, way) : this.overHttp2(shape, way, number);
  }

  close(): void {
    this.agent.destroy();
    for (const session of this.sessions.values()) session.close();
  }

  private overHttp1(shape: Shape, way: Way): Promise<Outcome> {
    const { request: body } = shape;
    const fields: Record<string, string> = { host: way.host, "x-chocon-id": shape.id, "x-latin": "caf\xe9" };
    if (body?.framing === "length") fields["content-length"] = String(body.size);
    if (body?.framing === "chunked") fields["transfer-encoding"] = "chunked";
    return new Promise((resolve) => {
      const asked = request({
        agent: this.agent,
        host: "127.0.0.1",
        port: way.port,
        method: shape.method,
        path: `/${shape.id}`,
        headers: fields,
      });
      const progress = new Progress(shape, resolve);
      let answer: IncomingMessage | undefined;
      asked.on("information", () => progress.interim());
      asked.on("error", (error) => progress.ended("cut", error.message));
      asked.on("close", () => answer ?? progress.ended("cut", "closed without an answer"));
      asked.on("response", (response) => {
        answer = response;
        progress.head(response.statusCode!, response.headers);
        response.on("aborted", () => progress.ended("cut", "aborted"));
        response.on("error", (error) => progress.ended("cut", error.message));
        response.on("end", () => {
          progress.trailers = response.trailers;
          if (response.complete) progress.ended("whole");
          // The answer has come before the request has been sent, and nobody wants the rest of it.
          if (!asked.writableFinished) asked.destroy();
        });
        progress.read(response);
        leaveAt(shape.leavesAt);
      });
      const leaveAt = (at: number | undefined): void => {
        progress.onBytes = (bytes) => {
          if (at === undefined || bytes < at) return;
          progress.ended("left");
          answer?.destroy();
          asked.destroy();
        };
        progress.onBytes(progress.received);
      };
      if (shape.leavesAt === -1)
        setTimeout(() => {
          progress.ended("left");
          asked.destroy();
        }, shape.id.length % 7);
      if (body === undefined) return void asked.end();
      void writeAll(asked, body, body.size).then((whole) => {
        if (!whole) return;
        if (body.trailers && body.framing === "chunked") asked.addTrailers(trailersOf(shape));
        asked.end();
      });
    });
  }

  private overHttp2(shape: Shape, way: Way, number: number): Promise<Outcome> {
    const { request: body } = shape;
    const session = this.session(shape, way, number);
    return new Promise((resolve) => {
      const progress = new Progress(shape, resolve);
      const trailers = body?.trailers === true;
      const stream = session.request(
        {
          ":method": shape.method,
          ":path": `/${shape.id}`,
          ":authority": way.host,
          "x-chocon-id": shape.id,
          "x-latin": "caf\xe9",
          ...(body?.framing === "length" ? { "content-length": String(body.size) } : {}),
          ...(shape.origin === "h2c" ? { "content-type": "application/grpc" } : {}),
        },
        { endStream: body === undefined, waitForTrailers: trailers },
      );
      stream.on("headers", () => progress.interim());
      stream.on("response", (fields) => {
        progress.head(fields[":status"] ?? 0, fields);
        progress.onBytes = (bytes) => {
          if (shape.leavesAt === undefined || bytes < shape.leavesAt) return;
          progress.ended("left");
          stream.close(constants.NGHTTP2_CANCEL);
        };
        progress.read(stream);
        progress.onBytes(progress.received);
      });
      stream.on("trailers", (fields) => (progress.trailers = fields));
      stream.on("error", (error) => progress.ended("cut", error.message));
      stream.on("end", () => {
        if (stream.rstCode === 0) progress.ended("whole");
      });
      stream.on("close", () => progress.ended("cut", `closed with code ${stream.rstCode}`));
      if (shape.leavesAt === -1)
        setTimeout(() => {
          progress.ended("left");
          stream.close(constants.NGHTTP2_CANCEL);
        }, shape.id.length % 7);
      if (body === undefined) return;
      if (trailers) stream.on("wantTrailers", () => stream.sendTrailers(trailersOf(shape)));
      void writeAll(stream, body, body.size).then((whole) => whole && stream.end());
    });
  }

  /** One of a few sessions; a new one where the last has ended. */
  private session(shape: Shape, way: Way, number: number): ClientHttp2Session {
    const port = shape.client === "h2" ? way.tlsPort : way.port;
    const name = `${port} ${number % this.sessionsPerKind}`;
    const known = this.sessions.get(name);
    if (known !== undefined && !known.closed && !known.destroyed) return known;
    const windows = [1_000, 65_535, 1_000_000];
    const options = {
      settings: { initialWindowSize: windows[number % windows.length]! },
      maxSessionMemory: SESSION_MEGABYTES,
    };
    const session =
      shape.client === "h2"
        ? connect(`https://localhost:${port}`, { ca: way.ca, ...options })
        : connect(`http://127.0.0.1:${port}`, options);
    session.on("error", () => undefined);
    session.setMaxListeners(0);
    this.sessions.set(name, session);
    return session;
  }
}

/** What has come of an answer so far. */
class Progress {
  interims = 0;
  received = 0;
  trailers: Readonly<Record<string, unknown>> = {};
  onBytes: (received: number) => void = () => undefined;
  private status = 0;
  private fields: Readonly<Record<string, unknown>> = {};
  private readonly pieces: Buffer[] = [];
  private pauses = 0;
  private over = false;
  private readonly watch = setTimeout(() => this.ended("hung"), HUNG_MS);

  constructor(
    private readonly shape: Shape,
    private readonly resolve: (outcome: Outcome) => void,
  ) {}

  interim(): void {
    this.interims++;
    this.watch.refresh();
  }

  head(status: number, fields: Readonly<Record<string, unknown>>): void {
    this.watch.refresh();
    this.status = status;
    this.fields = { ...fields };
  }

  read(stream: NodeJS.ReadableStream): void {
    const { clientReadMs } = this.shape;
    stream.on("data", (piece: Buffer) => {
      this.watch.refresh();
      this.pieces.push(piece);
      this.received += piece.length;
      this.onBytes(this.received);
      if (clientReadMs === 0 || this.pauses++ >= PAUSES) return;
      stream.pause();
      setTimeout(() => stream.resume(), clientReadMs);
    });
  }

  ended(end: Outcome["end"], problem = ""): void {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.watch);
    this.onBytes = () => undefined;
    const { status, fields, trailers, interims } = this;
    this.resolve({ end, status, fields, trailers, body: Buffer.concat(this.pieces), interims, problem });
  }
}
