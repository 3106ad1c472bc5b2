import { clock } from "../../clock";
import { type WireProtocol } from "../../exchange-services";
import { type GroupOptions, type GroupOrigin } from "../../options/group-options";
import { authorityOf, isServiceName, type Origin, originKey } from "../../route";
import { OriginPool, type PoolContext } from "../origin-pool";
import { type Candidate } from "./choice";
import { GroupCircuit } from "./group-circuit";
import { type MemberReport, type MemberState } from "../../observation/group-report";
import { HealthCheck } from "./health-check";
import { RecentTimes } from "./recent-times";
import { type Share, type ShareHolder } from "../../together/share";

/** What an origin that has just come back is given of its part of the requests at least. */
const FIRST_SHARE = 0.05;
/** Part of what this worker may ask it from which on, when no more is left, it looks for more. */
const SCARCE = 1 / 8;

/** One origin of a group: its connections, how it fares, and what it may be sent. */
export class GroupMember {
  readonly key: string;
  readonly origin: Origin;
  readonly circuit: GroupCircuit;
  private drained = false;
  /** `clock.now` when an operator last let it have requests again. */
  private undrainedAt = -Infinity;
  /** Requests it has been asked and has not answered. */
  active = 0;
  /** Those it may have been asked, of what its limit allows all workers together. */
  private readonly share: Share | undefined;
  private readonly holder: ShareHolder = { spare: () => (this.share?.size ?? 0) - this.active };
  readonly counts = { asked: 0, movedHere: 0, movedOn: 0 };
  /** From requests to the first bytes of their answers; of those alone that may be asked of others too. */
  readonly times = new RecentTimes();
  private readonly pools = new Map<WireProtocol, OriginPool>();
  /** The pool whose connections are kept open, and which so learns first where its name leads. */
  private readonly kept: OriginPool;
  private readonly check: HealthCheck | undefined;
  private shown: MemberState = "serving";
  /** When it came to be in its present state, as `Date.now()`. */
  private since = Date.now();

  constructor(
    private readonly group: GroupOptions,
    private readonly options: GroupOrigin,
    private readonly context: PoolContext,
    private readonly scope: string,
  ) {
    const { host, port, tls, keepHost, peer, warm } = options;
    const { name } = group;
    const at = { host, port, tls, ...(isServiceName(host) ? { service: true } : {}) };
    this.origin =
      peer !== undefined
        ? { ...at, authority: name, serverName: peer, peer: true }
        : keepHost
          ? { ...at, authority: name, serverName: name.replace(/:\d*$/, "") }
          : { ...at, authority: authorityOf(host, port, tls) };
    this.key = originKey(this.origin);
    const { fellows } = context;
    const sharedName = `${this.key} of ${scope}`;
    this.circuit = new GroupCircuit(group.circuitFailures, group.circuitPause).join(fellows, sharedName);
    if (options.limit > 0)
      this.share = fellows.share(`requests to ${sharedName}`, options.limit, this.holder);
    this.kept = this.pool("any");
    this.kept.keepWarm(warm);
    if (group.check !== undefined) this.check = new HealthCheck(this, group.check, fellows, sharedName);
  }

  /** It is of no group any more. */
  leave(): void {
    this.circuit.leave();
    this.check?.leave();
    if (this.share !== undefined) this.context.fellows.leaveShare(this.share, this.holder);
    for (const pool of this.pools.values()) pool.leave();
  }

  /** A request is under way here. */
  took(): void {
    this.active++;
    const { share } = this;
    // Early, since one that moves here from another origin cannot wait to be told.
    if (share !== undefined && share.size - this.active <= share.size * SCARCE) void share.want();
  }

  /** It is not any more. */
  gaveBack(): void {
    this.active--;
    this.share?.passesOn();
  }

  /** It may be asked more, as far as its limit goes. */
  get underLimit(): boolean {
    return this.share === undefined || this.active < this.share.size;
  }

  get good(): boolean {
    return this.standing === "good";
  }

  /** More than this worker may ask it now, others may be able to do without: undefined, or when that is known. */
  moreRoom(): Promise<void> | undefined {
    return this.share?.mayGrow === true ? this.share.want() : undefined;
  }

  /** The pool for what is to go out over this protocol. */
  pool(over: WireProtocol): OriginPool {
    let pool = this.pools.get(over);
    if (pool === undefined) {
      const negotiated =
        this.context.options.http2Origins === "auto" && this.origin.tls ? "negotiated" : "http/1.1";
      pool = new OriginPool(this.origin, this.context, {
        protocol: over === "any" ? negotiated : over,
        leastBusy: true,
        circuit: this.circuit,
        purpose: this.scope,
      });
      this.pools.set(over, pool);
    }
    return pool;
  }

  get allPools(): IterableIterator<OriginPool> {
    return this.pools.values();
  }

  /** How it stands for a request that is to go out over this protocol. */
  candidate(over: WireProtocol): Candidate {
    const { weight } = this.options;
    return {
      standing: this.standing,
      room: !this.underLimit ? "none" : this.pool(over).hasRoom ? "free" : "queue",
      weight,
      share: this.part,
    };
  }

  /** An operator has it asked nothing, or lets it come back. */
  takeOut(out: boolean): void {
    if (this.drained && !out) this.undrainedAt = clock.now;
    this.drained = out;
  }

  /** A request, or a check, came to nothing for a reason that is the origin's. */
  failed(problem: string): void {
    this.circuit.failed(problem);
  }

  /** Enforces time-outs; called once a tick. */
  sweep(now: number): void {
    for (const pool of this.pools.values()) pool.sweep(now);
    this.check?.sweep(now);
    this.notice();
  }

  /** Tells of a change of its state. */
  private notice(): void {
    const { state } = this;
    if (state === this.shown) return;
    this.context.log.event(
      state === "circuit open" || state === "check failing" || state === "no address" ? "warn" : "info",
      "origin of a group",
      {
        group: this.group.name,
        origin: this.key,
        state,
        ...(state === "serving" ? {} : { problem: this.problem }),
      },
    );
    this.shown = state;
    this.since = Date.now();
  }

  get state(): MemberState {
    if (this.drained) return "drained";
    if (this.circuit.state !== "closed") return this.circuit.state === "open" ? "circuit open" : "on trial";
    if (this.check?.failing === true) return "check failing";
    if (this.kept.nameAbsent) return "no address";
    return this.part < 1 ? "returning" : "serving";
  }

  /** Why it last failed. */
  get problem(): string {
    return this.kept.nameAbsent ? `nothing is named ${this.origin.host}` : this.circuit.problem;
  }

  /** What an operator is told. */
  report(): MemberReport {
    this.notice();
    const { key, state, active, counts } = this;
    return {
      origin: key,
      state,
      since: new Date(this.since).toISOString(),
      why: state === "serving" ? "" : state === "drained" ? "by an operator" : this.problem,
      active,
      ...counts,
    };
  }

  private get standing(): Candidate["standing"] {
    if (this.drained || this.circuit.state === "open" || this.circuit.probing) return "out";
    // Where there are checks they are what tries it, so that no request has to.
    if (this.circuit.state === "half-open") return this.check === undefined ? "trial" : "out";
    // A service that has left its region still answers on what is open, until it ends.
    return this.check?.failing === true || this.kept.nameAbsent ? "doubtful" : "good";
  }

  /** How much of its part of the requests it is given. */
  private get part(): number {
    const backAt = Math.max(
      this.undrainedAt,
      this.circuit.closedAgainAt,
      this.check?.passingAgainAt ?? -Infinity,
    );
    const { returnTime } = this.group;
    if (clock.now - backAt >= returnTime * 1000) return 1;
    return Math.max(FIRST_SHARE, (clock.now - backAt) / (returnTime * 1000));
  }
}
