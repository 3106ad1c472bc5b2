import {
  constants,
  createServer,
  type Http2Server,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { type Socket } from "node:net";
import { Http2Request } from "./http2-request";
import { type Service } from "./service";

const STREAMS_PER_CLIENT = 256;
/** Bytes a client may send ahead per stream. */
const STREAM_WINDOW_BYTES = 262_144;

/** Clients that speak HTTP/2, by prior knowledge (h2c) or by ALPN: each of their streams is an exchange. */
export class Http2Listener {
  private readonly server: Http2Server;
  /** Open sessions and the number of their streams. */
  private readonly sessions = new Map<Http2Session, number>();
  private onEmpty: (() => void) | undefined;

  constructor(private readonly service: Service) {
    const { maxHeaderBytes, maxHeaderCount } = service.options;
    this.server = createServer({
      settings: {
        enablePush: false,
        maxConcurrentStreams: STREAMS_PER_CLIENT,
        initialWindowSize: STREAM_WINDOW_BYTES,
        maxHeaderListSize: maxHeaderBytes,
      },
      maxHeaderListPairs: maxHeaderCount,
      maxSessionInvalidFrames: 10,
      maxSessionRejectedStreams: 10,
    });
    this.server.on("session", (session) => this.track(session));
    this.server.on(
      "stream",
      (stream: ServerHttp2Stream, fields: IncomingHttpHeaders, _flags: number, raw: string[]) => {
        this.count(stream, 1);
        stream.on("error", () => undefined);
        stream.once("close", () => this.count(stream, -1));
        new Http2Request(stream, this.service).begin(fields, raw);
      },
    );
  }

  /** Open sessions. */
  get size(): number {
    return this.sessions.size;
  }

  accept(socket: Socket): void {
    this.server.emit("connection", socket);
  }

  /** Tells every client to go elsewhere with its next request; calls back whenever one has left. */
  drain(left: () => void): void {
    this.onEmpty = left;
    for (const session of this.sessions.keys()) session.close();
  }

  stop(): void {
    for (const session of this.sessions.keys()) session.destroy();
  }

  private track(session: ServerHttp2Session): void {
    this.sessions.set(session, 0);
    session.on("error", () => session.destroy());
    session.on("close", () => {
      this.sessions.delete(session);
      this.onEmpty?.();
    });
    session.setTimeout(this.service.options.clientIdleTimeout * 1000, () => {
      // Streams have time-outs of their own; a session without any is idle.
      if (this.sessions.get(session) === 0) session.close();
    });
    if (this.service.draining) session.goaway(constants.NGHTTP2_NO_ERROR);
  }

  private count(stream: ServerHttp2Stream, change: number): void {
    const { session } = stream;
    if (session === undefined) return;
    const before = this.sessions.get(session);
    if (before !== undefined) this.sessions.set(session, before + change);
  }
}
