import { connect, createServer, type Socket } from "node:net";
import { type AddressInfo } from "node:net";
import { encodeField, encodePseudoField } from "../../proxy/http2/hpack";
import { FLAG, FRAME, frame, PREFACE, uint32 } from "../../proxy/http2/http2-frames";

const HEADER_BYTES = 9;

/** A frame that came. */
export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export interface RawHttp2Origin {
  readonly port: number;
  /** All frames of all connections, in the order of coming. */
  readonly frames: readonly RawFrame[];
  readonly sockets: ReadonlySet<Socket>;
  close(): Promise<void>;
}

/** An origin that is handed each frame that comes on a connection and may write what it likes (h2c). */
export async function rawHttp2Origin(
  take: (came: RawFrame, write: (latin1: string) => void) => void,
): Promise<RawHttp2Origin> {
  const frames: RawFrame[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    let bytes = Buffer.alloc(0);
    let begun = false;
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    socket.on("data", (more: Buffer) => {
      bytes = Buffer.concat([bytes, more]);
      if (!begun) {
        if (bytes.length < PREFACE.length) return;
        begun = bytes.toString("latin1", 0, PREFACE.length) === PREFACE;
        bytes = bytes.subarray(PREFACE.length);
      }
      while (bytes.length >= HEADER_BYTES && bytes.length >= HEADER_BYTES + bytes.readUIntBE(0, 3)) {
        const end = HEADER_BYTES + bytes.readUIntBE(0, 3);
        const came = {
          type: bytes[3]!,
          flags: bytes[4]!,
          stream: bytes.readUInt32BE(5),
          payload: bytes.subarray(HEADER_BYTES, end),
        };
        bytes = bytes.subarray(end);
        frames.push(came);
        take(came, (text) => socket.write(text, "latin1"));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    frames,
    sockets,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/** What every origin says first. */
export const SETTINGS = frame(FRAME.settings, 0, 0, "");
/** Frames of all kinds that an answer to a request on stream 1 may be made of, as an origin sends them. */
export const SOUND_ANSWER =
  SETTINGS +
  frame(FRAME.headers, FLAG.padded | FLAG.priority, 1, "\x0312345\x88\0\0\0") +
  frame(FRAME.continuation, FLAG.endHeaders, 1, encodeField("x-a", "b")) +
  frame(FRAME.data, FLAG.padded, 1, "\x02he\0\0") +
  frame(FRAME.ping, 0, 0, "12345678") +
  frame(FRAME.data, FLAG.endStream, 1, "llo") +
  frame(FRAME.goAway, 0, 0, uint32(1) + uint32(0));

/** A client's HEADERS frame: a GET, ended unless said otherwise. */
export function requestFrame(
  stream: number,
  host: string,
  { method = "GET", path = "/", end = true, fields = [] as readonly (readonly [string, string])[] } = {},
): string {
  const block =
    encodePseudoField(":method", method) +
    encodePseudoField(":scheme", "http") +
    encodePseudoField(":authority", host) +
    encodePseudoField(":path", path) +
    fields.map(([name, value]) => encodeField(name, value)).join("");
  return frame(FRAME.headers, FLAG.endHeaders | (end ? FLAG.endStream : 0), stream, block);
}

/** A client that has said its preface, and writes what it likes. It does not end its side when the other one does. */
export async function rawHttp2Client(
  port: number,
): Promise<{ readonly socket: Socket; write(latin1: string): void; received(): string }> {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  let received = "";
  socket.on("error", () => undefined);
  socket.on("data", (bytes: Buffer) => (received += bytes.toString("latin1")));
  await new Promise((resolve) => socket.once("connect", resolve).once("close", resolve));
  const write = (text: string): void => void socket.write(text, "latin1");
  write(PREFACE + SETTINGS);
  return { socket, write, received: () => received };
}
