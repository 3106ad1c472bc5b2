import { Duplex } from "node:stream";
import { type Socket } from "node:net";
import { type OriginLink, type Requester } from "../../proxy/exchange";
import { FLAG, FRAME } from "../../proxy/http2/http2-frames";
import { OriginSession, type SessionOwner } from "../../proxy/origins/origin-session";
import { type Answer } from "./node-http2";

const LIMITS = { maxHeaderBytes: 4096, maxHeaderCount: 50 };

/** Nothing comes from it, and what is said to it goes nowhere. */
function silent(): Socket {
  const socket = new Duplex({ read: () => undefined, write: (_bytes, _encoding, done) => done() });
  // Which is what says that there is nothing below the streams.
  return Object.assign(socket, { _handle: null }) as unknown as Socket;
}

const OWNER = {
  origin: {},
  streamLimit: 100,
  answered: () => undefined,
  unanswered: () => undefined,
  endUnconfirmed: () => undefined,
  roomMade: () => undefined,
  ended: () => undefined,
} as unknown as SessionOwner;

export interface SessionAnswer {
  readonly answer: Answer;
  /** Where in the bytes it ends. */
  readonly end: number;
  /** Something was acknowledged before. */
  readonly acknowledged: boolean;
}

/** The answer that a session of the proxy's reads there; a text says why there is none. */
export function sessionAnswerIn(bytes: Buffer): SessionAnswer | string {
  const session = new OriginSession(OWNER, "192.0.2.1", "http", silent(), LIMITS);
  let status = "";
  let fields: string[] = [];
  let trailers: string[] = [];
  let body = "";
  let whole = false;
  let problem = "not whole";
  const take = (piece: Buffer, from: number, to: number, last: boolean): boolean => {
    body += piece.toString("latin1", from, to);
    whole = last;
    return true;
  };
  const requester: Partial<Requester> = {
    id: "1",
    method: "GET",
    requestDone: true,
    upgrading: false,
    // Or what comes behind a length would be left unread.
    wantsPayload: true,
    send: (link: OriginLink) => void link.writeText("GET / HTTP/1.1\r\nHost: origin\r\n\r\n"),
    inform: () => undefined,
    respond: (head, piece, from, to, last) => {
      status = String(head.status);
      fields = lines(head.forwarded()).slice(1);
      return take(piece, from, to, last);
    },
    body: take,
    trailers: (text) => (trailers = lines(text)),
    lost: (_link, failure) => (problem = failure.problem),
  };
  session.begin(requester as Requester);
  let at = 0;
  let acknowledged = false;
  while (at < bytes.length && !whole) {
    const frame = bytes.subarray(at, at + HEADER_BYTES + octetsOf(bytes, at));
    const [type, flags] = frame.subarray(3);
    acknowledged ||= (type === FRAME.settings || type === FRAME.ping) && (flags! & FLAG.ack) !== 0;
    session.receive(frame, frame.length);
    at += frame.length;
  }
  session.destroy();
  return whole ? { answer: { status, fields, body, trailers }, end: at, acknowledged } : problem;
}

const HEADER_BYTES = 9;

/** Of the payload of the frame that begins there, as far as that is told. */
const octetsOf = (bytes: Buffer, at: number): number => (bytes.length < at + 3 ? 0 : bytes.readUIntBE(at, 3));

const lines = (text: string): string[] => text.split("\r\n").filter((line) => line !== "");
