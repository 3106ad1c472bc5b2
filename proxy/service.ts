import { readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { createSecureContext, rootCertificates } from "node:tls";
import { AddressGuard } from "./address-guard";
import { AllowList } from "./allow-list";
import { ClientConnection } from "./client-connection";
import { clock } from "./clock";
import { type Failure } from "./exchange";
import { Log } from "./log";
import { type Options, readWarm } from "./options";
import { OriginPool, type PoolContext } from "./origin-pool";
import { RequestIds } from "./request-id";
import { Resolver } from "./resolver";
import { isOrigin, type Origin, originKey, routeOf } from "./route";
import { VERSION } from "./version";

/** Host values whose route is remembered; beyond it all are forgotten, since clients choose them. */
const MAX_ROUTES = 4096;

/** What is known of an exchange at its end. */
export interface CompletedExchange {
  readonly method: string;
  readonly status: number;
  /** Bytes of body sent to the client. */
  readonly sent: number;
  /** `performance.now()` at the first byte of the request. */
  readonly startedAt: number;
}

/** The proxy proper: listens, routes, and holds what all connections share. */
export class Service {
  readonly ids = new RequestIds();
  readonly log: Log;
  /** The fields put on each request and response, up to the id. */
  readonly requestMark = `X-Chocon-Ver: ${VERSION}\r\nX-Chocon-Id: `;
  readonly responseMark = "X-Chocon-Id: ";
  readonly server: Server;
  draining = false;
  requests = 0;
  bodyBytes = 0;

  private readonly clients = new Set<ClientConnection>();
  private readonly pools = new Map<string, OriginPool>();
  private readonly routes = new Map<string, OriginPool>();
  private readonly allowed: AllowList;
  private readonly context: PoolContext;
  private readonly stopTicking: () => void;
  private onDrained: (() => void) | undefined;

  constructor(
    readonly options: Options,
    log = new Log(),
  ) {
    this.log = log;
    this.allowed = new AllowList(options.allow, options.allowAny);
    this.context = {
      options,
      resolver: new Resolver(new AddressGuard(options.allowAddress)),
      secureContext: createSecureContext(
        options.caFile === "" ? {} : { ca: [...rootCertificates, readFileSync(options.caFile, "utf8")] },
      ),
    };
    this.server = createServer({ noDelay: true }, (socket) => this.accept(socket));
    this.stopTicking = clock.onTick((now) => this.sweep(now));
    for (const text of options.warm) {
      const warm = readWarm(text)!;
      const { host, port, tls } = warm;
      const usual = port === (tls ? 443 : 80);
      this.pool({ host, port, tls, authority: usual ? host : `${host}:${port}` }).keepWarm(warm.count);
    }
  }

  /** The pool for a request with this Host, or why there is none. */
  poolFor(host: string): OriginPool | Failure {
    const known = this.routes.get(host);
    if (known !== undefined) return known;
    const route = routeOf(host);
    if (!isOrigin(route)) return route;
    if (!this.allowed.allows(route.host))
      return { status: 403, problem: `origin ${route.host} is not allowed` };
    const pool = this.pool(route);
    if (this.routes.size >= MAX_ROUTES) this.routes.clear();
    this.routes.set(host, pool);
    return pool;
  }

  /** An exchange has ended with this status, `sent` bytes of body and begun at `startedAt` (performance.now()). */
  completed(exchange: CompletedExchange): void {
    this.requests++;
    this.bodyBytes += exchange.sent;
  }

  left(client: ClientConnection): void {
    this.clients.delete(client);
    this.checkDrained();
  }

  /** Takes no new connections, lets what is under way end; calls back when nothing is left. */
  drain(done: () => void): void {
    this.draining = true;
    this.onDrained = done;
    this.server.close();
    this.checkDrained();
  }

  /** Ends everything at once. */
  stop(): void {
    this.stopTicking();
    this.server.close();
    for (const client of this.clients) client.destroy();
    for (const pool of this.pools.values()) pool.drain();
  }

  private accept(socket: Socket): void {
    this.clients.add(new ClientConnection(socket, this));
  }

  private pool(origin: Origin): OriginPool {
    const key = `${originKey(origin)} ${origin.authority}`;
    let pool = this.pools.get(key);
    if (pool === undefined) {
      pool = new OriginPool(origin, this.context);
      this.pools.set(key, pool);
    }
    return pool;
  }

  private sweep(now: number): void {
    for (const client of this.clients) client.sweep(now);
    for (const [key, pool] of this.pools) {
      pool.sweep(now);
      if (pool.unused) {
        this.pools.delete(key);
        for (const [host, routed] of this.routes) if (routed === pool) this.routes.delete(host);
      }
    }
  }

  private checkDrained(): void {
    if (this.onDrained === undefined || this.clients.size > 0) return;
    const done = this.onDrained;
    this.onDrained = undefined;
    this.stop();
    done();
  }
}
