import { type Readable, type Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { type Body, bytesOf } from "./shapes";

/** All of a stream, with a pause after each piece; undefined when it was cut off. */
export async function readAll(stream: Readable, pauseMs: number): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of stream as AsyncIterable<Buffer>) {
      pieces.push(piece);
      if (pauseMs > 0) await sleep(pauseMs);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(pieces);
}

/** Writes the first `upTo` bytes of a body in its pieces; false when nobody takes them any more. */
export async function writeAll(stream: Writable, body: Body, upTo: number): Promise<boolean> {
  const bytes = bytesOf(body);
  const step = Math.max(1, Math.ceil(body.size / body.pieces));
  for (let at = 0; at < upTo; at += step) {
    if (stream.destroyed || stream.writableEnded) return false;
    if (!stream.write(bytes.subarray(at, Math.min(upTo, at + step))) && !(await drained(stream)))
      return false;
    if (body.pauseMs > 0) await sleep(body.pauseMs);
  }
  return !stream.destroyed && !stream.writableEnded;
}

function drained(stream: Writable): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (): void => {
      stream.off("drain", settle).off("close", settle).off("error", settle);
      resolve(!stream.destroyed);
    };
    stream.on("drain", settle).on("close", settle).on("error", settle);
  });
}
