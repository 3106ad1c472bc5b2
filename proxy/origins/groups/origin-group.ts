import { createHash } from "node:crypto";
import { type Destination, type Failure, type MovableRequester } from "../../exchange";
import { type WireProtocol } from "../../exchange-services";
import { type GroupReport } from "../../observation/group-report";
import { type GroupOptions } from "../../options/group-options";
import { type OriginPool, type PoolContext } from "../origin-pool";
import { choose, type Wish } from "./choice";
import { type ExchangeOwner, GroupExchange } from "./group-exchange";
import { GroupMember } from "./group-member";
import { RetryBudget } from "./retry-budget";
import { StaleStore } from "./stale/stale-store";
import { Substitute } from "./substitute";

/** What all groups share. */
export interface GroupContext extends PoolContext {
  readonly metrics: { retries: number };
}

/** One name for several origins, any of which can answer: a service that runs in several clouds. */
export class OriginGroup implements ExchangeOwner {
  readonly connectTimeout: number;
  readonly firstByteTimeout: number;
  readonly budget: RetryBudget;
  /**
   * Attempts that the retry budget did not allow, and those that were made beside one that was slow; answers that no
   * origin gave: fixed ones, and earlier ones.
   */
  readonly counts = { unaffordable: 0, hedges: 0, hedgesWon: 0, substitutes: 0, stale: 0 };
  readonly substitute: Substitute | undefined;
  readonly store: StaleStore | undefined;
  readonly members: readonly GroupMember[];
  /** An origin takes so many requests at a time and no more. */
  private readonly limited: boolean;
  private readonly exchanges = new Map<MovableRequester, GroupExchange>();

  constructor(
    readonly options: GroupOptions,
    private readonly context: GroupContext,
  ) {
    const { connectTimeout, firstByteTimeout } = options;
    this.connectTimeout = connectTimeout;
    this.firstByteTimeout = firstByteTimeout;
    // One that is otherwise than before begins anew.
    const scope = `group ${options.name} ${createHash("sha256").update(JSON.stringify(options)).digest("base64url").slice(0, 12)}`;
    this.budget = new RetryBudget(options.retryBudget, context.fellows, scope);
    if (options.substitute !== undefined) this.substitute = new Substitute(options.substitute);
    this.members = options.origins.map((origin) => new GroupMember(options, origin, context, scope));
    this.limited = options.origins.some(({ limit }) => limit > 0);
    if (options.stale !== undefined) this.store = new StaleStore(options.stale, this.members[0]!.origin);
  }

  /** Where its requests over this protocol go. */
  door(over: WireProtocol): Destination {
    return {
      key: `group ${this.options.name}`,
      acquire: (requester) => this.begin(requester, over),
      forget: (requester) => this.forget(requester),
    };
  }

  get pools(): OriginPool[] {
    return this.members.flatMap((member) => [...member.allPools]);
  }

  report(): GroupReport {
    return {
      group: this.options.name,
      ...this.counts,
      origins: this.members.map((member) => member.report()),
    };
  }

  next(asked: readonly GroupMember[], over: WireProtocol, wish: Wish): GroupMember | undefined {
    const left = this.members.filter((member) => !asked.includes(member));
    return left[
      choose(
        left.map((member) => member.candidate(over)),
        wish,
        Math.random,
      )
    ];
  }

  refusal(): Failure {
    const reasons = this.members.map(
      ({ key, state, problem }) =>
        `${key}: ${state === "serving" ? "at its limit" : `${state} (${problem})`}`,
    );
    return { status: 503, problem: `no origin can be asked: ${reasons.join("; ")}` };
  }

  repeated(): void {
    this.context.metrics.retries++;
  }

  ended(requester: MovableRequester): void {
    this.exchanges.delete(requester);
  }

  /** Enforces time-outs; called once a tick. */
  sweep(now: number): void {
    for (const member of this.members) member.sweep(now);
  }

  /** From now on these origins (`https://api.example.com:443`) are asked nothing, and all others may be. */
  takeOut(origins: readonly string[]): void {
    for (const member of this.members) member.takeOut(origins.includes(member.key));
  }

  /** Closes what is open once nothing is under way; true when that is done. */
  retire(): boolean {
    if (this.exchanges.size > 0) return false;
    for (const pool of this.pools) pool.drain();
    if (this.pools.some((pool) => pool.size > 0)) return false;
    for (const member of this.members) member.leave();
    this.budget.leave();
    return true;
  }

  private begin(requester: MovableRequester, over: WireProtocol): void {
    const exchange = new GroupExchange(this, requester, over);
    this.exchanges.set(requester, exchange);
    this.beginWithRoom(requester, exchange);
  }

  private beginWithRoom(requester: MovableRequester, exchange: GroupExchange): void {
    const room = this.limited ? this.moreRoom() : undefined;
    if (room === undefined) exchange.begin();
    else
      void room.then(() => {
        // Somebody else may have had what was given.
        if (this.exchanges.get(requester) === exchange) this.beginWithRoom(requester, exchange);
      });
  }

  /** Other workers' part of a limit is asked for before a request goes to whom it would not have gone to. */
  private moreRoom(): Promise<void> | undefined {
    const byPreference = this.options.origins[0]!.weight === undefined;
    for (const member of this.members) {
      if (!member.good) continue;
      if (!member.underLimit) {
        const room = member.moreRoom();
        if (room !== undefined) return room;
      } else if (byPreference) return undefined;
    }
    return undefined;
  }

  private forget(requester: MovableRequester): void {
    const exchange = this.exchanges.get(requester);
    this.exchanges.delete(requester);
    exchange?.cancel();
  }
}
