import { type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { getSystemErrorName } from "node:util";

/** 64 KiB: one read takes a socket's usual receive queue, and a 64 KiB body comes in one or two pieces. */
export const READ_BUFFER_BYTES = 65_536;

/** Takes what comes in on a wire. */
export interface Reader {
  /** `bytes[0..length)` have come; they are lent until this returns. False: read no more until `resume`. */
  receive(bytes: Buffer, length: number): boolean;
}

/** What Node keeps below a socket (`src/stream_base.cc`). */
interface Handle {
  reading?: boolean;
  onread?: (this: Handle, bytes: unknown) => Buffer | undefined;
  useUserBuffer?(buffer: Buffer): void;
  readStart?(): number;
  readStop?(): number;
  writeLatin1String?(request: WriteRequest, text: string): number;
}

interface WriteRequest {
  oncomplete?: (this: WriteRequest, status: number) => void;
  wire?: Wire;
}

/** What its functions leave their results in. */
interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest;
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
}

/** Set to 1 in a proxy's environment, it keeps wires on Node's streams: should a Node change below them, or to measure. */
const STREAMS_ONLY = "TRICLOUD_PROXY_STREAMS_ONLY";

const BINDING = process.env[STREAMS_ONLY] === "1" ? undefined : streamBinding();

/** Wires go past the streams. */
export const DIRECT = BINDING !== undefined;

const EMPTY = Buffer.alloc(0);

/**
 * A connected socket, read into one buffer and written to without the detour through `stream`: an allocation and an
 * event for each read, a state machine and a tick for each write. `npm run bench:proxy`, with and without
 * TRICLOUD_PROXY_STREAMS_ONLY=1, shows what that is worth. It takes parts of Node that are not promised, `_handle` and
 * `process.binding`: where a Node has not got them, the wire is the socket's streams, as test/proxy/wire.test.ts holds it
 * to. All writes go through here: below the streams TLS takes one at a time.
 */
export class Wire {
  /** A text is under way that the kernel did not take at once, or that TLS has yet to say so of. */
  private busy = false;
  /** What was written meanwhile waits in the streams. */
  private held = false;
  /** Empty writes under way in the streams, which do not count as bytes that wait. */
  private empty = 0;
  private ending = false;
  private spare: WriteRequest | undefined;
  private readonly handle: Handle | undefined;
  private readonly secure: boolean;

  /**
   * @param buffer what to read into. Many wires may share one: it is only lent, and never `keep`t then
   */
  constructor(
    private readonly socket: Socket,
    reader: Reader,
    private buffer: Buffer,
  ) {
    this.secure = socket instanceof TLSSocket;
    const handle = (socket as unknown as { readonly _handle: Handle | null })._handle;
    if (BINDING !== undefined && handle !== null && complete(handle)) {
      this.handle = handle;
      this.readDirectly(handle, reader, BINDING);
    } else {
      socket.on("data", (bytes: Buffer) => {
        if (!reader.receive(bytes, bytes.length)) socket.pause();
      });
    }
    // Also of a socket that is read directly the streams tell the end.
    socket.resume();
  }

  /** Nothing waits to be sent. */
  get flushed(): boolean {
    return !this.busy && this.socket.writableLength === 0;
  }

  /** Bytes that wait to be sent, but for a text under way. */
  get unsent(): number {
    return this.socket.writableLength;
  }

  /** The kernel has not taken all that was written; of a text that TLS has under way nobody can tell yet. */
  get backedUp(): boolean {
    return this.socket.writableLength > 0 || (this.busy && !this.secure);
  }

  /** Writes latin1 text; false when more should wait for the socket's "drain". */
  write(text: string): boolean {
    const { socket, handle } = this;
    const taken = this.busy || this.empty > 0 || socket.writableLength > 0;
    if (handle === undefined || taken || socket.destroyed) {
      this.hold();
      return socket.write(text, "latin1");
    }
    const request = (this.spare ??= new BINDING!.WriteWrap());
    const error = handle.writeLatin1String!(request, text);
    if (error !== 0) this.failed(error);
    else if (BINDING!.streamBaseState[BINDING!.kLastWriteWasAsync] !== 0) {
      this.busy = true;
      this.spare = undefined;
      request.wire = this;
      request.oncomplete = completed;
    }
    return true;
  }

  /** The same for bytes, which are not to change until they are sent. */
  writeBytes(bytes: Buffer): boolean {
    if (bytes.length === 0) return true;
    this.hold();
    return this.socket.write(bytes);
  }

  /** Both in one system call. */
  writeBoth(text: string, bytes: Buffer): boolean {
    const { socket } = this;
    this.hold();
    socket.cork();
    socket.write(text, "latin1");
    const flowing = socket.write(bytes);
    socket.uncork();
    return flowing;
  }

  /** Calls back once all that was written is sent. */
  whenFlushed(done: () => void): void {
    this.hold();
    this.empty++;
    this.socket.write(EMPTY, () => {
      this.empty--;
      done();
    });
  }

  /** Ends this side once all that was written is sent. */
  end(): void {
    if (this.busy) this.ending = true;
    else this.socket.end();
  }

  /** The text under way is sent. @param status 0, or the negative number of an error */
  sent(status: number): void {
    const { socket } = this;
    this.busy = false;
    if (status < 0) {
      this.failed(status);
      return;
    }
    if (this.held) {
      this.held = false;
      socket.uncork();
    }
    if (this.ending) socket.end();
  }

  /** The bytes last handed out stay with who got them: read the next ones into another buffer. */
  keep(): void {
    if (this.handle !== undefined) this.buffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
  }

  pause(): void {
    const { handle, socket } = this;
    if (handle === undefined) socket.pause();
    else if (handle.reading === true && !socket.destroyed) {
      handle.reading = false;
      handle.readStop!();
    }
  }

  resume(): void {
    const { handle, socket } = this;
    if (handle === undefined) socket.resume();
    else if (handle.reading !== true && !socket.destroyed) {
      handle.reading = true;
      const error = handle.readStart!();
      if (error !== 0) this.failed(error);
    }
  }

  private readDirectly(
    handle: Handle,
    reader: Reader,
    { streamBaseState, kReadBytesOrError }: StreamBinding,
  ): void {
    const onStreams = handle.onread!;
    let { buffer } = this;
    handle.useUserBuffer!(buffer);
    handle.onread = (bytes) => {
      const length = streamBaseState[kReadBytesOrError]!;
      // The end, or an error.
      if (length <= 0) return onStreams.call(handle, bytes);
      if (!reader.receive(buffer, length)) this.pause();
      if (buffer === this.buffer) return undefined;
      // What is returned is read into from now on.
      return (buffer = this.buffer);
    };
  }

  /** What is about to be written must come after a text that is under way. */
  private hold(): void {
    if (!this.busy || this.held) return;
    this.held = true;
    this.socket.cork();
  }

  private failed(error: number): void {
    this.socket.destroy(
      Object.assign(new Error(getSystemErrorName(error)), { code: getSystemErrorName(error) }),
    );
  }
}

function completed(this: WriteRequest, status: number): void {
  this.wire!.sent(status);
}

function complete({ onread, useUserBuffer, readStart, readStop, writeLatin1String }: Handle): boolean {
  const parts = [onread, useUserBuffer, readStart, readStop, writeLatin1String];
  return parts.every((part) => typeof part === "function");
}

function streamBinding(): StreamBinding | undefined {
  try {
    const { binding } = process as unknown as { binding(name: "stream_wrap"): Partial<StreamBinding> };
    const { WriteWrap, streamBaseState, kReadBytesOrError, kLastWriteWasAsync } = binding.call(
      process,
      "stream_wrap",
    );
    return typeof WriteWrap === "function" &&
      streamBaseState instanceof Int32Array &&
      typeof kReadBytesOrError === "number" &&
      typeof kLastWriteWasAsync === "number"
      ? { WriteWrap, streamBaseState, kReadBytesOrError, kLastWriteWasAsync }
      : undefined;
  } catch {
    return undefined;
  }
}
