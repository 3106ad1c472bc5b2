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
import { clock } from "../clock";
import { type ExchangeServices } from "../exchange-services";
import { Http2Request } from "./http2-request";

const STREAMS_PER_CLIENT = 256;
/** Bytes a client may send ahead per stream. */
const STREAM_WINDOW_BYTES = 262_144;
/**
 * More than all streams together have waiting for their client, which is one read of their origin each at most. Beyond
 * it Node refuses new streams, and ends the session when they go on coming.
 */
const SESSION_MEGABYTES = 32;
/** Milliseconds that streams are still taken after a session was told to end: long enough for what is on its way. */
const DRAIN_MS = 1_000;
/** A stream no client reaches: GOAWAY with it says "begin no more", not "what you have begun is lost". */
const LAST_STREAM = 2 ** 31 - 1;

/** Clients that speak HTTP/2, by prior knowledge (h2c) or by ALPN: each of their streams is an exchange. */
export class Http2Listener {
  private readonly server: Http2Server;
  /** Open sessions and the number of their streams. */
  private readonly sessions = new Map<Http2Session, number>();
  private readonly requests = new Set<Http2Request>();
  private onEmpty: (() => void) | undefined;
  /** `clock.now` from which sessions are closed. */
  private closeAt = Infinity;

  constructor(private readonly services: ExchangeServices) {
    const { maxHeaderBytes, maxHeaderCount } = services.options;
    this.server = createServer({
      settings: {
        enablePush: false,
        maxConcurrentStreams: STREAMS_PER_CLIENT,
        initialWindowSize: STREAM_WINDOW_BYTES,
        maxHeaderListSize: maxHeaderBytes,
      },
      maxHeaderListPairs: maxHeaderCount,
      maxSessionMemory: SESSION_MEGABYTES,
      maxSessionInvalidFrames: 10,
      maxSessionRejectedStreams: 10,
    });
    this.server.on("session", (session) => this.track(session));
    this.server.on(
      "stream",
      (stream: ServerHttp2Stream, fields: IncomingHttpHeaders, _flags: number, raw: string[]) =>
        this.begin(stream, fields, raw),
    );
  }

  /** Open sessions. */
  get size(): number {
    return this.sessions.size;
  }

  accept(socket: Socket): void {
    this.server.emit("connection", socket);
  }

  /** Enforces time-outs; called once a tick. */
  sweep(now: number): void {
    for (const request of this.requests) request.sweep(now);
    if (now >= this.closeAt) for (const session of this.sessions.keys()) session.close();
  }

  /** Tells every client to go elsewhere with its next request; calls back whenever one has left. */
  drain(left: () => void): void {
    this.onEmpty = left;
    this.closeAt = clock.now + DRAIN_MS;
    for (const session of this.sessions.keys()) session.goaway(constants.NGHTTP2_NO_ERROR, LAST_STREAM);
  }

  stop(): void {
    for (const session of this.sessions.keys()) session.destroy();
  }

  private begin(stream: ServerHttp2Stream, fields: IncomingHttpHeaders, raw: readonly string[]): void {
    const { session } = stream;
    stream.on("error", () => undefined);
    // Reset in the same breath as it was begun.
    if (session === undefined || stream.closed) return;
    const request = new Http2Request(stream, this.services);
    this.requests.add(request);
    this.count(session, 1);
    stream.once("close", () => {
      this.requests.delete(request);
      this.count(session, -1);
    });
    request.begin(fields, raw);
  }

  private track(session: ServerHttp2Session): void {
    this.sessions.set(session, 0);
    session.on("error", () => session.destroy());
    session.on("close", () => {
      this.sessions.delete(session);
      this.onEmpty?.();
    });
    session.setTimeout(this.services.options.clientIdleTimeout * 1000, () => {
      // Streams have time-outs of their own; a session without any is idle.
      if (this.sessions.get(session) === 0) session.close();
    });
    if (this.services.draining) session.goaway(constants.NGHTTP2_NO_ERROR, LAST_STREAM);
  }

  private count(session: Http2Session, change: number): void {
    const before = this.sessions.get(session);
    if (before !== undefined) this.sessions.set(session, before + change);
  }
}
