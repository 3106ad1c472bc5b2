import { whenUp } from "../../clock";
import {
  type Failure,
  isGatewayFailure,
  type MovableRequester,
  type OriginLink,
  type Requester,
  RETRIES,
  triesAfterLoss,
} from "../../exchange";
import { type WireProtocol } from "../../exchange-services";
import { type ResponseHead } from "../../http1/response-head";
import { type GroupMember } from "./group-member";
import { type Recording } from "./stale/recording";

/** What an attempt asks of the exchange that it is a part of. */
export interface AttemptOwner {
  readonly requester: MovableRequester;
  readonly over: WireProtocol;
  /** Seconds. */
  readonly connectTimeout: number;
  readonly firstByteTimeout: number;
  /** The request may be under way at two origins at once. */
  readonly hedges: boolean;
  /** Is it the only one that is under way for its request? */
  isAlone(attempt: Attempt): boolean;
  /** Its answer takes longer than most of that origin's. */
  slow(attempt: Attempt): void;
  /** Its answer is the client's. */
  chosen(attempt: Attempt, link: OriginLink): void;
  /** An answer that says that the origin cannot serve. True: the request has gone elsewhere. */
  turnedAway(attempt: Attempt, problem: string): boolean;
  /**
   * There is no connection in time (`unread`), or no answer has begun. True: that is a failure; unless it was discarded,
   * the attempt waits on.
   */
  late(attempt: Attempt, problem: string, unread: boolean): boolean;
  /** It comes to nothing; `unread`: the origin has certainly not acted on the request. */
  failed(attempt: Attempt, failure: Failure, unread: boolean): void;
  /** It is sent to the same origin again. */
  repeated(): void;
  /** An answer passes: takes it down, where it is to be kept for when nobody answers. */
  recording(answer: ResponseHead): Recording | undefined;
  /** All of the answer has passed. */
  ended(): void;
}

/** Bytes of an unwanted answer that are read, so that its connection can be kept. */
const MAX_SWALLOWED_BYTES = 65_536;

/** A request at one origin of a group: passes on what comes of it, as long as nothing has to be done about it. */
export class Attempt implements Requester {
  readonly id: string;
  readonly method: string;
  readonly upgrading: boolean;
  readonly wantsPayload: boolean;
  /** It is the one request by which an origin that has failed is tried. */
  private readonly trial: boolean;

  private link: OriginLink | undefined;
  private takeBack: (() => void) | undefined;
  private triesLeft = RETRIES;
  private answerLate = false;
  /** Something of the answer has reached the client. */
  private committed = false;
  /** What comes of it does not matter any more. */
  private over = false;
  /** Another origin's answer came first; this one still tells how its own fares. */
  private outrun = false;
  /** `performance.now()` when it was sent, where that is of interest. */
  private sentAt = 0;
  private swallowed = 0;
  private recording: Recording | undefined;

  constructor(
    readonly member: GroupMember,
    private readonly owner: AttemptOwner,
    /** It was begun while another one was under way, which was slow. */
    readonly hedge: boolean,
  ) {
    const { requester } = owner;
    this.id = requester.id;
    this.method = requester.method;
    this.upgrading = requester.upgrading;
    this.wantsPayload = requester.wantsPayload;
    this.trial = member.circuit.state === "half-open";
  }

  /** A request whose answer is read to its end for nothing was whole. */
  get requestDone(): boolean {
    return this.over || this.owner.requester.requestDone;
  }

  begin(): void {
    this.member.took();
    this.acquire(false);
  }

  /** Nothing of it is wanted any more; what is still to come of an answer is left to `swallow`. */
  discard(): void {
    if (this.over) return;
    this.over = true;
    this.member.gaveBack();
    this.disarm();
  }

  /** The same, and what is under way ends. */
  cancel(): void {
    this.discard();
    if (this.link === undefined) this.member.pool(this.owner.over).forget(this);
    else this.link.abandon();
  }

  /** Another one has its answer: what this one comes to is waited for, since it tells of its origin, but not passed on. */
  giveWay(): void {
    const { link, owner } = this;
    if (link === undefined) {
      this.cancel();
      return;
    }
    this.over = this.outrun = true;
    this.disarm();
    if (owner.firstByteTimeout > 0)
      this.takeBack = whenUp(owner.firstByteTimeout, () => {
        this.settle();
        this.member.failed(this.noAnswer);
        link.abandon();
      });
  }

  /** Whether it has been sent, and can be what its request goes on with. */
  get sentOver(): OriginLink | undefined {
    return this.link;
  }

  send(link: OriginLink): void {
    this.link = link;
    this.disarm();
    const { owner, member } = this;
    owner.requester.send(link);
    const { firstByteTimeout } = owner;
    if (owner.hedges) {
      this.sentAt = performance.now();
      const { p95 } = member.times;
      if (p95 !== undefined && (firstByteTimeout === 0 || p95 < firstByteTimeout * 1000)) {
        this.after(p95 / 1000, () => {
          owner.slow(this);
          if (firstByteTimeout > 0) this.after(firstByteTimeout - p95 / 1000, () => this.unanswered());
        });
        return;
      }
    }
    if (firstByteTimeout > 0) this.after(firstByteTimeout, () => this.unanswered());
  }

  originDrained(): void {
    if (!this.over) this.owner.requester.originDrained();
  }

  inform(head: ResponseHead): void {
    if (this.over) return;
    this.begun();
    this.owner.requester.inform(head);
  }

  respond(head: ResponseHead, bytes: Buffer, from: number, to: number, last: boolean): boolean {
    const { owner, member } = this;
    if (owner.hedges) member.times.add(performance.now() - this.sentAt);
    if (this.outrun) this.judge(head.status);
    if (this.over) return this.swallow(to - from, last);
    if (isGatewayFailure(head.status)) {
      const problem = `status ${head.status}`;
      const whole = owner.requester.requestDone;
      member.failed(problem);
      if (!this.committed && owner.turnedAway(this, problem))
        return this.swallow(whole ? to - from : Infinity, last);
    } else if (!this.answerLate) member.circuit.proved(this.trial);
    this.begun();
    this.recording = owner.recording(head);
    this.recording?.add(bytes, from, to, last);
    if (last) this.finish();
    return owner.requester.respond(head, bytes, from, to, last);
  }

  body(bytes: Buffer, from: number, to: number, last: boolean): boolean {
    if (this.over) return this.swallow(to - from, last);
    this.recording?.add(bytes, from, to, last);
    if (last) this.finish();
    return this.owner.requester.body(bytes, from, to, last);
  }

  trailers(lines: string): void {
    if (!this.over) this.owner.requester.trailers(lines);
  }

  switched(head: ResponseHead, bytes: Buffer, from: number, to: number): boolean {
    this.member.circuit.proved(this.trial);
    this.begun();
    return this.owner.requester.switched(head, bytes, from, to);
  }

  originEnded(): void {
    this.owner.requester.originEnded();
  }

  lost(link: OriginLink, failure: Failure, answered: boolean): void {
    if (this.outrun) this.settle();
    if (this.over) return;
    const { owner, member } = this;
    const { requester } = owner;
    this.disarm();
    member.circuit.problem = failure.problem;
    if (this.committed) {
      this.finish();
      requester.lost(link, failure, true);
      return;
    }
    const triesLeft = triesAfterLoss(this.triesLeft, link, failure, answered, requester);
    this.link = undefined;
    const isAlone = owner.isAlone(this);
    if (isAlone) requester.detach();
    if (isAlone && triesLeft !== undefined && requester.replayable) {
      this.triesLeft = triesLeft;
      owner.repeated();
      this.acquire(true);
    } else owner.failed(this, failure, failure.untouched === true);
  }

  fail(failure: Failure): void {
    if (this.over) return;
    this.owner.failed(this, failure, true);
  }

  private acquire(fresh: boolean): void {
    this.member.pool(this.owner.over).acquire(this, fresh);
    if (this.link === undefined && !this.over)
      this.after(this.owner.connectTimeout, () => this.unconnected());
  }

  private unconnected(): void {
    const { owner } = this;
    owner.late(this, `no connection within ${owner.connectTimeout} s`, true);
  }

  private get noAnswer(): string {
    return `no answer within ${this.owner.firstByteTimeout} s`;
  }

  private unanswered(): void {
    const { owner } = this;
    if (owner.requester.requestDone) {
      this.answerLate = owner.late(this, this.noAnswer, false);
    } else this.after(owner.firstByteTimeout, () => this.unanswered());
  }

  private after(seconds: number, then: () => void): void {
    this.disarm();
    this.takeBack = whenUp(seconds, () => {
      if (!this.over && !this.committed) then();
    });
  }

  private disarm(): void {
    this.takeBack?.();
    this.takeBack = undefined;
  }

  private begun(): void {
    if (!this.committed && this.link !== undefined) this.owner.chosen(this, this.link);
    this.committed = true;
    this.disarm();
  }

  /** The answer of one that was outrun: as good or bad a sign as any. */
  private judge(status: number): void {
    this.settle();
    if (isGatewayFailure(status)) this.member.failed(`status ${status}`);
    else this.member.circuit.proved(this.trial);
  }

  private settle(): void {
    this.outrun = false;
    this.member.gaveBack();
    this.disarm();
  }

  private finish(): void {
    this.discard();
    this.owner.ended();
  }

  /** Reads on, so that the connection can serve again, unless that would take long. */
  private swallow(length: number, last: boolean): boolean {
    this.swallowed += length;
    if (!last && this.swallowed > MAX_SWALLOWED_BYTES) this.link!.abandon();
    return true;
  }
}
