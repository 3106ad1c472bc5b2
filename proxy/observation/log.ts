import { type Failure } from "../exchange";
import { originKey, type Origin } from "../route";

/** One JSON line per event on stderr: what a person on call needs, never a secret or a body. */
export class Log {
  constructor(private readonly write: (line: string) => void = (line) => void process.stderr.write(line)) {}

  exchangeFailed(
    id: string,
    request: { method: string; path: string; host: string },
    origin: Origin | undefined,
    failure: Failure,
  ): void {
    this.event(failure.status === 499 ? "info" : "error", "exchange failed", {
      status: failure.status,
      problem: failure.problem,
      method: request.method,
      uri: request.path,
      host: request.host,
      origin: origin === undefined ? undefined : originKey(origin),
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
    this.write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields })}\n`);
  }
}
