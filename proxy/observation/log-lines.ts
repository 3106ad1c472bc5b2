import { writeSync } from "node:fs";

/** Characters that wait for a log that cannot be written; what comes on top is lost, and counted. */
const MAX_WAITING_CHARS = 4_194_304;

/**
 * Lines for one descriptor, which may be a file on a full disk, a pipe without a reader, or one whose reader is slow:
 * what cannot be written waits for the next try. Nothing here throws, and nothing blocks.
 */
export class LogLines {
  /** Tries that failed, and lines that were lost for good. */
  readonly counts = { failures: 0, lost: 0 };
  private waiting = "";
  /** What is left of a piece that was written in part. */
  private rest: Buffer | undefined;

  constructor(private readonly write: (fd: number, bytes: Buffer, offset: number) => number = writeSync) {}

  get empty(): boolean {
    return this.waiting === "" && this.rest === undefined;
  }

  get size(): number {
    return this.waiting.length;
  }

  /** @param line ended by a line feed */
  add(line: string): void {
    if (this.waiting.length + line.length > MAX_WAITING_CHARS) this.counts.lost++;
    else this.waiting += line;
  }

  /** Writes as much as there is room for. @param fd negative when there is none at the moment */
  flush(fd: number): void {
    if (this.empty) return;
    if (fd < 0) {
      this.counts.failures++;
      return;
    }
    const bytes = this.rest ?? Buffer.from(this.waiting);
    let at = 0;
    try {
      while (at < bytes.length) at += this.write(fd, bytes, at);
    } catch (error) {
      // A reader that is only slow (EAGAIN) is no failure.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") this.counts.failures++;
    }
    const wasRest = this.rest !== undefined;
    this.rest = at < bytes.length ? bytes.subarray(at) : undefined;
    if (wasRest) {
      if (this.rest === undefined) this.flush(fd);
    } else this.waiting = "";
  }
}
