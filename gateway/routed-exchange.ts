import { type Destination, type Failure, type MovableRequester, whenUp } from "../proxy/engine";
import { type AnswerFields } from "./answer-fields";
import { type Call } from "./call";
import { type Arrival } from "./hop-fields";
import { type RouteMetrics } from "./route-metrics";
import { type RouteState } from "./route-state";
import { BodyRefusal } from "./bodies/body-schema";
import { Refusal } from "./refusal";
import { broken, type Gate, type Visitor } from "./safety/gate";
import { type Shadow } from "./shadow/shadow";
import { type OwnCall } from "./own-call";

/** What a gateway has decided of one request. */
export interface Decision extends Call {
  readonly state: RouteState;
  readonly metrics: RouteMetrics;
  lines: string;
  readonly arrival: Arrival;
}

/** What is done with a request besides sending it on; for most there is nothing. */
export interface Handling {
  /** What it has to pass. */
  readonly gate: Gate | undefined;
  /** What is changed in its answer. */
  readonly fields: AnswerFields | undefined;
  /** The client's. */
  readonly address: string;
  /** What is asked of services in its place. */
  readonly call: OwnCall | undefined;
  /** What its answer says where that is the gateway's own. */
  readonly tell: Destination["tell"];
}

/** One request on its route to a service. */
export class RoutedExchange implements Destination {
  readonly maxBodyBytes: number | undefined;
  readonly collects: number | undefined;
  readonly admit: Destination["admit"];
  readonly amend: Destination["amend"];
  readonly tell: Destination["tell"];
  private readonly call: OwnCall | undefined;
  /** Who is asked besides. */
  private shadow: Shadow | undefined;
  private makeShadow: (() => Shadow | undefined) | undefined;
  private takeBack: (() => void) | undefined;
  private looked = false;
  private over = false;

  constructor(
    readonly decision: Decision,
    { gate, fields, address, call, tell }: Handling,
  ) {
    const { state } = decision;
    this.admit =
      gate &&
      ((requester, taken) =>
        void this.pass(
          gate,
          { head: requester.head, address, tell: (limit, verdict) => fields?.tell(limit, verdict) },
          requester,
          taken,
        ));
    this.amend = fields && ((head) => fields.amend(head));
    this.tell =
      state.schema === undefined
        ? tell
        : (failure) => (failure instanceof BodyRefusal ? failure.told : tell?.(failure));
    this.call = call;
    const { maxBodyBytes, holdBody, grpc } = state.options;
    this.maxBodyBytes = maxBodyBytes || (call && grpc?.maxMessageBytes);
    // What is larger than maxBodyBytes has been refused by then.
    this.collects = holdBody || call !== undefined ? Infinity : undefined;
    state.active++;
  }

  /** @param make makes the one who is asked besides; called once the request is taken */
  shadowedBy(make: () => Shadow | undefined): void {
    if (this.admit === undefined) this.shadow = make();
    else this.makeShadow = make;
  }

  get metrics(): RouteMetrics {
    return this.decision.metrics;
  }

  get key(): string {
    return this.decision.service.key;
  }

  acquire(requester: MovableRequester, fresh?: boolean): void {
    if (!this.fits(requester)) return;
    const { timeout } = this.decision.state.options;
    if (timeout > 0 && this.takeBack === undefined && this.call?.keepsTime !== true)
      this.await(requester, timeout);
    if (this.call === undefined)
      this.decision.service.acquire(this.shadow?.watching(requester) ?? requester, fresh);
    else this.call.begin(requester);
  }

  /** Looks once at the body, where its route says what that has to be like; where it is not, the request fails. */
  private fits(requester: MovableRequester): boolean {
    const { state } = this.decision;
    if (state.schema === undefined || this.looked) return true;
    this.looked = true;
    const refusal = state.schema.refusalOf(requester);
    if (refusal === undefined) return true;
    state.refused(refusal.reason);
    requester.fail(refusal);
    return false;
  }

  forget(requester: MovableRequester): void {
    if (this.call === undefined) this.decision.service.forget(this.shadow?.watching(requester) ?? requester);
    else this.call.cancel();
  }

  /** The exchange has ended, however. */
  completed(status: number, seconds: number): void {
    if (this.over) return;
    this.over = true;
    this.takeBack?.();
    this.decision.state.active--;
    this.decision.metrics.completed(status, seconds);
    this.shadow?.primaryEnded();
  }

  private async pass(
    gate: Gate,
    visitor: Visitor,
    requester: MovableRequester,
    taken: () => void,
  ): Promise<void> {
    const answer = await gate.pass(visitor).catch(broken);
    if (this.over) return;
    if (answer instanceof Refusal) {
      this.decision.state.refused(answer.reason);
      requester.fail(answer);
      return;
    }
    this.decision.lines += answer.lines;
    this.shadow = this.makeShadow?.();
    taken();
  }

  private await(requester: MovableRequester, seconds: number): void {
    this.takeBack = whenUp(seconds, () => this.expire(requester, seconds));
  }

  private expire(requester: MovableRequester, seconds: number): void {
    if (this.over || requester.answerBegun) return;
    // Until it has come whole it is the client that takes its time.
    if (!requester.requestDone) this.await(requester, seconds);
    else requester.fail(late(seconds));
  }
}

const late = (seconds: number): Failure => ({
  status: 504,
  problem: `no answer within the route's ${seconds} s`,
});
