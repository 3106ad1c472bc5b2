import { type SecureContext } from "node:tls";
import { AllowList } from "./allow-list";
import { type Destination, type Failure } from "./exchange";
import { type RoutedRequest, type WireProtocol } from "./exchange-services";
import { type RequestHead } from "./http1/request-head";
import { localAnswer } from "./observation/local-api";
import { Log } from "./observation/log";
import { readUpstream, readWarm } from "./options/endpoint-values";
import { type Options } from "./options/options";
import { type OriginPool } from "./origins/origin-pool";
import { authorityOf, isOrigin, type Origin, peerGroup, routeOf, serviceOf, usualHost } from "./route";
import { MALFORMED_HOST, Service, trusting } from "./service";
import { type Fellows } from "./together/fellows";
import { VERSION } from "./version";

/** Host values whose route is remembered; beyond it all are forgotten, since clients choose them. */
const MAX_ROUTES = 4096;

/** The aggregation proxy proper: sends each request where its Host says. */
export class ProxyService extends Service {
  private readonly routes = new Map<string, Destination>();
  private readonly upstream: OriginPool | undefined;
  private allowed: AllowList;
  /** The fields put on each request, up to the id. */
  private readonly requestMark: string;

  constructor(
    options: Options,
    log = Log.toStderr(),
    trust: SecureContext = trusting(options.caFile),
    fellows?: Fellows,
  ) {
    super(options, log, trust, fellows);
    this.allowed = new AllowList(options.allow, options.allowAny);
    if (options.upstream !== "") {
      const at = readUpstream(options.upstream)!;
      const authority = authorityOf(at.host, at.port, at.tls);
      this.upstream = this.pool({ ...at, authority }, "http/1.1", { leastBusy: true });
    }
    // Between a proxy and its own kind the version is how loops are found; a fixed upstream is not routed by Host.
    this.requestMark = `${this.upstream === undefined ? `X-Chocon-Ver: ${VERSION}\r\n` : ""}X-Chocon-Id: `;
    this.declare();
  }

  override destinationFor({ head, peer }: RoutedRequest, over: WireProtocol): Destination | Failure {
    if (peer !== undefined) return this.routedForPeer(head.host, peer, over);
    if (head.looped) return { status: 508, problem: "the request has been through a proxy already" };
    return this.routed(head.host, over);
  }

  override headFor({ head, id }: RoutedRequest, { authority }: Origin): string {
    // A fixed upstream gets the request as it is, its Host included.
    const host = this.upstream === undefined || head.host === "" ? authority : head.host;
    return `${head.forwarded(host)}${this.requestMark}${id}\r\n`;
  }

  override localAnswer(head: RequestHead): Promise<string> | undefined {
    if (head.target.charCodeAt(1) !== 0x2e || !head.target.startsWith("/.api/") || head.looped)
      return undefined;
    if (this.upstream === undefined && isOrigin(routeOf(head.host))) return undefined;
    return localAnswer(head.target, this.allTimes);
  }

  override reload(options: Options): void {
    this.allowed = new AllowList(options.allow, options.allowAny);
    this.routes.clear();
    super.reload(options);
  }

  protected override declare(): void {
    const counts = new Map<OriginPool, number>();
    for (const text of this.options.warm) {
      const { host, port, tls, count } = readWarm(text)!;
      const authority = authorityOf(host, port, tls);
      const pool = this.pool({ host, port, tls, authority });
      counts.set(pool, Math.max(count, counts.get(pool) ?? 0));
      // Its usual Host is routed ahead of the first request.
      this.routed(usualHost(authority, tls), "any");
    }
    this.keepWarm(counts);
  }

  protected override keeps(pool: OriginPool): boolean {
    return pool === this.upstream;
  }

  protected override forgot(pool: OriginPool): void {
    for (const [host, routed] of this.routes) if (routed === pool) this.routes.delete(host);
  }

  protected override logged(): object {
    return {};
  }

  /** A call from another region is answered by this region's own instances, or not at all: it goes on to nobody. */
  private routedForPeer(host: string, peer: string, over: WireProtocol): Destination | Failure {
    const route = routeOf(host);
    const service = isOrigin(route) ? serviceOf(route.host) : undefined;
    if (service === undefined)
      return {
        status: 421,
        problem: `${peer} asked for ${host}: other regions are answered for services alone`,
      };
    const group = this.groups.get(peerGroup(service));
    if (group === undefined)
      return { status: 403, problem: `service ${service} is none that ${peer} may call here` };
    return group.door(over);
  }

  /** Where a request with this Host goes, or why nowhere. */
  private routed(host: string, over: WireProtocol): Destination | Failure {
    if (this.upstream !== undefined && !this.isWellFormed(host)) return MALFORMED_HOST;
    if (this.upstream !== undefined && over !== "h2") return this.upstream;
    const key = over === "any" ? host : `${host} ${over}`;
    const known = this.routes.get(key);
    if (known !== undefined) return known;
    const route = this.upstream === undefined ? routeOf(host) : this.upstream.origin;
    if (!isOrigin(route)) return route;
    const group = this.groups.get(route.authority);
    const service = serviceOf(route.host);
    // Its name leads to the proxies themselves.
    if (group === undefined && service !== undefined && this.upstream === undefined)
      return { status: 403, problem: `service ${service} is none that may be called here` };
    if (group === undefined && this.upstream === undefined && !this.allowed.allows(route.host))
      return { status: 403, problem: `origin ${route.host} is not allowed` };
    const destination = group?.door(over) ?? this.pool(route, over);
    if (this.routes.size >= MAX_ROUTES) this.routes.clear();
    this.routes.set(key, destination);
    return destination;
  }
}
