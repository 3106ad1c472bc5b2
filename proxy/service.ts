import { readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import {
  createSecureContext,
  createServer as createTlsServer,
  rootCertificates,
  type SecureContext,
  type Server as TlsServer,
  type TLSSocket,
} from "node:tls";
import { AddressGuard } from "./origins/address-guard";
import { ClientConnection, type ClientOwner } from "./clients/client-connection";
import { clientsTls } from "./clients-tls";
import { ClientSessions } from "./clients/client-sessions";
import { clock } from "./clock";
import { type Destination, type Failure } from "./exchange";
import { type CompletedExchange, type RoutedRequest, type WireProtocol } from "./exchange-services";
import { closeAfterLastLook } from "./last-look";
import { type Log } from "./observation/log";
import { logInto, RequestMetrics, type Snapshot } from "./observation/metrics";
import { AccessLog, type AccessRecord } from "./observation/access-log";
import { type UpstreamsReport } from "./observation/group-report";
import { isForbiddenTrailer } from "./http1/chunked-body";
import { type RequestHead } from "./http1/request-head";
import { ResponseTimes, type TimesSample } from "./observation/response-times";
import { OPTION_NAMES, type OptionName, type Options } from "./options/options";
import { configurationHash } from "./options/reloadable";
import { type GroupContext, OriginGroup } from "./origins/groups/origin-group";
import { groupInto, poolInto, resolverInto } from "./origins/origin-metrics";
import { OriginPool, poolName, type PoolTraits } from "./origins/origin-pool";
import { peerContext } from "./peers/peer-context";
import { peerServer, renewCertificates } from "./peers/peer-server";
import { RequestIds } from "./request-id";
import { Resolver } from "./origins/resolver";
import { isHost, type Origin } from "./route";
import { ALONE, type Fellows } from "./together/fellows";
import { READ_BUFFER_BYTES } from "./wire";

/** Options that groups are not made with. */
const NOT_OF_GROUPS: ReadonlySet<OptionName> = new Set<OptionName>(["allow", "allowAny", "warm", "groups"]);

export const MALFORMED_HOST: Failure = { status: 400, problem: "malformed Host" };

/**
 * Listens, and holds what all connections share, with clients and with origins. Where a request goes is the business of
 * the program that it is made for.
 */
export abstract class Service<O extends Options = Options> implements ClientOwner {
  readonly ids = new RequestIds();
  readonly readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
  readonly log: Log;
  /** The fields put on each response, up to the id. */
  readonly responseMark = "X-Chocon-Id: ";
  private readonly listeners: Server[] = [];
  readonly metrics = new RequestMetrics();
  draining = false;

  private readonly clients = new Set<ClientConnection>();
  private readonly pools = new Map<string, OriginPool>();
  private readonly responseTimes: ResponseTimes;
  private readonly accessLog: AccessLog | undefined;
  private readonly context: GroupContext & { options: Options; peerContext: SecureContext | undefined };
  private peerDoor: TlsServer | undefined;
  protected readonly groups = new Map<string, OriginGroup>();
  /** Groups that are no more, and have requests under way. */
  private readonly retired = new Set<OriginGroup>();
  private drained: readonly string[] = [];
  /** Of the options. */
  private hash: string;
  /** It has been ready once: what is declared later does not change that. */
  private begun = false;
  private readonly http2: ClientSessions;
  private readonly stopTicking: () => void;
  private onDrained: (() => void) | undefined;
  /** The Host that was last found well-formed: most have the same. */
  private lastHost = "";

  /**
   * @param trust whose certificates an origin may show
   * @param fellows the processes that serve together with this one
   */
  constructor(
    public options: O,
    log: Log,
    trust: SecureContext,
    fellows: Fellows = ALONE,
  ) {
    this.log = log;
    this.hash = configurationHash(options);
    this.context = {
      options,
      log,
      resolver: new Resolver(new AddressGuard(options.allowAddress), options.dnsServer),
      secureContext: trust,
      peerContext: usualPeerContext(options),
      fellows,
      metrics: this.metrics,
    };
    this.responseTimes = new ResponseTimes(options.stsize, options.spfactor);
    this.accessLog = AccessLog.from(options);
    this.http2 = new ClientSessions(this);
    this.stopTicking = clock.onTick((now) => this.sweep(now));
    this.declareGroups();
  }

  readonly forbidsTrailer: (name: string) => boolean = isForbiddenTrailer;
  abstract destinationFor(request: RoutedRequest, over: WireProtocol): Destination | Failure;
  abstract headFor(request: RoutedRequest, origin: Origin): string;

  abstract localAnswer(head: RequestHead): Promise<string> | undefined;

  /** Puts in force what the options say besides what all programs share; called after a reload. */
  protected abstract declare(): void;

  /** Whether a pool is kept though nothing uses it. */
  protected abstract keeps(pool: OriginPool): boolean;

  /** A pool is no more. */
  protected abstract forgot(pool: OriginPool): void;

  /** What the log tells of an exchange besides what it tells of all. */
  protected abstract logged(exchange: CompletedExchange): Partial<AccessRecord>;

  /** May be sent requests: not shutting down, and the declared connections are open or were tried. */
  get ready(): boolean {
    this.begun ||= this.allPools().every((pool) => pool.ready);
    return this.begun && !this.draining;
  }

  /** Response times of all processes that serve together: of this one, unless somebody knows of others. */
  allTimes: () => Promise<readonly TimesSample[]> = () => Promise.resolve([this.times()]);

  /** Response times of this process. */
  times(): TimesSample {
    return { times: this.responseTimes.sample(), countsByStatus: [...this.metrics.countsByStatus()] };
  }

  /** All numbers of this process. */
  snapshot(): Snapshot {
    const snapshot: Snapshot = {};
    this.metrics.into(snapshot);
    snapshot["clients"] = this.clients.size + this.http2.size;
    snapshot["draining"] = this.draining ? 1 : 0;
    for (const pool of this.allPools()) poolInto(snapshot, pool);
    for (const group of this.groups.values()) groupInto(snapshot, group);
    resolverInto(snapshot, this.context.resolver);
    snapshot[`configuration{hash="${this.hash}"}`] = 1;
    logInto(snapshot, [this.log.lines, this.accessLog?.lines]);
    return snapshot;
  }

  /** What is to be known of each group. */
  upstreams(): UpstreamsReport {
    return {
      configuration: this.hash,
      groups: [...this.groups.values()].map((group) => group.report()),
    };
  }

  /** Called once at the end of each exchange. */
  completed(exchange: CompletedExchange): void {
    const { status, sent, head } = exchange;
    const seconds = (performance.now() - exchange.startedAt) / 1000;
    this.metrics.completed(status, sent, seconds);
    if (exchange.peer !== undefined) this.metrics.fromPeer(exchange.peer);
    this.responseTimes.add(seconds);
    this.accessLog?.write({
      remoteAddress: exchange.remoteAddress,
      method: head.method,
      uri: head.path,
      status,
      size: sent,
      userAgent: head.userAgent,
      seconds,
      host: head.host,
      id: exchange.id,
      ...(exchange.peer === undefined ? {} : { peer: exchange.peer }),
      ...this.logged(exchange),
    });
  }

  left(client: ClientConnection): void {
    this.clients.delete(client);
    this.checkDrained();
  }

  /** Takes no new connections, lets what is under way end; calls back when nothing is left. */
  drain(done: () => void): void {
    this.draining = true;
    this.http2.drain(() => this.checkDrained());
    closeAfterLastLook(this.listeners, () => {
      this.onDrained = done;
      this.checkDrained();
    });
  }

  /** Ends everything at once. */
  stop(): void {
    this.stopTicking();
    for (const server of this.listeners) server.close();
    for (const client of this.clients) client.destroy();
    this.http2.stop();
    for (const pool of this.allPools()) pool.drain();
  }

  /** A connected socket whose client speaks HTTP/2. */
  acceptHttp2(socket: Socket): void {
    this.http2.accept(socket);
  }

  /** A server whose connections are served; the caller makes it listen. */
  listener(): Server {
    return this.listening(
      createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.accept(socket)),
    );
  }

  /** The same for clients that speak TLS. */
  tlsListener(): Server {
    const { tlsCertFile, tlsKeyFile, readTimeout } = this.options;
    const server = createTlsServer(
      {
        cert: readFileSync(tlsCertFile),
        key: readFileSync(tlsKeyFile),
        ...clientsTls(readTimeout),
      },
      (socket) => this.acceptTls(socket),
    );
    // A handshake that failed, or was not over in time: Node only tells.
    server.on("tlsClientError", (_, socket) => socket.destroy());
    return this.listening(server);
  }

  /** The same for other regions' proxies, which show who they are. */
  peerListener(): Server {
    const server = peerServer(this.options, {
      names: () => this.options.peerNames,
      admitted: (socket) => this.acceptTls(socket),
      refused: (address, problem) => {
        this.metrics.peersRefused++;
        this.log.event("warn", "peer refused", { problem, remote_addr: address });
      },
    });
    return (this.peerDoor = this.listening(server));
  }

  private acceptTls(socket: TLSSocket): void {
    if (socket.alpnProtocol === "h2") this.acceptHttp2(socket);
    else this.accept(socket);
  }

  /** It takes as many clients as may be, and is closed with the others. */
  private listening<S extends Server>(server: S): S {
    if (this.options.maxClients > 0) server.maxConnections = this.options.maxClients;
    this.listeners.push(server);
    return server;
  }

  /**
   * Goes on with other options, and loses no request: what is under way ends as it began. Groups that are as they were
   * keep their connections, and what is known of their origins.
   */
  reload(options: O): void {
    const before = this.options;
    this.options = this.context.options = options;
    this.hash = configurationHash(options);
    // The files may hold other certificates under the same names. What is open goes on with those it began with.
    this.context.peerContext = usualPeerContext(options);
    if (this.peerDoor !== undefined) renewCertificates(this.peerDoor, options);
    const shared = (of: Options): string =>
      JSON.stringify(OPTION_NAMES.map((name) => (NOT_OF_GROUPS.has(name) ? undefined : of[name])));
    const anew = shared(before) !== shared(options);
    for (const [name, group] of this.groups) {
      const now = options.groups.find((other) => other.name === name);
      if (!anew && JSON.stringify(now) === JSON.stringify(group.options)) continue;
      this.groups.delete(name);
      this.retired.add(group);
    }
    this.declareGroups();
    this.declare();
  }

  /** From now on these origins of groups are asked nothing, and all others may be. */
  takeOut(origins: readonly string[]): void {
    this.drained = origins;
    for (const group of this.groups.values()) group.takeOut(origins);
  }

  /** Makes the groups that the options name and that are not there. */
  private declareGroups(): void {
    for (const group of this.options.groups) {
      if (!this.groups.has(group.name)) this.groups.set(group.name, new OriginGroup(group, this.context));
    }
    this.takeOut(this.drained);
  }

  /** Whether a Host, where there is one, may go on as it is. */
  protected isWellFormed(host: string): boolean {
    if (host === this.lastHost) return true;
    if (host !== "" && !isHost(host)) return false;
    this.lastHost = host;
    return true;
  }

  /** Keeps so many connections of these pools open from now on, and of others none. */
  protected keepWarm(counts: ReadonlyMap<OriginPool, number>): void {
    for (const pool of this.pools.values()) pool.keepWarm(counts.get(pool) ?? 0);
  }

  private accept(socket: Socket): void {
    this.clients.add(new ClientConnection(socket, this));
  }

  /** The connections to this origin, made with these traits where there are none yet. */
  protected pool(origin: Origin, over: WireProtocol = "any", traits: PoolTraits = {}): OriginPool {
    const negotiated = this.options.http2Origins === "auto" && origin.tls ? "negotiated" : "http/1.1";
    const protocol = over === "any" ? negotiated : over;
    const key = poolName(origin, { ...traits, protocol });
    let pool = this.pools.get(key);
    if (pool === undefined) {
      pool = new OriginPool(origin, this.context, { ...traits, protocol });
      this.pools.set(key, pool);
    }
    return pool;
  }

  private allPools(): OriginPool[] {
    return [
      ...this.pools.values(),
      ...[...this.groups.values(), ...this.retired].flatMap(({ pools }) => pools),
    ];
  }

  private sweep(now: number): void {
    for (const client of this.clients) client.sweep(now);
    this.http2.sweep(now);
    for (const group of this.groups.values()) group.sweep(now);
    for (const group of this.retired) {
      group.sweep(now);
      if (group.retire()) this.retired.delete(group);
    }
    for (const [key, pool] of this.pools) {
      pool.sweep(now);
      if (pool.forgettable(now) && !this.keeps(pool)) {
        this.pools.delete(key);
        pool.leave();
        this.forgot(pool);
      }
    }
  }

  private checkDrained(): void {
    if (this.onDrained === undefined || this.clients.size > 0 || this.http2.size > 0) return;
    const done = this.onDrained;
    this.onDrained = undefined;
    this.stop();
    this.accessLog?.close();
    done();
  }
}

/** The authorities Node knows and, if named, those of a file. */
export function trusting(caFile: string): SecureContext {
  return createSecureContext(
    caFile === "" ? {} : { ca: [...rootCertificates, readFileSync(caFile, "utf8")] },
  );
}

const usualPeerContext = (options: Options): SecureContext | undefined =>
  options.peerCertFile === "" ? undefined : peerContext(options);
