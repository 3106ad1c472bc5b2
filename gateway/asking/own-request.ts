import {
  type Destination,
  type Failure,
  LinkedRequest,
  type OriginLink,
  type RequestHead,
  type ResponseHead,
  whenUp,
} from "../../proxy/engine";

/** What came of asking, besides an answer. */
export type Miss = "timed_out" | "failed";

/** Takes an answer as it comes. */
export interface AnswerTaker {
  /** 0 until it has begun. */
  readonly status: number;
  /** More of it is wanted. */
  readonly useful: boolean;
  begin(head: ResponseHead, framed: false): void;
  /** More of its body, lent until this returns; false to be given no more until the request is resumed. */
  add(bytes: Buffer, from: number, to: number, last: boolean): boolean;
  /** Trailer lines, each ended by CRLF; they come before the last piece. */
  trail(lines: string): void;
}

/** What is asked. */
export interface Asked {
  /** Connections that no client's request waits for. */
  readonly service: Destination;
  /** Nobody else's: it stays as it is. */
  readonly head: RequestHead;
  readonly id: string;
  /** @default - the head's */
  readonly method?: string;
  /** Framed as the head says. */
  readonly body: Buffer;
  /** Seconds; 0 for none. */
  readonly timeout: number;
  /** The head that an origin is to read, its empty line included. */
  headFor(link: OriginLink): string;
}

/** A request of the gateway's own, for which no client waits. */
export class OwnRequest extends LinkedRequest {
  readonly requestDone = true;
  readonly upgrading = false;
  readonly wantsPayload = true;

  private over = false;
  private takeBack: (() => void) | undefined;

  /** @param onEnd called once: with a miss, or when the answer is whole or known to be of no use */
  constructor(
    private readonly asked: Asked,
    private readonly answer: AnswerTaker,
    private readonly onEnd: (miss?: Miss, failure?: Failure) => void,
  ) {
    super();
    this.destination = asked.service;
  }

  get id(): string {
    return this.asked.id;
  }

  get head(): RequestHead {
    return this.asked.head;
  }

  override get method(): string {
    return this.asked.method ?? this.head.method;
  }

  /** All of it is at hand until it is over. */
  override get replayable(): boolean {
    return true;
  }

  get answerBegun(): boolean {
    return this.answer.status > 0;
  }

  begin(): void {
    const { timeout } = this.asked;
    if (timeout > 0) this.takeBack = whenUp(timeout, () => this.cancel("timed_out"));
    this.asked.service.acquire(this);
  }

  send(link: OriginLink): void {
    this.link = link;
    const { body } = this.asked;
    const text = this.asked.headFor(link);
    if (body.length === 0) link.writeText(text);
    else link.writeTextAndBytes(text, body);
  }

  originDrained(): void {
    // All of the request was handed over at once.
  }

  inform(): void {
    // Nobody waits.
  }

  respond(head: ResponseHead, bytes: Buffer, from: number, to: number, last: boolean): boolean {
    if (!this.over) this.answer.begin(head, false);
    return this.body(bytes, from, to, last);
  }

  body(bytes: Buffer, from: number, to: number, last: boolean): boolean {
    if (this.over) return true;
    // The link of an answer that is complete may serve another exchange already.
    if (last) this.link = undefined;
    const flowing = this.answer.add(bytes, from, to, last);
    if (last) this.end();
    else if (!this.answer.useful) this.cancel();
    return flowing;
  }

  /** More of the answer can be taken. */
  resume(): void {
    this.link?.resume();
  }

  trailers(lines: string): void {
    if (!this.over) this.answer.trail(lines);
  }

  protected repeated(): void {
    // It is no client's, and counted with what it is for.
  }

  fail(failure: Failure): void {
    if (!this.over) this.end(failure.status === 504 ? "timed_out" : "failed", failure);
  }

  /** Wants nothing any more. */
  cancel(miss?: Miss): void {
    if (this.over) return;
    const { link } = this;
    this.end(miss);
    link?.abandon();
    this.asked.service.forget(this);
  }

  private end(miss?: Miss, failure?: Failure): void {
    if (this.over) return;
    this.over = true;
    this.link = undefined;
    this.takeBack?.();
    this.onEnd(miss, failure);
  }
}
