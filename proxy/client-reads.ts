import { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/** One read takes what a client usually has under way. */
const READ_BUFFER_BYTES = 65_536;

/** What makes up `net.connect`'s option `onread` within a socket and the handle below it. */
interface ReadParts {
  readonly buffer: symbol;
  readonly callback: symbol;
}
interface ReadHandle {
  useUserBuffer?(buffer: Buffer): void;
}

/**
 * One buffer that all clients are read into. By itself Node allocates 64 KiB for each read of an accepted socket and
 * hands it through a readable stream, a tenth of what a small request costs. `net.connect` has the option `onread`
 * against that; accepted sockets have none, so its parts are set here. Where a Node has them elsewhere, and for TLS,
 * clients are read by events.
 */
export class ClientReads {
  private readonly buffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
  private readonly parts = readParts();

  /** Clients are read into the one buffer. */
  get shared(): boolean {
    return this.parts !== undefined;
  }

  /** Hands on what comes in on `socket`. The bytes are there until `receive` returns: longer needs to `own` them. */
  start(socket: Socket, receive: (bytes: Buffer) => void): void {
    const { _handle: handle } = socket as unknown as { readonly _handle?: ReadHandle };
    if (this.parts === undefined || socket instanceof TLSSocket || handle?.useUserBuffer === undefined) {
      socket.on("data", receive);
      return;
    }
    const { buffer } = this;
    Object.assign(socket, {
      [this.parts.buffer]: buffer,
      [this.parts.callback]: (length: number): boolean => {
        receive(buffer.subarray(0, length));
        return true;
      },
    });
    handle.useUserBuffer(buffer);
    socket.resume();
  }

  /** The same bytes, out of reach of the next read. */
  own(bytes: Buffer): Buffer {
    return bytes.buffer === this.buffer.buffer ? Buffer.from(bytes) : bytes;
  }
}

function readParts(): ReadParts | undefined {
  const symbols = Object.getOwnPropertySymbols(new Socket());
  const named = (name: string): symbol | undefined => symbols.find(({ description }) => description === name);
  const [buffer, callback] = [named("kBuffer"), named("kBufferCb")];
  return buffer === undefined || callback === undefined ? undefined : { buffer, callback };
}
