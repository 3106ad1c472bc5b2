import { type Failure, type MovableRequester, type OriginLink } from "../../exchange";
import { type WireProtocol } from "../../exchange-services";
import { Attempt, type AttemptOwner } from "./attempt";
import { type Wish } from "./choice";
import { type GroupMember } from "./group-member";
import { type RetryBudget } from "./retry-budget";
import { type Recording } from "./stale/recording";
import { type StaleStore } from "./stale/stale-store";
import { type Substitute } from "./substitute";
import { type ResponseHead } from "../../http1/response-head";

/** What an exchange asks of its group. */
export interface ExchangeOwner {
  /** Seconds. */
  readonly connectTimeout: number;
  readonly firstByteTimeout: number;
  readonly options: { readonly hedge: boolean };
  readonly budget: RetryBudget;
  readonly counts: {
    unaffordable: number;
    hedges: number;
    hedgesWon: number;
    substitutes: number;
    stale: number;
  };
  readonly substitute: Substitute | undefined;
  readonly store: StaleStore | undefined;
  /** The origin to ask, of those that were not asked yet. */
  next(asked: readonly GroupMember[], over: WireProtocol, wish: Wish): GroupMember | undefined;
  /** Why none can be asked. */
  refusal(): Failure;
  repeated(): void;
  ended(requester: MovableRequester): void;
}

/** A request that moves on from an origin which has failed it: to whoever is free. */
const FAILED: Wish = { trial: false, queue: false, sure: false };
/** One that has waited for long enough: others may only be slower, or gone altogether. */
const IMPATIENT: Wish = { trial: false, queue: false, sure: true };

/** One request to a group: goes from origin to origin for as long as that can do no harm, and makes sense. */
export class GroupExchange implements AttemptOwner {
  private readonly asked: GroupMember[] = [];
  private readonly problems: string[] = [];
  /** What is under way: one, or two where the first is slow. */
  private attempts: Attempt[] = [];
  readonly hedges: boolean;
  /** Milliseconds. */
  private began = 0;

  constructor(
    private readonly owner: ExchangeOwner,
    readonly requester: MovableRequester,
    readonly over: WireProtocol,
  ) {
    const { method, upgrading } = requester;
    this.hedges = owner.options.hedge && (method === "GET" || method === "HEAD") && !upgrading;
  }

  get connectTimeout(): number {
    return this.owner.connectTimeout;
  }

  get firstByteTimeout(): number {
    return this.owner.firstByteTimeout;
  }

  begin(): void {
    const { owner } = this;
    if (owner.store !== undefined) this.began = performance.now();
    owner.budget.earn();
    const first = owner.next([], this.over, { trial: this.mayMove(false), queue: true, sure: false });
    if (first === undefined) {
      this.giveUp(owner.refusal());
      return;
    }
    first.counts.asked++;
    this.ask(first);
  }

  /** The requester wants nothing any more. */
  cancel(): void {
    for (const attempt of this.attempts) attempt.cancel();
  }

  isAlone(attempt: Attempt): boolean {
    return this.otherThan(attempt) === undefined;
  }

  slow(attempt: Attempt): void {
    const { owner, requester } = this;
    if (!this.isAlone(attempt) || !requester.requestDone || !this.mayMove(false)) return;
    const next = owner.next(this.asked, this.over, IMPATIENT);
    if (next === undefined) return;
    if (!owner.budget.spend()) {
      owner.counts.unaffordable++;
      return;
    }
    owner.counts.hedges++;
    next.counts.movedHere++;
    this.ask(next, true);
  }

  chosen(attempt: Attempt, link: OriginLink): void {
    const other = this.otherThan(attempt);
    if (attempt.hedge) this.owner.counts.hedgesWon++;
    if (other === undefined) return;
    this.attempts = [attempt];
    this.requester.adopt(link);
    other.giveWay();
  }

  turnedAway(attempt: Attempt, problem: string): boolean {
    if (this.leftTo(this.otherThan(attempt), attempt, problem)) {
      attempt.discard();
      return true;
    }
    const next = this.elsewhere(false, FAILED);
    const standIn = next === undefined ? this.standIn : undefined;
    if (next === undefined && standIn === undefined) return false;
    attempt.discard();
    if (next === undefined) this.giveUp({ status: 502, problem }, standIn);
    else this.move(attempt, problem, next);
    return true;
  }

  late(attempt: Attempt, problem: string, unread: boolean): boolean {
    const other = this.otherThan(attempt);
    const standIn = other === undefined ? this.standIn : undefined;
    // Where nobody else can answer there is nothing to gain from calling it a failure, and much to lose: under load all
    // origins would be left alone, one after the other.
    if (
      other === undefined &&
      standIn === undefined &&
      this.owner.next(this.asked, this.over, IMPATIENT) === undefined
    )
      return false;
    const next = other === undefined ? this.elsewhere(unread, IMPATIENT) : undefined;
    const moving = other !== undefined || next !== undefined || standIn !== undefined;
    // One that waits for others' connections says nothing of the origin.
    const { member } = attempt;
    const blamed = !unread || member.pool(this.over).hasRoom;
    if (moving) attempt.cancel();
    if (blamed) member.failed(problem);
    if (this.leftTo(other, attempt, problem)) return true;
    if (next !== undefined) this.move(attempt, problem, next);
    else if (moving) this.giveUp({ status: 504, problem }, standIn);
    return true;
  }

  failed(attempt: Attempt, failure: Failure, unread: boolean): void {
    attempt.discard();
    if (this.leftTo(this.otherThan(attempt), attempt, failure.problem)) return;
    const next = this.elsewhere(unread, FAILED);
    if (next !== undefined) {
      this.move(attempt, failure.problem, next);
      return;
    }
    this.note(attempt, failure.problem);
    this.giveUp({ status: failure.status, problem: this.problems.join("; ") });
  }

  repeated(): void {
    this.owner.repeated();
  }

  ended(): void {
    this.owner.ended(this.requester);
  }

  recording(answer: ResponseHead): Recording | undefined {
    return this.owner.store?.record(this.requester, answer, (performance.now() - this.began) / 1000);
  }

  /** No origin is asked any more: the client gets what stands in for an answer, or the failure. */
  private giveUp(failure: Failure, standIn = this.standIn): void {
    const { requester } = this;
    this.ended();
    requester.detach();
    if (standIn === undefined) requester.fail(failure);
    else standIn();
  }

  /** Gives an answer in the origins' place: an earlier one of theirs, or the fixed one. */
  private get standIn(): (() => void) | undefined {
    const { owner, requester } = this;
    const stale = owner.store?.find(requester);
    if (stale !== undefined)
      return () => {
        owner.counts.stale++;
        stale();
      };
    const { substitute } = owner;
    if (substitute?.fits(requester) !== true) return undefined;
    return () => {
      owner.counts.substitutes++;
      substitute.answer(requester);
    };
  }

  /** Sending the request again does nothing twice that may not be done twice. */
  private mayMove(unread: boolean): boolean {
    return this.requester.replayable && (unread || this.requester.head.idempotent);
  }

  /** Where the request may go to next, if it may. The first move is the next origin's limit's concern alone. */
  private elsewhere(unread: boolean, wish: Wish): GroupMember | undefined {
    if (!this.mayMove(unread)) return undefined;
    const next = this.owner.next(this.asked, this.over, wish);
    if (next === undefined || this.asked.length === 1 || this.owner.budget.spend()) return next;
    this.owner.counts.unaffordable++;
    return undefined;
  }

  private move(from: Attempt, problem: string, to: GroupMember): void {
    this.note(from, problem);
    from.member.counts.movedOn++;
    to.counts.movedHere++;
    this.requester.detach();
    this.attempts = [];
    this.ask(to);
  }

  private ask(member: GroupMember, hedge = false): void {
    this.asked.push(member);
    const attempt = new Attempt(member, this, hedge);
    this.attempts.push(attempt);
    attempt.begin();
  }

  private otherThan(attempt: Attempt): Attempt | undefined {
    return this.attempts.find((other) => other !== attempt);
  }

  /** One of two comes to nothing: the request goes on with the other one, where there is one. */
  private leftTo(other: Attempt | undefined, from: Attempt, problem: string): boolean {
    if (other === undefined) return false;
    this.note(from, problem);
    from.member.counts.movedOn++;
    this.attempts = [other];
    if (other.sentOver === undefined) this.requester.detach();
    else this.requester.adopt(other.sentOver);
    return true;
  }

  private note({ member }: Attempt, problem: string): void {
    this.problems.push(`${member.key}: ${problem}`);
  }
}
