import { type Destination, type Failure, type MovableRequester, whenUp } from "../proxy/engine";
import { type RouteMetrics } from "./route-metrics";
import { type RouteState } from "./route-state";

/** What a gateway has decided of one request. */
export interface Decision {
  readonly state: RouteState;
  readonly metrics: RouteMetrics;
  /** Connections to the service. */
  readonly service: Destination;
  readonly keepHost: boolean;
  /** What the service is asked for, where that is not what the client asked for. */
  readonly target: string | undefined;
  /** Field lines that go with it. */
  readonly lines: string;
}

/** One request on its route to a service. */
export class RoutedExchange implements Destination {
  readonly maxBodyBytes: number | undefined;
  private takeBack: (() => void) | undefined;
  private over = false;

  constructor(readonly decision: Decision) {
    const { state } = decision;
    this.maxBodyBytes = state.options.maxBodyBytes || undefined;
    state.active++;
  }

  get key(): string {
    return this.decision.service.key;
  }

  acquire(requester: MovableRequester, fresh?: boolean): void {
    const { timeout } = this.decision.state.options;
    if (timeout > 0 && this.takeBack === undefined) this.await(requester, timeout);
    this.decision.service.acquire(requester, fresh);
  }

  forget(requester: MovableRequester): void {
    this.decision.service.forget(requester);
  }

  /** The exchange has ended, however. */
  completed(status: number, seconds: number): void {
    if (this.over) return;
    this.over = true;
    this.takeBack?.();
    this.decision.state.active--;
    this.decision.metrics.completed(status, seconds);
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
