import { type SecureContext } from "node:tls";
import {
  type AccessRecord,
  type AskTogether,
  type CompletedExchange,
  type Destination,
  type Failure,
  isForbiddenTrailer,
  Log,
  MALFORMED_HOST,
  type Fellows,
  type Origin,
  type OriginPool,
  type RequestHead,
  type RoutedRequest,
  Service,
  type Snapshot,
  TOO_LARGE,
  trusting,
  type WireProtocol,
  workerCount,
} from "../proxy/engine";
import { headTo } from "./call";
import { Cors, preflightedMethod } from "./cors/cors";
import { Preflight, PREFLIGHT } from "./cors/preflight";
import { AnswerFields } from "./answer-fields";
import { Apis } from "./descriptors/apis";
import { GuardedFields } from "./fields/guarded-fields";
import { KeptFields } from "./fields/kept-fields";
import { JoinedRequest } from "./joining/joined-request";
import { type Arrival, arrivalOf, HOP_FIELDS } from "./hop-fields";
import { Limits } from "./limits/limits";
import { type QuotaGrant } from "./limits/quota-book";
import { standing, userOf } from "./moving/share";
import { shadowService } from "./options/shadow-services";
import {
  forShadows,
  type GatewayOptions,
  hasShadow,
  MONOLITH,
  type RouteOptions,
  type ShadowedRoute,
} from "./options/gateway-options";
import { RouteState } from "./route-state";
import { type Decision, RoutedExchange } from "./routed-exchange";
import { hasDotSegment, readPathPattern, rewritten } from "./routes/path-pattern";
import { RouteTable } from "./routes/route-table";
import { ServiceConnections } from "./service-connections";
import { Gate } from "./safety/gate";
import { Shadow } from "./shadow/shadow";
import { type JoinPart } from "./options/join-options";
import { Issuers } from "./tokens/issuers";
import { type KeysAnswer } from "./tokens/key-book";
import { TokenCheck } from "./tokens/token-check";
import { spanJson } from "./tracing/span";
import { SpanCounts, Tracer } from "./tracing/tracer";
import { BodySchema } from "./bodies/body-schema";
import { Together, type TogetherQuestion } from "./together";
import { Transcoder } from "./transcoding/transcoder";

/** What takes a request that no route takes. */
const REST: RouteOptions = {
  name: "rest",
  hosts: [],
  path: readPathPattern("/**")!,
  pathText: "/**",
  methods: [],
  headers: {},
  service: MONOLITH,
  rewrite: undefined,
  timeout: 0,
  maxBodyBytes: 0,
  maxConcurrent: 0,
  share: 1,
  sticky: undefined,
  shadow: undefined,
  cors: undefined,
  jwt: undefined,
  limits: [],
  requestHeaders: undefined,
  answerHeaders: undefined,
  holdBody: false,
  bodySchema: undefined,
  grpc: undefined,
  join: undefined,
};

/** The gateway proper: sends each request where its route says. */
export class GatewayService extends Service<GatewayOptions> {
  private table = new RouteTable<RouteOptions>([]);
  private readonly states = new Map<string, RouteState>();
  private readonly connections = new Map<string, ServiceConnections>();
  /** The services again, by connections that no client's request waits for. */
  private readonly shadowConnections = new Map<string, ServiceConnections>();
  /** The keys of all issuers were had once: what is declared later does not change that. */
  private begunWithKeys = false;
  private guarded = new GuardedFields(HOP_FIELDS);
  private readonly issuers = new Issuers({
    stateDir: this.options.stateDir,
    pool: (origin) => this.pool(origin),
    nextId: () => this.ids.next(),
    book: async (keys) => (await this.together({ keys })) as KeysAnswer | undefined,
    complain: (what, issuer, problem) => this.log.event("error", what, { issuer, problem }),
  });
  private readonly limits = new Limits(
    async (quota) => (await this.together({ quota })) as QuotaGrant | undefined,
  );
  /** Who knows what all workers have together: their supervisor, or where there is none this process itself. */
  private readonly together: AskTogether;
  private tracer: Tracer | undefined;
  private readonly spans = new SpanCounts();
  private hasCors = false;
  private unrouted = 0;

  constructor(
    options: GatewayOptions,
    log = Log.toStderr(),
    trust: SecureContext = trusting(options.caFile),
    fellows?: Fellows,
  ) {
    super(options, log, trust, fellows);
    const own = new Together();
    this.together = fellows?.ask ?? (async (question) => own.answer(question as TogetherQuestion));
    this.declare();
  }

  override readonly forbidsTrailer = (name: string): boolean =>
    isForbiddenTrailer(name) || this.guarded.has(name);

  /** Nor are requests sent to who cannot tell yet whose they are. */
  override get ready(): boolean {
    this.begunWithKeys ||= this.issuers.ready;
    return this.begunWithKeys && super.ready;
  }

  override stop(): void {
    this.issuers.stop();
    this.tracer?.stop();
    super.stop();
  }

  override destinationFor(request: RoutedRequest, over: WireProtocol): Destination | Failure {
    const { head } = request;
    const { path } = head;
    if (!this.isWellFormed(head.host)) return MALFORMED_HOST;
    if (hasDotSegment(path)) return { status: 400, problem: "a path with a segment . or .." };
    const preflight = this.hasCors ? this.preflightOf(head) : undefined;
    if (preflight !== undefined) return preflight;
    const route = this.table.find(head) ?? (this.connections.has(MONOLITH) ? REST : undefined);
    if (route === undefined) {
      this.unrouted++;
      return { status: 404, problem: "no route takes the request" };
    }
    const arrival = arrivalOf(
      head,
      request.remoteAddress,
      request.secure,
      this.options.trustedHops,
      this.guarded,
      this.tracer,
    );
    if (arrival.replaced.length > 0) head.withhold((name) => arrival.replaced.includes(name));
    return this.routed(request, route, arrival, over);
  }

  /** Where a browser asks whether a page may send a request to a route that knows which may. */
  private preflightOf(head: RequestHead): Preflight | Failure | undefined {
    const method = preflightedMethod(head);
    if (method === undefined) return undefined;
    const { path, host } = head;
    const route = this.table.find({ method, path, host, fieldValue: (name) => head.fieldValue(name) });
    const state = route && this.stateOf(route);
    if (state?.cors === undefined) return undefined;
    const origin = head.fieldValue("origin")!;
    const fields = new AnswerFields(state.cors, origin, undefined);
    const preflight = new Preflight(state.cors, fields, state.metricsOf(PREFLIGHT));
    if (state.cors.allows(origin)) return preflight;
    state.refused("origin");
    return {
      status: 403,
      problem: "the origin is not one of the route's",
      refused: true,
      destination: preflight,
    };
  }

  private routed(
    { head }: RoutedRequest,
    route: RouteOptions,
    arrival: Arrival,
    over: WireProtocol,
  ): Destination | Failure {
    const state = this.stateOf(route);
    const { full, transcoder } = state;
    const name = serviceFor(route, arrival, head);
    const connections = this.connections.get(name)!;
    const { target, path } = head;
    const calls = transcoder !== undefined && over === "any" && name !== MONOLITH;
    const decision = {
      state,
      metrics: state.metricsOf(name),
      service: connections.over(calls ? "h2" : over),
      keepHost: connections.options.keepHost,
      target:
        route.rewrite === undefined
          ? undefined
          : rewritten(route.path, route.rewrite, path) + target.slice(path.length),
      lines: arrival.lines,
      arrival,
    };
    const { gate, cors, requestFields, answerFields } = state;
    const fields =
      gate === undefined && cors === undefined && answerFields === undefined
        ? undefined
        : new AnswerFields(cors, cors && head.fieldValue("origin"), answerFields);
    if (requestFields !== undefined) head.withhold((field) => !requestFields.has(field));
    const join = name === MONOLITH ? undefined : route.join;
    const put = calls
      ? transcoder.put(head, decision.target ?? target, { ...decision, timeout: route.timeout })
      : undefined;
    const destination = new RoutedExchange(decision, {
      gate,
      fields,
      address: arrival.address,
      call: put?.call ?? (join && this.joined(route, join, head, state)),
      tell: put?.tell,
    });
    if (arrival.looping)
      return { status: 508, problem: "the request has been through too many gateways", destination };
    if (full)
      return {
        status: 503,
        problem: `${route.maxConcurrent} requests of route ${route.name} are under way`,
        destination,
      };
    const { maxBodyBytes } = destination;
    if (maxBodyBytes !== undefined && head.contentLength > maxBodyBytes) return { ...TOO_LARGE, destination };
    if (transcoder !== undefined && over === "h2" && !transcoder.allows(pathOf(decision.target ?? target)))
      return {
        status: 404,
        problem: "no service of the route has the call's path",
        refused: true,
        destination,
      };
    if (join !== undefined && (head.hasBody || over === "h2"))
      return { status: 400, problem: "a body, where answers are joined", refused: true, destination };
    if (put?.refusal !== undefined) return Object.assign(put.refusal, { destination });
    if (hasShadow(route) && over === "any")
      destination.shadowedBy(() => this.shadowOf(route, decision, head.method));
    return destination;
  }

  private joined(
    route: RouteOptions,
    join: readonly JoinPart[],
    { path, target }: RequestHead,
    state: RouteState,
  ): JoinedRequest {
    const query = target.slice(path.length);
    const parts = join.map((part) => {
      const connections = this.connections.get(part.service)!;
      return {
        part,
        service: connections.over("any"),
        keepHost: connections.options.keepHost,
        target: part.path === undefined ? target : rewritten(route.path, part.path, path) + query,
      };
    });
    return new JoinedRequest(parts, route.timeout, (part, outcome) => state.partCame(part, outcome));
  }

  override headFor({ head, id, destination }: RoutedRequest, origin: Origin): string {
    return headTo(origin, (destination as RoutedExchange).decision, head, id);
  }

  override localAnswer(): undefined {
    return undefined;
  }

  override completed(exchange: CompletedExchange): void {
    super.completed(exchange);
    const { destination } = exchange;
    const isRouted = destination instanceof RoutedExchange;
    if (!isRouted && !(destination instanceof Preflight)) return;
    const now = performance.now();
    destination.completed(exchange.status, (now - exchange.startedAt) / 1000);
    if (isRouted) this.tell(exchange, destination, now);
  }

  /** Tells the collector of it, where it is one that is told. */
  private tell(exchange: CompletedExchange, { decision, metrics }: RoutedExchange, now: number): void {
    const { arrival, state } = decision;
    if (arrival.span === undefined) return;
    const { route, service } = metrics;
    const { address, scheme } = arrival;
    const template = route === REST.name ? undefined : state.options.pathText;
    this.tracer?.add(spanJson(arrival.span, { route, service, template, address, scheme }, exchange, now));
  }

  override snapshot(): Snapshot {
    const snapshot = super.snapshot();
    for (const state of this.states.values()) state.into(snapshot);
    this.issuers.into(snapshot);
    this.limits.into(snapshot);
    this.spans.into(snapshot);
    snapshot["route_unrouted_total"] = this.unrouted;
    return snapshot;
  }

  protected override logged({ destination }: CompletedExchange): Partial<AccessRecord> {
    if (!(destination instanceof RoutedExchange || destination instanceof Preflight)) return {};
    const { route, service } = destination.metrics;
    return { route, service };
  }

  protected override declare(): void {
    const { routes, services, issuers, limits, gateways, workers, descriptorSets } = this.options;
    const apis = new Apis(descriptorSets);
    this.table = new RouteTable(routes);
    this.guarded = new GuardedFields([
      ...HOP_FIELDS,
      ...issuers.flatMap(({ forward }) => forward.map(({ field }) => field)),
    ]);
    this.declareTracer();
    this.issuers.declare(issuers);
    this.limits.declare(limits, gateways, workerCount(workers));
    for (const route of routes) {
      const state = this.stateOf(route);
      state.options = route;
      state.gate = this.gateOf(route);
      state.cors = route.cors && new Cors(route.cors);
      state.requestFields = KeptFields.ofRequests(route.requestHeaders);
      state.answerFields = KeptFields.ofAnswers(route.answerHeaders);
      state.schema = route.bodySchema && new BodySchema(route.bodySchema);
      state.transcoder = route.grpc && new Transcoder(apis.get(route.grpc.api), route.grpc);
    }
    this.hasCors = routes.some(({ cors }) => cors !== undefined);
    this.connections.clear();
    this.shadowConnections.clear();
    for (const options of services) {
      this.connections.set(
        options.name,
        new ServiceConnections(options, {
          pool: (origin, over) => this.pool(origin, over),
          door: (group, over) => this.groups.get(group)!.door(over),
        }),
      );
      this.shadowConnections.set(
        options.name,
        new ServiceConnections(options, {
          pool: (origin, over) => this.pool(origin, over, { purpose: "shadow" }),
          door: (group, over) => this.groups.get(forShadows(group))!.door(over),
        }),
      );
    }
  }

  private declareTracer(): void {
    const [options] = this.options.openTelemetry;
    if (JSON.stringify(options) === JSON.stringify(this.tracer?.options)) return;
    this.tracer?.stop();
    this.tracer =
      options &&
      new Tracer(
        options,
        {
          pool: (origin) => this.pool(origin),
          nextId: () => this.ids.next(),
          complain: (problem) => this.log.event("error", "spans not exported", { problem }),
        },
        this.spans,
      );
  }

  protected override keeps(pool: OriginPool): boolean {
    if (this.tracer?.pool === pool) return true;
    for (const all of [this.connections, this.shadowConnections])
      for (const connections of all.values()) if (connections.has(pool)) return true;
    return this.issuers.has(pool);
  }

  protected override forgot(): void {
    // What is kept is what requests are sent to.
  }

  /** Who is asked besides; undefined where nobody is, this time. */
  private shadowOf(
    route: ShadowedRoute,
    { state, metrics, target, lines }: Decision,
    method: string,
  ): Shadow | undefined {
    const { shadow } = route;
    if (!shadow.methods.includes(method) || Math.random() >= shadow.share) return undefined;
    const name = shadowService(route, metrics.service);
    if (state.shadows.active >= shadow.maxConcurrent) {
      state.shadows.add(name, "dropped");
      return undefined;
    }
    const connections = this.shadowConnections.get(name)!;
    return new Shadow(
      { route: route.name, primary: metrics.service, shadow: name },
      { service: connections.over("any"), keepHost: connections.options.keepHost, target, lines },
      shadow,
      state.shadows,
      this.log,
    );
  }

  private gateOf({ jwt, limits: names }: RouteOptions): Gate | undefined {
    const limits = names.map((name) => this.limits.get(name));
    if (jwt === undefined)
      return limits.length === 0 ? undefined : new Gate({ token: undefined, forward: [], limits });
    const { options, keys } = this.issuers.get(jwt.issuer);
    return new Gate({ token: new TokenCheck(options, keys, jwt), forward: options.forward, limits });
  }

  private stateOf(route: RouteOptions): RouteState {
    let state = this.states.get(route.name);
    if (state === undefined) this.states.set(route.name, (state = new RouteState(route)));
    return state;
  }
}

const pathOf = (target: string): string => target.replace(/\?.*/, "");

/** Who has a request of this route: its service, or while its users are moving there, the monolith. */
function serviceFor(
  { name, service, share, sticky }: RouteOptions,
  { address }: Arrival,
  head: RequestHead,
): string {
  if (share === 1) return service;
  const user =
    share === 0 || sticky === undefined
      ? undefined
      : userOf(sticky, { address, fieldValue: (field) => head.fieldValue(field) });
  return user !== undefined && standing(name, user) < share ? service : MONOLITH;
}
