import { type Socket } from "node:net";
import { getSystemErrorName } from "node:util";

/** 64 KiB: one read takes a socket's usual receive queue, and a 64 KiB body comes in one or two pieces. */
export const READ_BUFFER_BYTES = 65_536;

/** Who is told of what comes in on a wire. */
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
  oncomplete?: (status: number) => void;
}

/** What its functions leave their results in. */
interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest;
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
}

const BINDING = streamBinding();

/** This Node has what wires need to go past its streams. */
export const DIRECT = BINDING !== undefined;

/**
 * A connected socket, read into one buffer and written to without the detour through `stream`, which takes a quarter of
 * the time that a small request costs outside the kernel: an allocation and an event for each read, a state machine and
 * a tick for each write. Where a Node has not got the parts for that, the wire is the socket's streams.
 */
export class Wire {
  /** The first text that the kernel did not take at once, until it has; the streams are corked meanwhile. */
  private busy = false;
  private spare: WriteRequest | undefined;
  private readonly handle: Handle | undefined;

  /**
   * @param buffer what to read into. Many wires may share one: it is only lent, and never `keep`t then
   */
  constructor(
    private readonly socket: Socket,
    reader: Reader,
    private buffer: Buffer,
  ) {
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

  /** Writes latin1 text; false when more should wait for the socket's "drain". */
  write(text: string): boolean {
    const { socket, handle } = this;
    if (handle === undefined || this.busy || socket.writableLength > 0 || socket.destroyed)
      return socket.write(text, "latin1");
    const request = (this.spare ??= new BINDING!.WriteWrap());
    const error = handle.writeLatin1String!(request, text);
    if (error !== 0) this.failed(error);
    else if (BINDING!.streamBaseState[BINDING!.kLastWriteWasAsync] !== 0) this.wait(request);
    return true;
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

  /** The kernel has not taken all (or TLS has yet to say so): what is written meanwhile must come after it. */
  private wait(request: WriteRequest): void {
    const { socket } = this;
    this.busy = true;
    this.spare = undefined;
    socket.cork();
    request.oncomplete = (status) => {
      this.busy = false;
      if (status < 0) this.failed(status);
      else socket.uncork();
    };
  }

  private failed(error: number): void {
    this.socket.destroy(
      Object.assign(new Error(getSystemErrorName(error)), { code: getSystemErrorName(error) }),
    );
  }
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
