import { CompressionError, HpackDecoder } from "../../proxy/http2/hpack";
import { ConnectionError, FrameReader } from "../../proxy/http2/http2-frames";

/** What a reader of frames was told, as text; DATA is one text for each stretch of it. */
export function told(bytes: Buffer, cuts: readonly number[]): string[] {
  const events: string[] = [];
  let open = "";
  const say = (event: string): void => void events.push(event);
  const decoder = new HpackDecoder();
  const reader = new FrameReader(
    {
      dataBegins: (stream, octets) => say(`data of ${stream}: ${octets}`),
      data: (stream, piece, from, to, end) => {
        open += piece.toString("latin1", from, to);
        if (end) say(`end of ${stream}: ${open}`);
      },
      headers: (stream, block, from, to, end) =>
        decoder.decode(block, from, to, ({ name, value }) => say(`${stream} ${end} ${name}: ${value}`)),
      streamReset: (stream, code) => say(`reset ${stream}: ${code}`),
      setting: (id, value) => say(`setting ${id}: ${value}`),
      settingsEnd: () => say("settings"),
      ping: (payload, ack) => say(`ping ${ack}: ${payload}`),
      goAway: (last) => say(`goaway ${last}`),
      windowUpdate: (stream, octets) => say(`window ${stream}: ${octets}`),
    },
    100_000,
  );
  try {
    // Each read into the same buffer, as from a socket.
    const buffer = Buffer.alloc(bytes.length);
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const length = Math.min(bytes.length - at, 1 + cuts[i % cuts.length]!);
      bytes.copy(buffer, 0, at, at + length);
      reader.read(buffer, length);
      at += length;
    }
  } catch (error) {
    if (!(error instanceof ConnectionError) && !(error instanceof CompressionError)) throw error;
    say(`refused: ${error.message}`);
  }
  return [...events, open];
}
