import { type Destination, type MovableRequester, ResponseHead } from "../../proxy/engine";
import { type RouteMetrics } from "../route-metrics";
import { type Cors } from "./cors";

const LIMITS = { maxHeaderBytes: 65_536, maxHeaderCount: 100 };
const NO_BODY = Buffer.alloc(0);

/** What metrics and log call who answers preflights; no service has such a name. */
export const PREFLIGHT = "(preflight)";

/** A browser's question what a page may send: answered here, and no service is asked. */
export class Preflight implements Destination {
  readonly key = PREFLIGHT;

  constructor(
    private readonly cors: Cors,
    private readonly fields: Required<Pick<Destination, "amend">>,
    readonly metrics: RouteMetrics,
  ) {}

  readonly admit = (requester: MovableRequester): void => {
    const text = Buffer.from("HTTP/1.1 204 No Content\r\n\r\n");
    const head = new ResponseHead(LIMITS);
    head.parse(text, 0, text.length);
    requester.respond(head, NO_BODY, 0, 0, true);
  };

  readonly amend = (answer?: ResponseHead): string => this.fields.amend(answer) + this.cors.preflightLines;

  acquire(): void {
    throw new Error("a preflight goes nowhere");
  }

  forget(): void {
    // Nothing is under way.
  }

  completed(status: number, seconds: number): void {
    this.metrics.completed(status, seconds);
  }
}
