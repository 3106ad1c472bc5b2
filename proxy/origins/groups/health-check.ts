import { clock } from "../../clock";
import { type Failure, type OriginLink, type Requester } from "../../exchange";
import { ALONE, type Fellows, type NewsLine } from "../../together/fellows";
import { type GroupCheck } from "../../options/group-options";
import { type ResponseHead } from "../../http1/response-head";
import { type OriginPool } from "../origin-pool";

/** Whose health is checked. */
export interface Checked {
  readonly circuit: { problem: string; proved(trial: boolean): void };
  pool(over: "any"): OriginPool;
  failed(problem: string): void;
}

/** Checks in a row with the same outcome that change what is thought of an origin. */
const CONVINCING = 2;
/** How far the pause between two checks strays from what it is to be, lest all proxies ask at once. */
const JITTER = 0.2;

/**
 * Asks an origin again and again whether it is well, over the same connections as everybody. Of workers that serve
 * together one does so, and the others are told.
 */
export class HealthCheck {
  failing = false;
  /** `clock.now` when it last began to pass again. */
  passingAgainAt = -Infinity;
  private contrary = 0;
  private asked: CheckRequest | undefined;
  private nextAt: number;
  private readonly line: NewsLine;

  /** @param name the same in all workers */
  constructor(
    private readonly checked: Checked,
    private readonly options: GroupCheck,
    private readonly fellows: Fellows = ALONE,
    name = "",
  ) {
    this.nextAt = clock.now + Math.random() * options.interval * 1000;
    this.line = fellows.line(`check of ${name}`, (event) => {
      if (event.kind === "checked") this.turn(event.failing, event.problem);
    });
    const { standing } = this.line;
    if (standing?.checkFailing === true) this.turn(true, standing.problem);
  }

  leave(): void {
    this.line.close();
  }

  /** Called once a tick. */
  sweep(now: number): void {
    const { interval, timeout } = this.options;
    if (this.asked !== undefined && now - this.asked.since > timeout * 1000)
      this.asked.cancel(`no answer to a check within ${timeout} s`);
    if (this.asked !== undefined || now < this.nextAt || !this.fellows.checks) return;
    const pool = this.checked.pool("any");
    // While the origin is left alone its checks wait too; then one is what tries it.
    if (pool.circuit.state === "open") return;
    this.nextAt = now + interval * 1000 * (1 - JITTER + 2 * JITTER * Math.random());
    this.asked = new CheckRequest(pool, this.options.path, (problem, counted) =>
      this.settle(problem, counted),
    );
    pool.acquire(this.asked);
  }

  /**
   * @param problem undefined when all is well
   * @param counted the connection's loss has been counted as a failure already
   */
  private settle(problem: string | undefined, counted: boolean): void {
    this.asked = undefined;
    if (problem === undefined) this.checked.circuit.proved(true);
    else if (counted) this.checked.circuit.problem = `check: ${problem}`;
    else this.checked.failed(`check: ${problem}`);
    if ((problem !== undefined) === this.failing) {
      this.contrary = 0;
      return;
    }
    if (++this.contrary < CONVINCING) return;
    this.turn(problem !== undefined, this.checked.circuit.problem);
    this.line.tell({ kind: "checked", failing: this.failing, problem: this.checked.circuit.problem });
  }

  private turn(failing: boolean, problem: string): void {
    this.contrary = 0;
    if (failing) this.checked.circuit.problem = problem;
    else if (this.failing) this.passingAgainAt = clock.now;
    this.failing = failing;
  }
}

/** One check, as its connection sees it: a request like any other. */
class CheckRequest implements Requester {
  readonly id = "check";
  readonly method = "GET";
  readonly requestDone = true;
  readonly upgrading = false;
  readonly wantsPayload = true;
  readonly since = clock.now;
  private link: OriginLink | undefined;
  private status = 0;
  private over = false;

  constructor(
    private readonly pool: OriginPool,
    private readonly path: string,
    private readonly settle: (problem: string | undefined, counted: boolean) => void,
  ) {}

  send(link: OriginLink): void {
    this.link = link;
    link.writeText(
      `GET ${this.path} HTTP/1.1\r\nHost: ${link.origin.authority}\r\nUser-Agent: tricloud-proxy\r\nAccept: */*\r\n\r\n`,
    );
  }

  cancel(problem: string): void {
    if (this.link === undefined) this.pool.forget(this);
    else this.link.abandon();
    this.end(problem);
  }

  respond(head: ResponseHead, _bytes: Buffer, _from: number, _to: number, last: boolean): boolean {
    this.status = head.status;
    return this.body(_bytes, _from, _to, last);
  }

  body(_bytes: Buffer, _from: number, _to: number, last: boolean): boolean {
    if (last) this.end(this.status >= 200 && this.status < 400 ? undefined : `status ${this.status}`);
    return true;
  }

  lost(_link: OriginLink, failure: Failure): void {
    this.end(failure.problem, true);
  }

  fail(failure: Failure): void {
    this.end(failure.problem, true);
  }

  originDrained(): void {}
  inform(): void {}
  trailers(): void {}
  originEnded(): void {}

  switched(): boolean {
    throw new Error("a check never asks to switch protocols");
  }

  private end(problem: string | undefined, counted = false): void {
    if (this.over) return;
    this.over = true;
    this.settle(problem, counted);
  }
}
