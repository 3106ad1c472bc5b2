import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { clock, TICK_MS } from "../clock";
import { type ExchangeServices } from "../exchange-services";
import { peerOf } from "../peers/peer-sockets";
import { ClientStream } from "./client-stream";

const STREAMS_PER_CLIENT = 256;
/** Bytes a client may send ahead per stream. */
const STREAM_WINDOW_BYTES = 262_144;
/**
 * More than all streams together have waiting for their client, which is one read of their origin each at most. Beyond
 * it Node refuses new streams, and ends the session when they go on coming.
 */
const SESSION_MEGABYTES = 32;
/** What a field counts for besides its name and value (RFC 9113 section 6.5.2). */
const FIELD_OVERHEAD_BYTES = 32;
/** Milliseconds that streams are still taken after a session was told to end: long enough for what is on its way. */
const DRAIN_MS = 1_000;
/**
 * Milliseconds without a byte of a client whose session is over: whoever still reads answers its windows. Were the
 * connection closed on it, what is on its way to it would be lost.
 */
const LINGER_MS = 2_000;
/** Milliseconds that a client has at least to say that it is still there. */
const LEAST_PING_MS = 5_000;
/** A stream no client reaches: GOAWAY with it says "begin no more", not "what you have begun is lost". */
const LAST_STREAM = 2 ** 31 - 1;
/** Streams that may end without an answer before their share of all counts (CVE-2023-44487, CVE-2025-8671). */
const UNANSWERED_STREAMS = 200;

/** One client's connection, from the moment it was taken over until its socket has closed. */
interface Connection {
  readonly socket: Socket;
  readonly session: ServerHttp2Session;
  /** Node's own way to close the session. */
  readonly close: () => void;
  /** Streams that are open, that were begun, and that ended before their answer had begun. */
  streams: number;
  begun: number;
  unanswered: number;
  /** `clock.now` when the last of its streams ended. */
  idleSince: number;
  /** `clock.now` when the session was seen to be over, and when all it had to say was seen to be written; else 0. */
  overSince: number;
  writtenSince: number;
  /** Bytes that had come from the client when it was last seen to send any after that. */
  heard: number;
  /** `clock.now` when it was last asked whether it is still there, and ticks since then without an answer. */
  askedAt: number;
  awaited: number;
  /** Its client said GOAWAY. */
  leaving: boolean;
  /** It was told which of its streams is the last to be answered. */
  lastNamed: boolean;
}

/** Clients that speak HTTP/2, by prior knowledge (h2c) or by ALPN: each of their streams is an exchange. */
export class ClientSessions {
  private readonly server: Http2Server;
  private readonly connections = new Map<ServerHttp2Session, Connection>();
  private readonly requests = new Set<ClientStream>();
  private onEmpty: (() => void) | undefined;
  /** `clock.now` from which sessions are closed. */
  private closeAt = Infinity;
  /** Whose session is being made. */
  private accepting: Socket | undefined;

  constructor(private readonly services: ExchangeServices) {
    const { maxHeaderBytes } = services.options;
    this.server = createServer({
      settings: {
        enablePush: false,
        maxConcurrentStreams: STREAMS_PER_CLIENT,
        initialWindowSize: STREAM_WINDOW_BYTES,
        maxHeaderListSize: maxHeaderBytes,
      },
      // The fields are counted when the crumbs of cookies are one field again.
      maxHeaderListPairs: Math.ceil(maxHeaderBytes / FIELD_OVERHEAD_BYTES),
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

  /** Open connections. */
  get size(): number {
    return this.connections.size;
  }

  /** @param socket plain, or one whose ALPN is h2: to others Node would answer in HTTP/1 */
  accept(socket: Socket): void {
    socket.on("error", () => undefined);
    // Sessions do not look after a side that is still open when the other one is not.
    socket.allowHalfOpen = false;
    this.accepting = socket;
    this.server.emit("connection", socket);
    this.accepting = undefined;
  }

  /** Enforces time-outs; called once a tick. */
  sweep(now: number): void {
    for (const request of this.requests) request.sweep(now);
    for (const connection of this.connections.values()) this.sweepConnection(connection, now);
  }

  /** Tells every client to go elsewhere with its next request; calls back whenever one has left. */
  drain(left: () => void): void {
    this.onEmpty = left;
    this.closeAt = clock.now + DRAIN_MS;
    for (const session of this.connections.keys()) sayGoAway(session);
  }

  stop(): void {
    for (const { session, socket } of this.connections.values()) {
      session.destroy();
      socket.destroy();
    }
  }

  private begin(stream: ServerHttp2Stream, fields: IncomingHttpHeaders, raw: readonly string[]): void {
    stream.on("error", () => undefined);
    const connection = this.connections.get(stream.session as ServerHttp2Session);
    // Its session may have ended in the same breath.
    if (connection === undefined) return;
    connection.begun++;
    if (connection.lastNamed) stream.close(constants.NGHTTP2_REFUSED_STREAM);
    if (stream.closed) {
      this.unanswered(connection);
      return;
    }
    const { socket } = connection;
    const secure = socket instanceof TLSSocket;
    const address = socket.remoteAddress ?? "";
    const request = new ClientStream(stream, this.services, address, secure, peerOf(socket));
    this.requests.add(request);
    connection.streams++;
    stream.once("close", () => {
      this.requests.delete(request);
      connection.streams--;
      connection.idleSince = clock.now;
      if (!request.answerBegun) this.unanswered(connection);
    });
    request.begin(fields, raw);
  }

  /** A client whose streams mostly end before their answer has begun makes work for origins, and for nobody else. */
  private unanswered(connection: Connection): void {
    const { session } = connection;
    if (++connection.unanswered <= Math.max(UNANSWERED_STREAMS, connection.begun / 2)) return;
    session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  private track(session: ServerHttp2Session): void {
    const socket = this.accepting!;
    const connection: Connection = {
      socket,
      session,
      close: session.close.bind(session),
      streams: 0,
      begun: 0,
      unanswered: 0,
      idleSince: clock.now,
      overSince: 0,
      writtenSince: 0,
      heard: 0,
      askedAt: clock.now,
      awaited: 0,
      leaving: false,
      lastNamed: false,
    };
    this.connections.set(session, connection);
    session.on("error", () => session.destroy());
    // Node would call it when the client says GOAWAY, whatever streams are still to come with the same read.
    session.close = () => void (connection.leaving = true);
    // The session itself may tell its end late or never, where its socket is half closed or does not drain.
    socket.on("close", () => {
      session.destroy();
      this.connections.delete(session);
      this.onEmpty?.();
    });
    if (this.services.draining) sayGoAway(session);
  }

  private sweepConnection(connection: Connection, now: number): void {
    const { session, socket, streams } = connection;
    const { clientIdleTimeout, writeTimeout } = this.services.options;
    const idle = streams === 0 && now - connection.idleSince > clientIdleTimeout * 1000;
    if (idle || now >= this.closeAt || (connection.leaving && streams === 0)) endSession(connection);
    // Streams have time-outs of their own.
    if (!session.destroyed) {
      this.checkAlive(connection, now);
      return;
    }
    connection.overSince ||= now;
    const inTime = now - connection.overSince <= writeTimeout * 1000;
    if (!socket.writableEnded && inTime) return;
    if (connection.writtenSince === 0 || (inTime && socket.bytesRead > connection.heard)) {
      connection.writtenSince = now;
      connection.heard = socket.bytesRead;
    }
    if (now - connection.writtenSince > LINGER_MS) socket.destroy();
  }

  /**
   * A client that is owed an answer can be gone without a word; and to one that broke the protocol Node says so without
   * telling anybody here, and reads no more. Neither answers when it is asked.
   */
  private checkAlive(connection: Connection, now: number): void {
    const { session, socket } = connection;
    const { readTimeout } = this.services.options;
    if (connection.awaited > 0) {
      // Counted in ticks: while this process was held up no answer could be read.
      if (++connection.awaited * TICK_MS <= Math.max(LEAST_PING_MS, readTimeout * 1000)) return;
      session.destroy();
      socket.destroy();
    } else if (connection.streams > 0 && now - connection.askedAt > readTimeout * 1000) {
      connection.askedAt = now;
      connection.awaited = 1;
      session.ping(() => (connection.awaited = 0));
    }
  }
}

/**
 * Takes no more streams, and ends the session with the last of those under way. In between Node must not call it closed:
 * a closed session answers no ping, and Node 20 destroys a stream that still begins on it while nghttp2 is reading it,
 * which corrupts the heap. What is being written when it ends is written first.
 */
function endSession(connection: Connection): void {
  const { session, streams } = connection;
  if (session.destroyed) return;
  if (streams === 0) {
    connection.close();
    session.destroy();
  } else if (!connection.lastNamed) {
    connection.lastNamed = true;
    session.goaway(constants.NGHTTP2_NO_ERROR);
  }
}

function sayGoAway(session: ServerHttp2Session): void {
  if (!session.destroyed) session.goaway(constants.NGHTTP2_NO_ERROR, LAST_STREAM);
}
