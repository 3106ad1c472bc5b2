import { clock } from "../clock";
import { type Failure, type OwnBody, TOO_LARGE } from "../exchange";
import { type CompletedExchange, type ExchangeServices, type WireProtocol } from "../exchange-services";
import { RequestHead } from "../http1/request-head";
import { statusText } from "../http1/status-text";
import { LinkedRequest } from "../linked-request";
import { BODY_PAUSED, BodyRate } from "./body-rate";

/** What the log says of a client that went before its answer was complete (nginx's status, which no client sees). */
const CLIENT_LEFT = 499;

/**
 * An exchange as seen from its client, whatever that speaks: where the request goes, whether its body is collected
 * first, how long client and proxy wait for one another, and how it fails. How requests are read and answers written is
 * the protocol's: a connection of HTTP/1.1, or a stream of HTTP/2.
 */
export abstract class ClientExchange<Services extends ExchangeServices = ExchangeServices>
  extends LinkedRequest
  implements CompletedExchange
{
  readonly head: RequestHead;
  id = "";
  status = 0;
  sent = 0;
  abstract readonly startedAt: number;

  /** `clock.now` at the last progress that time-outs count from. */
  protected since = clock.now;
  protected readonly rate: BodyRate;
  /** The first part of the body; kept for a second try until more has been sent. */
  protected firstBody: Buffer | undefined;
  /** The body is being collected; a link is asked for when that ends. */
  protected collecting = false;
  /** The origin's answer has begun. */
  protected responding = false;
  /** The client reads more slowly than its answer comes: nothing more is taken of that. */
  protected stalled = false;
  /** Messages go both ways whenever there is one (gRPC): hours may pass between two of them, and none waits for others. */
  protected messages = false;
  private pieces: Buffer[] = [];
  private collects = 0;

  protected constructor(
    protected readonly services: Services,
    readonly remoteAddress: string,
    readonly secure: boolean,
    readonly peer: string | undefined,
  ) {
    super();
    this.head = new RequestHead(services.options);
    this.rate = new BodyRate(services.options);
  }

  /** More of the body would be read if it came. */
  protected abstract readonly reading: boolean;
  /** The exchange can still fail: neither its answer nor its client is at its end. */
  protected abstract readonly underWay: boolean;

  /** Begins to collect the body, and asks for it first where the client waits to be asked. */
  protected abstract collectBody(asks: boolean): void;
  /** Writes a whole answer of the proxy's own, with the status that the exchange has by now. */
  protected abstract writeAnswer(answer: OwnBody, lines: string): void;
  /** Half an answer is out: has the client see that the rest is missing. */
  protected abstract cutShort(): void;
  /** The client is not to be waited for any longer. */
  protected abstract leave(problem: string): void;

  /** Finds out where the request goes whose head has been read, and has it admitted there. */
  protected route(over: WireProtocol): void {
    const destination = this.services.destinationFor(this, over);
    if ("problem" in destination) {
      this.destination = destination.destination;
      this.fail(destination);
      return;
    }
    this.destination = destination;
    if (this.tooLarge) this.fail(TOO_LARGE);
    else if (destination.admit === undefined) this.admitted();
    else destination.admit(this, () => this.admitted());
  }

  private admitted(): void {
    const { head, services } = this;
    this.since = clock.now;
    this.collects = this.destination!.collects ?? services.options.requestBuffering;
    if (this.requestDone || this.messages || this.collects === 0) {
      this.destination!.acquire(this);
      return;
    }
    this.collecting = true;
    // Who collects the body is who asks for it.
    const asks = head.expectContinue;
    head.expectContinue = false;
    this.collectBody(asks);
  }

  /** What has come of the body is more than its destination takes. */
  protected get tooLarge(): boolean {
    const most = this.destination!.maxBodyBytes;
    return most !== undefined && this.rate.bytes > most;
  }

  /** Keeps a piece of the body until it is complete, or larger than is to be kept. */
  protected collect(piece: Buffer): void {
    this.pieces.push(piece);
    if (this.tooLarge) this.fail(TOO_LARGE);
    else if (this.requestDone || this.rate.bytes >= this.collects) this.endCollecting();
  }

  protected endCollecting(): void {
    this.collecting = false;
    if (this.pieces.length > 0) this.firstBody = Buffer.concat(this.pieces);
    this.pieces = [];
    this.destination!.acquire(this);
  }

  /** Enforces the time-outs of an exchange that is under way; called once a tick. */
  protected sweepExchange(now: number): void {
    const { readTimeout, writeTimeout, tunnelIdleTimeout } = this.services.options;
    const seconds = (now - this.since) / 1000;
    if (this.stalled) {
      if (seconds > writeTimeout) this.leave("client reads no more");
    } else if (this.reading && !this.requestDone && (this.collecting || this.link !== undefined)) {
      const isPaused = seconds > (this.messages ? tunnelIdleTimeout : readTimeout);
      const failure = isPaused ? BODY_PAUSED : this.messages ? undefined : this.rate.tick();
      if (failure !== undefined) this.fail(failure);
    }
  }

  /** The client can be written to again. */
  protected unstall(): void {
    this.since = clock.now;
    if (!this.stalled) return;
    this.stalled = false;
    this.link?.resume();
  }

  fail(failure: Failure): void {
    if (!this.underWay) return;
    this.services.log.exchangeFailed(this.id, this.head, this.destination?.key, failure);
    this.letGo();
    if (this.responding) {
      this.cutShort();
      return;
    }
    const told = this.destination?.tell?.(failure);
    this.answer(failure.status, told, (failure.lines ?? "") + (this.destination?.amend?.() ?? ""));
  }

  /** What the destination has made itself, and hands over whole. */
  answerOwn(status: number, body: OwnBody): void {
    if (this.underWay) this.answer(status, body, this.destination?.amend?.() ?? "");
  }

  /** Answers a request that cannot be understood. */
  protected refuse(status: number, problem: string): void {
    const { services, head } = this;
    services.metrics.refused++;
    head.blank();
    this.id = services.ids.next();
    services.log.requestRefused(this.id, this.remoteAddress, status, problem);
    this.answer(status);
  }

  protected answer(status: number, body?: OwnBody, lines = ""): void {
    this.status = status;
    const text = `${status} ${statusText(status)}\nid: ${this.id}\n`;
    this.writeAnswer(body ?? { contentType: "text/plain", text }, lines);
    this.complete();
  }

  /** The answer is written, or nobody is there any more to read it. */
  protected complete(): void {
    this.link = undefined;
    this.firstBody = undefined;
    this.collecting = false;
    this.pieces = [];
    this.stalled = false;
    this.since = clock.now;
  }

  /** Notes that the client has gone, or is sent away, before its answer was complete. */
  protected clientLeft(problem: string): void {
    this.status = CLIENT_LEFT;
    const failure = { status: CLIENT_LEFT, problem };
    this.services.log.exchangeFailed(this.id, this.head, this.destination?.key, failure);
  }

  protected repeated(): void {
    this.services.metrics.retries++;
  }
}
