import { readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import {
  createSecureContext,
  createServer as createTlsServer,
  rootCertificates,
  type SecureContext,
} from "node:tls";
import { AddressGuard } from "./origins/address-guard";
import { AllowList } from "./allow-list";
import { ClientConnection, type ClientOwner } from "./clients/client-connection";
import { Http2Listener } from "./clients/http2-listener";
import { clock } from "./clock";
import { readUpstream, readWarm } from "./options/endpoint-values";
import { type Destination, type Failure } from "./exchange";
import { type WireProtocol, type CompletedExchange } from "./exchange-services";
import { Log } from "./observation/log";
import { localAnswer } from "./observation/local-api";
import {
  groupInto,
  logInto,
  poolInto,
  RequestMetrics,
  resolverInto,
  type Snapshot,
} from "./observation/metrics";
import { AccessLog } from "./observation/access-log";
import { type UpstreamsReport } from "./origins/groups/group-report";
import { type RequestHead } from "./http1/request-head";
import { ResponseTimes, type TimesSample } from "./observation/response-times";
import { type Options } from "./options/options";
import { configurationHash } from "./options/reloadable";
import { type GroupContext, OriginGroup } from "./origins/groups/origin-group";
import { OriginPool } from "./origins/origin-pool";
import { RequestIds } from "./request-id";
import { Resolver } from "./origins/resolver";
import { authorityOf, isHost, isOrigin, type Origin, originKey, routeOf, usualHost } from "./route";
import { VERSION } from "./version";
import { READ_BUFFER_BYTES } from "./wire";

/** Host values whose route is remembered; beyond it all are forgotten, since clients choose them. */
const MAX_ROUTES = 4096;

/** The proxy proper: listens, routes, and holds what all connections share. */
export class Service implements ClientOwner {
  readonly ids = new RequestIds();
  readonly readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
  readonly log: Log;
  /** The fields put on each request and response, up to the id. */
  readonly requestMark: string;
  readonly responseMark = "X-Chocon-Id: ";
  private readonly listeners: Server[] = [];
  readonly metrics = new RequestMetrics();
  draining = false;

  private readonly clients = new Set<ClientConnection>();
  private readonly pools = new Map<string, OriginPool>();
  private readonly routes = new Map<string, Destination>();
  private readonly responseTimes: ResponseTimes;
  private readonly accessLog: AccessLog | undefined;
  private readonly upstream: OriginPool | undefined;
  private allowed: AllowList;
  private readonly context: GroupContext & { options: Options };
  private readonly groups = new Map<string, OriginGroup>();
  /** Groups that are no more, and have requests under way. */
  private readonly retired = new Set<OriginGroup>();
  private drained: readonly string[] = [];
  /** Of the options. */
  private hash: string;
  /** It has been ready once: what is declared later does not change that. */
  private begun = false;
  private readonly http2: Http2Listener;
  private readonly stopTicking: () => void;
  /** The Host that was last found well-formed: with one upstream most have the same. */
  private lastHost = "";
  private onDrained: (() => void) | undefined;

  constructor(
    public options: Options,
    log = Log.toStderr(),
    /** Whose certificates an origin may show. */
    secureContext = trusting(options.caFile),
  ) {
    this.log = log;
    this.hash = configurationHash(options);
    this.allowed = new AllowList(options.allow, options.allowAny);
    this.context = {
      options,
      log,
      resolver: new Resolver(new AddressGuard(options.allowAddress), options.dnsServer),
      secureContext,
      metrics: this.metrics,
    };
    this.responseTimes = new ResponseTimes(options.stsize, options.spfactor);
    this.accessLog = AccessLog.from(options);
    if (options.upstream !== "") this.upstream = this.upstreamPool(options.upstream);
    // Between a proxy and its own kind the version is how loops are found; a fixed upstream is not routed by Host.
    this.requestMark = `${this.upstream === undefined ? `X-Chocon-Ver: ${VERSION}\r\n` : ""}X-Chocon-Id: `;
    this.http2 = new Http2Listener(this);
    this.stopTicking = clock.onTick((now) => this.sweep(now));
    this.declare();
  }

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
    snapshot["tricloud_proxy_clients"] = this.clients.size + this.http2.size;
    snapshot["tricloud_proxy_draining"] = this.draining ? 1 : 0;
    for (const pool of this.allPools()) poolInto(snapshot, pool);
    for (const group of this.groups.values()) groupInto(snapshot, group);
    resolverInto(snapshot, this.context.resolver);
    snapshot[`tricloud_proxy_configuration{hash="${this.hash}"}`] = 1;
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

  /** Where a request with this Host goes, or why nowhere. */
  destinationFor(host: string, over: WireProtocol = "any"): Destination | Failure {
    if (this.upstream !== undefined && host !== this.lastHost) {
      if (host !== "" && !isHost(host)) return { status: 400, problem: "malformed Host" };
      this.lastHost = host;
    }
    if (this.upstream !== undefined && over !== "h2") return this.upstream;
    const key = over === "any" ? host : `${host} ${over}`;
    const known = this.routes.get(key);
    if (known !== undefined) return known;
    const route = this.upstream === undefined ? routeOf(host) : this.upstream.origin;
    if (!isOrigin(route)) return route;
    const group = this.groups.get(route.authority);
    if (group === undefined && this.upstream === undefined && !this.allowed.allows(route.host))
      return { status: 403, problem: `origin ${route.host} is not allowed` };
    const destination = group?.door(over) ?? this.pool(route, over);
    if (this.routes.size >= MAX_ROUTES) this.routes.clear();
    this.routes.set(key, destination);
    return destination;
  }

  /** What an origin is to read in Host. */
  hostFor(head: RequestHead, origin: Origin): string {
    // A fixed upstream gets the request as it is, its Host included.
    return this.upstream === undefined || head.host === "" ? origin.authority : head.host;
  }

  /** The JSON for a request to the proxy itself rather than through it. */
  localAnswer(head: RequestHead): Promise<string> | undefined {
    if (head.target.charCodeAt(1) !== 0x2e || !head.target.startsWith("/.api/")) return undefined;
    if (this.upstream === undefined && isOrigin(routeOf(head.host))) return undefined;
    return localAnswer(head.target, this.allTimes);
  }

  /** Called once at the end of each exchange. */
  completed(exchange: CompletedExchange): void {
    const { status, sent, head } = exchange;
    const seconds = (performance.now() - exchange.startedAt) / 1000;
    this.metrics.completed(status, sent, seconds);
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
    });
  }

  left(client: ClientConnection): void {
    this.clients.delete(client);
    this.checkDrained();
  }

  /** Takes no new connections, lets what is under way end; calls back when nothing is left. */
  drain(done: () => void): void {
    this.draining = true;
    this.onDrained = done;
    this.http2.drain(() => this.checkDrained());
    for (const server of this.listeners) server.close();
    this.checkDrained();
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
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.accept(socket));
    if (this.options.maxClients > 0) server.maxConnections = this.options.maxClients;
    this.listeners.push(server);
    return server;
  }

  /** The same for clients that speak TLS. */
  tlsListener(): Server {
    const { tlsCertFile, tlsKeyFile, readTimeout } = this.options;
    const server = createTlsServer(
      {
        cert: readFileSync(tlsCertFile),
        key: readFileSync(tlsKeyFile),
        ALPNProtocols: ["h2", "http/1.1"],
        handshakeTimeout: readTimeout * 1000,
        noDelay: true,
        allowHalfOpen: true,
      },
      (socket) => (socket.alpnProtocol === "h2" ? this.acceptHttp2(socket) : this.accept(socket)),
    );
    // A handshake that failed, or was not over in time: Node only tells.
    server.on("tlsClientError", (_, socket) => socket.destroy());
    if (this.options.maxClients > 0) server.maxConnections = this.options.maxClients;
    this.listeners.push(server);
    return server;
  }

  /**
   * Goes on with other options, and loses no request: what is under way ends as it began. Groups that are as they were
   * keep their connections, and what is known of their origins.
   */
  reload(options: Options): void {
    const before = this.options;
    this.options = this.context.options = options;
    this.hash = configurationHash(options);
    this.allowed = new AllowList(options.allow, options.allowAny);
    this.routes.clear();
    const shared = (of: Options): string =>
      JSON.stringify({ ...of, allow: [], allowAny: false, warm: [], groups: [] });
    const anew = shared(before) !== shared(options);
    for (const [name, group] of this.groups) {
      const now = options.groups.find((other) => other.name === name);
      if (!anew && JSON.stringify(now) === JSON.stringify(group.options)) continue;
      this.groups.delete(name);
      this.retired.add(group);
    }
    this.declare();
  }

  /** From now on these origins of groups are asked nothing, and all others may be. */
  takeOut(origins: readonly string[]): void {
    this.drained = origins;
    for (const group of this.groups.values()) group.takeOut(origins);
  }

  /** Makes what the options declare, as far as it is not there. */
  private declare(): void {
    const { groups, warm } = this.options;
    for (const group of groups) {
      if (!this.groups.has(group.name)) this.groups.set(group.name, new OriginGroup(group, this.context));
    }
    this.takeOut(this.drained);
    const counts = new Map<OriginPool, number>();
    for (const text of warm) {
      const { host, port, tls, count } = readWarm(text)!;
      const authority = authorityOf(host, port, tls);
      const pool = this.pool({ host, port, tls, authority });
      counts.set(pool, Math.max(count, counts.get(pool) ?? 0));
      // Its usual Host is routed ahead of the first request.
      this.destinationFor(usualHost(authority, tls));
    }
    for (const pool of this.pools.values()) pool.keepWarm(counts.get(pool) ?? 0);
  }

  private accept(socket: Socket): void {
    this.clients.add(new ClientConnection(socket, this));
  }

  private pool(origin: Origin, over: WireProtocol = "any"): OriginPool {
    const negotiated = this.options.http2Origins === "auto" && origin.tls ? "negotiated" : "http/1.1";
    const protocol = over === "any" ? negotiated : over;
    const key = `${originKey(origin)} ${origin.authority} ${protocol}`;
    let pool = this.pools.get(key);
    if (pool === undefined) {
      pool = new OriginPool(origin, this.context, { protocol });
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

  private upstreamPool(url: string): OriginPool {
    const { host, port, tls } = readUpstream(url)!;
    const pool = new OriginPool({ host, port, tls, authority: authorityOf(host, port, tls) }, this.context, {
      leastBusy: true,
    });
    this.pools.set(url, pool);
    return pool;
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
      if (pool.forgettable(now) && pool !== this.upstream) {
        this.pools.delete(key);
        for (const [host, routed] of this.routes) if (routed === pool) this.routes.delete(host);
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
function trusting(caFile: string): SecureContext {
  return createSecureContext(
    caFile === "" ? {} : { ca: [...rootCertificates, readFileSync(caFile, "utf8")] },
  );
}
