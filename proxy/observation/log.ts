import { type Failure } from "../exchange";
import { LogLines } from "./log-lines";

const STDERR = 2;
/** Milliseconds between two tries to write what could not be written at once. */
const RETRY_MS = 200;

/** One JSON line per event on stderr: what a person on call needs, never a secret or a body. */
export class Log {
  private timer: NodeJS.Timeout | undefined;

  /** @param lines what takes them; undefined for nothing */
  constructor(readonly lines: LogLines | undefined) {}

  /** The log of a whole process. */
  static toStderr(): Log {
    // Node's own stream makes a pipe or socket non-blocking, and has to have somebody who listens for its errors.
    process.stderr.on("error", () => undefined);
    return new Log(new LogLines());
  }

  exchangeFailed(
    id: string,
    request: { method: string; path: string; host: string },
    destination: string | undefined,
    failure: Failure,
  ): void {
    this.event(failure.status === 499 || failure.refused === true ? "info" : "error", "exchange failed", {
      status: failure.status,
      problem: failure.problem,
      method: request.method,
      uri: request.path,
      host: request.host,
      origin: destination,
      chocon_req: id,
    });
  }

  requestRefused(id: string, client: string, status: number, problem: string): void {
    this.event("warn", "request refused", { status, problem, remote_addr: client, chocon_req: id });
  }

  event(
    level: "info" | "warn" | "error",
    message: string,
    fields: Readonly<Record<string, unknown>> = {},
  ): void {
    if (this.lines === undefined) return;
    this.lines.add(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields })}\n`);
    this.flush();
  }

  private flush(): void {
    this.lines!.flush(STDERR);
    if (this.lines!.empty) {
      clearInterval(this.timer);
      this.timer = undefined;
    } else this.timer ??= setInterval(() => this.flush(), RETRY_MS).unref();
  }
}
