import { AddressBook } from "./address-book";
import { Circuit } from "./circuit";
import { clock, TICK_MS } from "../clock";
import { type Destination, type Failure, type Requester } from "../exchange";
import { type Log } from "../observation/log";
import { OriginSession, STREAMS_UNTIL_SETTLED } from "./origin-session";
import { type OriginConnection } from "./origin-connection";
import {
  type ConnectorContext,
  OriginConnector,
  type ConnectorOwner,
  type Protocol,
} from "./origin-connector";
import { ConnectTimeout } from "./origin-dial";
import { NameAbsent } from "./resolver";
import { type Origin, originKey } from "../route";
import { type Fellows } from "../together/fellows";
import { type Share, type ShareHolder } from "../together/share";

/** What all pools share. */
export interface PoolContext extends ConnectorContext {
  readonly fellows: Fellows;
  readonly log: Log;
}

/** What the metrics tell of one origin. */
export interface PoolCounts {
  /** Connections made. */
  connects: number;
  connectFailures: number;
  /** TLS handshakes, and how many of them resumed a session. */
  handshakes: number;
  resumptions: number;
  /** Exchanges begun, and how many of them on a connection that had served before. */
  exchanges: number;
  reuses: number;
  /** Requests that waited for a connection. */
  queued: number;
  rejected: number;
}

export interface PoolTraits {
  /** @default "http/1.1" */
  readonly protocol?: Protocol;
  /**
   * Prefer the address with the fewest exchanges under way over the connection used last.
   * @default false
   */
  readonly leastBusy?: boolean;
  /**
   * What its requests are for, where they are to have connections, a queue and a circuit apart from all others'.
   * @default - they share them
   */
  readonly purpose?: string;
  /** Shared with other pools of the same origin. @default - one of its own */
  readonly circuit?: Circuit;
}

interface Waiter {
  readonly requester: Requester;
  readonly since: number;
}

/** Connections opened at once before it is known whether one of them would do for all. */
const UNSURE = 8;
/** Milliseconds between two looks at the origin's addresses. */
const REFRESH_MS = 3_000;
const LONGEST_REFILL_PAUSE_MS = 30_000;
/** Milliseconds in which an idle connection that was not needed once is one too many; half of those then go. */
const PURGE_MS = 5_000;

/**
 * The connections to one origin: idle ones taken last in, first out, so that few are busy and the rest may go. What was
 * needed lately is kept, and what was not goes slowly.
 */
export class OriginPool implements ConnectorOwner, Destination {
  readonly key: string;
  readonly counts: PoolCounts = {
    connects: 0,
    connectFailures: 0,
    handshakes: 0,
    resumptions: 0,
    exchanges: 0,
    reuses: 0,
    queued: 0,
    rejected: 0,
  };
  streamLimit = STREAMS_UNTIL_SETTLED;
  readonly book: AddressBook;
  readonly circuit: Circuit;
  /** The same for pools of the same use in other workers. */
  private readonly name: string;
  /** Connections that may be open, and requests that may wait, where that is limited. */
  private connectionShare: Share | undefined;
  private queueShare: Share | undefined;
  private readonly connectionHolder: ShareHolder = {
    spare: () => this.spareConnections(),
    lost: (count) => this.lostConnections(count),
    gained: () => this.gainedConnections(),
  };
  private readonly queueHolder: ShareHolder = {
    spare: () => (this.queueShare?.size ?? 0) - this.waiting.length,
  };

  private readonly idle: OriginConnection[] = [];
  private readonly open = new Set<OriginConnection>();
  private readonly sessions = new Set<OriginSession>();
  /** Sessions that take no more exchanges, and may have some under way. */
  private readonly leaving = new Set<OriginSession>();
  private readonly waiting: Waiter[] = [];
  private connecting = 0;
  /** What connections to this origin turned out to speak. */
  private agreed: "http/1.1" | "h2" | undefined;
  private warm = 0;
  private warmTried = false;
  private refillAt = 0;
  private refillPause = 0;
  private refreshAt = 0;
  /** Its name leads nowhere any more, or not yet. What is open goes on working. */
  private lost = false;
  /** `clock.now` at the last request. */
  private usedAt = clock.now;
  /** The fewest idle connections since the last purge began: so many were not needed. */
  private leastIdle = 0;
  private purgeAt = 0;
  /** How many are still to go of this purge, and how many with each tick. */
  private purging = 0;
  private purgePace = 0;
  private readonly connector: OriginConnector;
  private closing = false;

  constructor(
    readonly origin: Origin,
    private readonly context: PoolContext,
    private readonly traits: PoolTraits = {},
  ) {
    const { options } = context;
    if (traits.protocol !== "negotiated") this.agreed = traits.protocol ?? "http/1.1";
    this.key = originKey(origin);
    this.name = poolName(origin, traits);
    this.book = new AddressBook(options.ejectFailures);
    this.connector = new OriginConnector(origin, context, traits.protocol ?? "http/1.1", this);
    this.circuit =
      traits.circuit ??
      new Circuit(options.circuitFailures, options.circuitPause).join(context.fellows, this.name);
  }

  get idleCount(): number {
    return this.idle.length;
  }

  get busyCount(): number {
    return this.open.size - this.idle.length + this.sessions.size + this.leaving.size;
  }

  get waitingCount(): number {
    return this.waiting.length;
  }

  /** Whoever answers for its name says that there is no such name, or no address under it. */
  get nameAbsent(): boolean {
    return this.lost;
  }

  /** A request would not have to wait for others. */
  get hasRoom(): boolean {
    return this.idle.length > 0 || !this.full || this.roomySession() !== undefined;
  }

  /** Connections open or being opened. */
  get size(): number {
    return this.usable + this.leaving.size;
  }

  /**
   * Nothing is open, nobody waits, and nothing is known that would matter to the next request: the pool may be
   * forgotten. Failures are remembered for as long as an idle connection would be, beyond the pause of the circuit.
   */
  forgettable(now: number): boolean {
    if (this.warm > 0 || this.size > 0 || this.waiting.length > 0) return false;
    const { originIdleTimeout, circuitPause } = this.context.options;
    return this.circuit.spotless || now - this.usedAt > (originIdleTimeout + circuitPause) * 1000;
  }

  /** Nobody asks it any more. */
  leave(): void {
    if (this.traits.circuit === undefined) this.circuit.leave();
    this.leaveShare(this.connectionShare, this.connectionHolder);
    this.leaveShare(this.queueShare, this.queueHolder);
  }

  /** The declared connections are open, or could not be had at the first try. */
  get ready(): boolean {
    return this.established >= this.warm || this.warmTried;
  }

  /** Keeps at least `count` connections open from now on. */
  keepWarm(count: number): void {
    this.warm = count;
    this.fill();
  }

  /** Calls `requester.send` with a connection, now if one is idle, or `requester.fail`. `fresh`: not one used before. */
  acquire(requester: Requester, fresh = false): void {
    this.usedAt = clock.now;
    if (!this.circuit.admits()) {
      requester.fail({ status: 502, problem: "circuit open: the origin has failed too often" });
      return;
    }
    const session = this.roomySession();
    if (session !== undefined) {
      this.share(session, requester);
      return;
    }
    const connection = fresh ? undefined : this.takeIdle();
    if (connection !== undefined) {
      this.lend(connection, requester);
      return;
    }
    if (this.full && !this.mayQueue()) {
      this.counts.rejected++;
      requester.fail({ status: 503, problem: "too many requests wait for this origin" });
      return;
    }
    this.counts.queued++;
    this.waiting.push({ requester, since: clock.now });
    if (this.wantsConnection) this.connect();
    else this.wantRoom();
  }

  /** The requester's client is gone. */
  forget(requester: Requester): void {
    const index = this.waiting.findIndex((waiter) => waiter.requester === requester);
    if (index < 0) return;
    this.waiting.splice(index, 1);
    this.circuit.undecided();
  }

  /** An exchange has got its response. */
  answered(address: string, status: number): void {
    this.book.returned(address);
    this.circuit.succeeded();
    if (status >= 500 && status !== 501) this.book.failed(address);
    else this.book.worked(address);
  }

  /** An exchange has ended without a response that could be used. */
  unanswered(address: string, blamed: boolean): void {
    this.book.returned(address);
    if (!blamed) {
      this.circuit.undecided();
      return;
    }
    this.book.failed(address);
    this.circuit.failed();
  }

  endUnconfirmed(address: string, id: string): void {
    this.context.log.event("warn", "answer without a length ended with its TLS connection", {
      origin: this.key,
      address,
      chocon_req: id,
    });
  }

  released(connection: OriginConnection): void {
    if (!this.book.isCurrent(connection.address)) {
      connection.close();
      return;
    }
    if (this.connectionShare?.passesOn() === true) {
      connection.close();
      return;
    }
    const next = this.waiting.shift();
    if (next !== undefined) {
      this.lend(connection, next.requester);
      return;
    }
    if (this.closing) {
      connection.close();
      return;
    }
    this.idle.push(connection);
    // Closing what is above a number and opening it again a moment later would cost more than all the rest.
    if (this.context.options.keepaliveConns === 0 && this.idle.length > this.warm) this.idle[0]!.close();
  }

  closed(connection: OriginConnection): void {
    if (!this.open.delete(connection)) return;
    this.book.closed(connection.address);
    const index = this.idle.lastIndexOf(connection);
    if (index >= 0) this.idle.splice(index, 1);
    if (this.wantsConnection) this.connect();
    this.fill();
  }

  /** A stream of an HTTP/2 session has ended. */
  roomMade(session: OriginSession): void {
    if (this.connectionShare?.passesOn() === true) session.close();
    while (session.open && this.waiting.length > 0) this.share(session, this.waiting.shift()!.requester);
  }

  ended(session: OriginSession): void {
    this.leaving.add(session);
    if (!this.sessions.delete(session)) return;
    this.book.closed(session.address);
    if (this.wantsConnection) this.connect();
    this.fill();
  }

  /** Enforces time-outs; called once a tick. */
  sweep(now: number): void {
    const { proxyReadTimeout, queueTimeout } = this.context.options;
    for (const connection of this.open) {
      const still = now - connection.touched;
      if (connection.idle) this.sweepIdle(connection, still);
      else if (connection.owing && still > proxyReadTimeout * 1000) {
        connection.timeOut(`no byte from the origin for ${proxyReadTimeout} s`);
      }
    }
    this.purge(now);
    this.sweepSessions(now);
    while (this.waiting.length > 0 && now - this.waiting[0]!.since > queueTimeout * 1000) {
      this.circuit.undecided();
      this.waiting
        .shift()!
        .requester.fail({ status: 504, problem: `no connection to the origin within ${queueTimeout} s` });
    }
    this.wantRoom();
    if (now > this.refillAt) this.fill();
    if (now > this.refreshAt && (this.established > 0 || this.lost)) this.refresh(now);
  }

  /** Closes what is idle, and everything else as it becomes so. */
  drain(): void {
    this.closing = true;
    this.warm = 0;
    for (const connection of [...this.idle]) connection.close();
    for (const session of this.sessions) session.close();
  }

  private get established(): number {
    return this.open.size + this.sessions.size;
  }

  /** Connections that take exchanges, or soon will: one that is leaving does not keep its successor from being made. */
  private get usable(): number {
    return this.established + this.connecting;
  }

  /** One more connection would serve somebody. A session serves many, so one attempt is enough where they are had. */
  private get wantsConnection(): boolean {
    const enough = Math.min(
      this.waiting.length,
      this.agreed === "h2" ? 1 : this.agreed === undefined ? UNSURE : Infinity,
    );
    return this.connecting < enough && !this.full;
  }

  private get full(): boolean {
    const { maxConnsPerHost } = this.context.options;
    return maxConnsPerHost > 0 && this.usable >= this.connectionsOf(maxConnsPerHost).size;
  }

  /** This worker's part of so many connections. */
  private connectionsOf(total: number): Share {
    let share = this.connectionShare;
    if (share?.total !== total) {
      this.leaveShare(share, this.connectionHolder);
      const name = `${total} connections of ${this.name}`;
      this.connectionShare = share = this.context.fellows.share(name, total, this.connectionHolder);
    }
    return share;
  }

  /** One more request may wait. */
  private mayQueue(): boolean {
    const { maxQueue } = this.context.options;
    if (maxQueue === 0) return false;
    let share = this.queueShare;
    if (share?.total !== maxQueue) {
      this.leaveShare(share, this.queueHolder);
      const name = `${maxQueue} waiting for ${this.name}`;
      this.queueShare = share = this.context.fellows.share(name, maxQueue, this.queueHolder);
    }
    // Early, since a request cannot wait to be told that it may wait.
    if ((this.waiting.length + 1) * 2 > share.size) void share.want();
    return this.waiting.length < share.size;
  }

  private leaveShare(share: Share | undefined, holder: ShareHolder): void {
    if (share !== undefined) this.context.fellows.leaveShare(share, holder);
  }

  /** Somebody waits for a connection that other workers may be able to do without. */
  private wantRoom(): void {
    if (this.waiting.length > this.connecting && this.full) void this.connectionShare?.want();
  }

  /** What is not open, or else idle, is spare; of a session that can go on elsewhere one at a time. */
  private spareConnections(): number {
    const share = this.connectionShare;
    if (share === undefined || this.waiting.length > 0) return 0;
    const unused = share.size - this.usable;
    return unused > 0 ? unused : this.idle.length + this.idleSessions().length;
  }

  private lostConnections(count: number): void {
    let excess = Math.min(count, this.usable - (this.connectionShare?.size ?? 0));
    for (; excess > 0 && this.idle.length > 0; excess--) this.idle[0]!.close();
    for (const session of this.idleSessions().slice(0, Math.max(0, excess))) session.close();
  }

  private gainedConnections(): void {
    while (this.wantsConnection) this.connect();
    this.fill();
  }

  private idleSessions(): OriginSession[] {
    return [...this.sessions].filter(({ active }) => active === 0);
  }

  private takeIdle(): OriginConnection | undefined {
    if (this.idle.length <= this.leastIdle) this.leastIdle = Math.max(0, this.idle.length - 1);
    if (this.traits.leastBusy !== true) return this.idle.pop();
    const address = this.book.leastBusy();
    for (let i = this.idle.length - 1; i >= 0; i--) {
      if (this.idle[i]!.address === address) return this.idle.splice(i, 1)[0];
    }
    // A connection elsewhere is taken only when no new one may be made to the least busy address.
    return this.full ? this.idle.pop() : undefined;
  }

  private roomySession(): OriginSession | undefined {
    for (const session of this.sessions) if (session.open) return session;
    return undefined;
  }

  private share(session: OriginSession, requester: Requester): void {
    this.counts.exchanges++;
    if (session.served > 0 || session.active > 0) this.counts.reuses++;
    this.book.borrowed(session.address);
    session.begin(requester);
  }

  private lend(connection: OriginConnection, requester: Requester): void {
    this.counts.exchanges++;
    if (connection.served > 0) this.counts.reuses++;
    this.book.borrowed(connection.address);
    connection.begin(requester);
  }

  /** An idle connection that has been kept long enough goes; a declared one only once its successor is there. */
  private sweepIdle(connection: OriginConnection, still: number): void {
    const { originIdleTimeout } = this.context.options;
    // The origin's own limit counts from its side, so ours ends a second earlier.
    const limit =
      connection.idleSeconds > 0
        ? Math.min(originIdleTimeout, connection.idleSeconds - 1)
        : originIdleTimeout;
    if (still <= limit * 1000) return;
    if (this.open.size > this.warm) connection.close();
    else if (this.connecting === 0 && clock.now > this.refillAt && !this.closing) this.connect();
  }

  /** Lets go of what a peak has left behind, slowly: half of what was not needed lately, the oldest first. */
  private purge(now: number): void {
    const kept = Math.max(this.context.options.keepaliveConns, this.warm);
    if (now >= this.purgeAt) {
      this.purging = Math.ceil(Math.max(0, Math.min(this.leastIdle, this.idle.length - kept)) / 2);
      this.purgePace = Math.ceil((this.purging * TICK_MS) / PURGE_MS);
      this.purgeAt = now + PURGE_MS;
      this.leastIdle = this.idle.length;
    }
    const goingNow = Math.min(this.purging, this.purgePace, this.idle.length - kept);
    for (let i = 0; i < goingNow; i++) this.idle[0]!.close();
    this.purging -= Math.max(0, goingNow);
  }

  private sweepSessions(now: number): void {
    const { proxyReadTimeout, originIdleTimeout } = this.context.options;
    for (const session of this.sessions) {
      session.sweep(now, proxyReadTimeout);
      const idle = session.active === 0 && now - session.touched > originIdleTimeout * 1000;
      const { address } = session;
      const unwanted = !this.book.isCurrent(address) || this.book.isOutranked(address);
      if ((idle && this.sessions.size > this.warm) || unwanted) session.close();
    }
    for (const session of this.leaving) {
      session.sweep(now, proxyReadTimeout);
      if (session.active > 0) continue;
      this.leaving.delete(session);
      session.destroy();
    }
  }

  private fill(): void {
    while (!this.closing && this.usable < this.warm && clock.now >= this.refillAt && !this.full)
      this.connect();
  }

  private refresh(now: number): void {
    this.refreshAt = now + REFRESH_MS;
    this.context.resolver.placesOf(this.origin).then(
      (places) => {
        this.lost = false;
        this.book.update(places);
        for (const connection of [...this.idle])
          if (!this.book.isCurrent(connection.address)) connection.close();
      },
      // Counted by the resolver; what is open goes on working.
      (error: unknown) => (this.lost = error instanceof NameAbsent),
    );
  }

  private connect(): void {
    this.connecting++;
    this.connector.connect().then(
      (made) => {
        this.connecting--;
        this.refillPause = 0;
        this.counts.connects++;
        this.lost = false;
        // What waits longest gets it; when nobody waits it is the declared connections' or the next request's.
        if (made.dead) {
          this.book.closed(made.address);
          this.failed({ status: 502, problem: "origin closed a new connection" });
        } else if (made instanceof OriginSession) {
          this.agreed = "h2";
          // Several were tried while nobody knew that one would do.
          const surplus = this.sessions.size >= Math.max(1, this.warm) && this.roomySession() !== undefined;
          this.sessions.add(made);
          if (surplus) made.close();
          else this.roomMade(made);
        } else {
          this.agreed = "http/1.1";
          this.open.add(made);
          this.released(made);
          while (this.wantsConnection) this.connect();
        }
      },
      (error: unknown) => {
        this.connecting--;
        this.counts.connectFailures++;
        this.lost = error instanceof NameAbsent;
        const status = error instanceof ConnectTimeout ? 504 : 502;
        this.failed({
          status,
          problem: error instanceof Error ? error.message || error.constructor.name : String(error),
        });
      },
    );
  }

  /** An attempt has failed, and with it the oldest waiter; the others keep their own attempts or open connections. */
  private failed(failure: Failure): void {
    this.warmTried = true;
    const waiter = this.waiting.shift();
    // One that nobody waits for, any more or yet, tells of the origin only where nothing else does.
    if (waiter !== undefined || this.established === 0) this.circuit.failed(failure.problem);
    if (waiter !== undefined) waiter.requester.fail(failure);
    else
      this.context.log.event("warn", "no connection to a declared origin", {
        origin: this.key,
        problem: failure.problem,
      });
    this.refillPause = Math.min(LONGEST_REFILL_PAUSE_MS, Math.max(1_000, this.refillPause * 2));
    this.refillAt = clock.now + this.refillPause;
    if (this.connecting + this.established < this.waiting.length && this.wantsConnection) this.connect();
  }
}

/** What a pool is called by all workers. */
export function poolName(origin: Origin, { protocol = "http/1.1", purpose = "" }: PoolTraits): string {
  return `${originKey(origin)} ${origin.authority} ${protocol} ${purpose}`;
}
