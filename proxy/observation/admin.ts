import { createServer as createHttp1Server } from "node:http";
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Stream } from "node:http2";
import { createServer, type Server, type Socket } from "node:net";
import { beginsPreface, PREFACE } from "../http2/http2-frames";
import { exposition, type MetricFamilies, type Snapshot } from "./metrics";
import { upstreamsPage } from "./upstreams";
import { type UpstreamsReport } from "./group-report";

/** What the admin listener tells of: one process, or a supervisor's workers together. */
export interface Observed {
  /** May be sent requests. */
  ready(): Promise<boolean>;
  snapshot(): Promise<Snapshot>;
  upstreams(): Promise<UpstreamsReport>;
}

/** The listener for operators: liveness, readiness, numbers, the state of groups. Not for the network of the clients. */
export function adminServer(families: MetricFamilies, observed: Observed): Server {
  const say = (path: string | undefined, accept: string | undefined): Promise<Said> =>
    said(families, observed, path?.split("?", 1)[0], accept ?? "").catch((error: unknown) => ({
      status: 500,
      text: `${error instanceof Error ? error.message : String(error)}\n`,
    }));
  const http1 = createHttp1Server((request, response) => {
    void say(request.url, request.headers.accept).then(({ status, text, type = PLAIN }) =>
      response.writeHead(status, { "content-type": type }).end(text),
    );
  });
  const http2 = createHttp2Server();
  http2.on("stream", (stream, { ":path": path, accept }) => {
    stream.on("error", () => undefined).resume();
    if (path === HEALTH_CHECK) return void tellHealth(stream, observed);
    void say(path, accept).then(({ status, text, type = PLAIN }) => {
      if (stream.closed || stream.destroyed) return;
      stream.respond({ ":status": status, "content-type": type });
      stream.end(text);
    });
  });
  for (const server of [http1, http2]) server.setTimeout(IDLE_MS);
  return createServer({ noDelay: true, allowHalfOpen: true }, (socket) =>
    takeByFirstBytes(socket, http1, http2),
  );
}

/** An answer. */
interface Said {
  readonly status: number;
  readonly text: string;
  /** @default PLAIN */
  readonly type?: string;
}

const PLAIN = "text/plain";
/** Milliseconds that a connection without a byte is kept. */
const IDLE_MS = 60_000;

async function said(
  families: MetricFamilies,
  observed: Observed,
  path: string | undefined,
  accept: string,
): Promise<Said> {
  switch (path) {
    case "/healthz":
      return { status: 200, text: "ok\n" };
    case "/readyz":
      return (await observed.ready())
        ? { status: 200, text: "ready\n" }
        : { status: 503, text: "not ready\n" };
    case "/metrics":
      return {
        status: 200,
        text: exposition(families, await observed.snapshot()),
        type: "text/plain; version=0.0.4",
      };
    case "/upstreams": {
      const report = await observed.upstreams();
      return /\btext\/html\b/.test(accept)
        ? { status: 200, text: upstreamsPage(report), type: "text/html; charset=utf-8" }
        : { status: 200, text: `${JSON.stringify(report, undefined, 2)}\n`, type: "application/json" };
    }
    default:
      return { status: 404, text: "not found\n" };
  }
}

/** By which load balancers ask for the health of who takes calls of gRPC. */
const HEALTH_CHECK = "/grpc.health.v1.Health/Check";
/** A message of one field, `status`, which is SERVING. */
const SERVING = Buffer.from([0, 0, 0, 0, 2, 0x08, 0x01]);
const CALL = { ":status": 200, "content-type": "application/grpc" } as const;

/** Who is not ready says so by the call's status: AWS's load balancers look at nothing else. */
async function tellHealth(stream: ServerHttp2Stream, observed: Observed): Promise<void> {
  const isReady = await observed.ready().catch(() => false);
  if (stream.closed || stream.destroyed) return;
  if (!isReady) {
    const status = { "grpc-status": String(UNAVAILABLE), "grpc-message": "not ready" };
    return stream.respond({ ...CALL, ...status }, { endStream: true });
  }
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.respond(CALL, { waitForTrailers: true });
  stream.end(SERVING);
}

/** Of google.rpc.Code. */
const UNAVAILABLE = 14;

/** Has the one of two servers take a connection whose language its client speaks: HTTP/2 is by prior knowledge. */
function takeByFirstBytes(socket: Socket, http1: Server, http2: Http2Server): void {
  let come = Buffer.alloc(0);
  const leave = (): void => void socket.destroy();
  const read = (): void => {
    for (let bytes; (bytes = socket.read() as Buffer | null) !== null;) come = Buffer.concat([come, bytes]);
    const isHttp2 = beginsPreface(come, come.length);
    if (come.length === 0 || (isHttp2 && come.length < PREFACE.length)) return;
    socket.off("readable", read).off("end", leave).off("timeout", leave).setTimeout(0);
    socket.unshift(come);
    // Sessions do not look after a side that is still open when the other one is not.
    if (isHttp2) socket.allowHalfOpen = false;
    (isHttp2 ? http2 : http1).emit("connection", socket);
  };
  socket.on("error", () => undefined);
  socket.setTimeout(IDLE_MS).on("timeout", leave).on("end", leave).on("readable", read);
}
