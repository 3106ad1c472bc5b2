import { ACME_PATHS, FRONT_PATHS, PLACEHOLDER } from "./front-paths";

/** Ports that clients come to, where nothing else is said. */
export const DEFAULT_HTTPS_PORT = 443;
export const DEFAULT_HTTP_PORT = 80;

/** Port of a front's health and metrics. */
export const FRONT_ADMIN_PORT = 9301;

/** A service as fronts know it. */
export interface FrontedService {
  /** Name under which service discovery knows it. */
  readonly name: string;
  /** Port on which its instances take plain HTTP. */
  readonly port: number;
  /** Path that answers 200 to 299 while an instance can do its job. @default - it can while it takes connections */
  readonly healthPath?: string;
  /**
   * Path by which clients are led to fronts, as by public DNS: one that is about to go says so there.
   * @default - healthPath
   */
  readonly toldAt?: string;
  /** Host names that clients ask for. */
  readonly hosts: readonly string[];
  /** What paths begin with, whole segments: `/api` is `/api` and what lies below. The longest one counts. @default ["/"] */
  readonly paths?: readonly string[];
  /** Instances at most that requests are shared among. @default 16 */
  readonly atMost?: number;
  /**
   * Its port takes HTTP/2 by prior knowledge too, and all of its hosts is its own: calls of gRPC go on to it by that, each
   * piece as it comes, and are held to its own limits. @default false
   */
  readonly grpc?: boolean;
}

/** What all requests are held to. */
export interface FrontLimits {
  /** Largest body of a request, in megabytes. @default 10 */
  readonly maxBodyMegabytes?: number;
  /** Connections open at once from one address. @default 200 */
  readonly connectionsPerAddress?: number;
  /** Requests in a second from one address, over ten seconds; more are answered with 429. @default - as many as come */
  readonly requestsPerSecond?: number;
  /** How long a service may take until its answer begins, and between two parts of it, in seconds. @default 60 */
  readonly answerSeconds?: number;
}

export interface FrontConfigOptions extends FrontLimits {
  readonly services: readonly FrontedService[];
  /** Zone of service discovery: `consul`. */
  readonly domain: string;
  /** Folder of the administration socket and of the state that a reload hands over. */
  readonly runtimeDirectory: string;
  /** @default 443 */
  readonly httpsPort?: number;
  /** @default 80 */
  readonly httpPort?: number;
  /** Who can ask for health and metrics: the host itself, or whoever reaches it. @default "host" */
  readonly metrics?: "host" | "network";
  /** How long browsers shall ask for HTTPS alone, in seconds; 0 for not at all. @default 86400 */
  readonly hstsSeconds?: number;
  /** Port on which the host's Consul agent answers look-ups. @default 8600 */
  readonly dnsPort?: number;
  /** Whether the host orders its certificate itself: until it has one, requests are refused. @default false */
  readonly ordersCertificate?: boolean;
}

/**
 * HAProxy's configuration, for 2.6 and later. Paths begin with `${STAGED}`, which is empty but where files are checked
 * that have not been put in place.
 */
export function frontConfig(options: FrontConfigOptions): string {
  const { services, domain, runtimeDirectory, metrics = "host", hstsSeconds = 86_400 } = options;
  const {
    maxBodyMegabytes = 10,
    connectionsPerAddress = 200,
    requestsPerSecond,
    answerSeconds = 60,
  } = options;
  const { httpsPort = DEFAULT_HTTPS_PORT, httpPort = DEFAULT_HTTP_PORT, dnsPort = 8600 } = options;
  const { ordersCertificate = false } = options;
  const certificate = ordersCertificate ? ACME_PATHS.certificate : FRONT_PATHS.certificate;
  const isPlaceholder = `{ str(${PLACEHOLDER}) -m str -f "\${STAGED}${ACME_PATHS.kind}" }`;
  const known = `{ var(txn.host) -m str ${hostsOf(services).join(" ")} }`;
  const calling = services.filter(({ grpc }) => grpc === true);
  const unlessCall = calling.length === 0 ? "" : ` !${IS_CALL}`;
  const authority = `%[var(txn.host)]${httpsPort === DEFAULT_HTTPS_PORT ? "" : `:${httpsPort}`}`;
  return `# Written by Tricloud; changes made here are lost.
global
    log stdout format raw local0 info
    stats socket ${runtimeDirectory}/admin.sock mode 600 level admin expose-fd listeners
    server-state-file ${runtimeDirectory}/state
    maxconn ${MAX_CONNECTIONS}
    hard-stop-after ${FINISH_SECONDS}s
    tune.bufsize ${BUFFER_BYTES}
    # https://ssl-config.mozilla.org, "intermediate".
    ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets prefer-client-ciphers
    ssl-default-bind-ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305
    ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256

# Over TCP an answer names all instances. While nobody answers, what is known goes on counting.
resolvers discovery
    nameserver agent tcp@127.0.0.1:${dnsPort}
    timeout resolve 1s
    timeout retry 1s
    resolve_retries 3
    hold valid 1s
    hold nx 1h
    hold refused 1h
    hold timeout 1h
    hold other 1h

defaults
    mode http
    log global
    option httplog
    option dontlognull
    load-server-state-from-file global
    timeout connect 2s
    timeout client 30s
    timeout client-fin 5s
    timeout server ${answerSeconds}s
    timeout queue 5s
    timeout tunnel 1h
    timeout http-request 10s
    timeout http-keep-alive 60s
    # Each request has a connection of its own behind here: an idle one could end just when a request is sent on it, which
    # must not be sent again.
    option http-server-close
    # Only what has been sent to nobody goes to another instance.
    retries 3
    option redispatch 1
    retry-on conn-failure
    # A client that keeps its connection is told so with an answer, and not by losing it, when another process takes over.
    option idle-close-on-response
    compression algo gzip
    compression type text/html text/plain text/css text/javascript application/javascript application/json image/svg+xml
${ERROR_STATUSES.map((status) => `    http-error status ${status} content-type "text/html; charset=utf-8" file "\${STAGED}${FRONT_PATHS.errorPage}"\n`).join("")}
frontend http
    bind :${httpPort}
    http-request set-var(txn.host) req.hdr(host),field(1,:),lower
    http-request deny deny_status 421 unless ${known}
    http-request redirect location https://${authority}%[pathq] code 308

frontend https
    bind :${httpsPort} ssl crt "\${STAGED}${certificate}" alpn h2,http/1.1
    stick-table type ipv6 size 200k expire 1m store conn_cur,http_req_rate(10s)
    tcp-request connection track-sc0 src
    tcp-request connection reject if { sc0_conn_cur gt ${connectionsPerAddress} }
${requestsPerSecond === undefined ? "" : `    http-request deny deny_status 429 if { sc0_http_req_rate gt ${requestsPerSecond * 10} }\n`}    http-request set-var(txn.host) req.hdr(host),field(1,:),lower
    http-request deny deny_status 421 unless ${known}
${ordersCertificate ? `    http-request deny deny_status 503 if ${isPlaceholder}\n` : ""}${callsOf(calling)}    http-request deny deny_status 413 if { req.body_size gt ${maxBodyMegabytes * 1_000_000} }
    # A length that nobody tells is one that nobody bounds.
    http-request return status 411 content-type text/plain string "The request must tell its length." if { req.hdr(transfer-encoding) -m found }${unlessCall}
${choices(services)}    http-request deny deny_status 404 unless { var(txn.service) -m found }
${leavingOf(services)}    # A slow client's request reaches nobody before it is whole, or as large as a buffer.
    http-request wait-for-body time 10s${calling.length === 0 ? "" : ` if${unlessCall}`}
    # What a client says of where it came from counts for nothing, and what is for this connection goes no further.
${FORGED.map((name) => `    http-request del-header ${name}\n`).join("")}    http-request set-header X-Forwarded-For %[src]
    http-request set-header X-Forwarded-Proto https
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    http-request set-header X-Forwarded-Port %[dst_port]
${hstsSeconds === 0 ? "" : `    http-after-response set-header Strict-Transport-Security "max-age=${hstsSeconds}"\n`}${calling.map(({ name }) => `    use_backend calls-${name} if ${IS_CALL} { var(txn.service) -m str ${name} }\n`).join("")}    use_backend service-%[var(txn.service)]

frontend admin
    bind ${metrics === "host" ? "127.0.0.1" : ""}:${FRONT_ADMIN_PORT}
    option dontlog-normal
    monitor-uri ${READY_PATH}
    monitor fail if { var(proc.leaving) -m bool }
${ordersCertificate ? `    monitor fail if ${isPlaceholder}\n` : ""}    # To Consul 429 is a warning: the front goes on being known.
    http-request return status 429 content-type text/plain string "ends soon" if { path ${CERTIFICATE_PATH} } { date(${EXPIRY_WARNING_DAYS * 86_400}),sub(proc.certificate_ends) gt 0 }
    http-request return status 200 content-type text/plain string "good" if { path ${CERTIFICATE_PATH} }
    http-request use-service prometheus-exporter if { path /metrics }
    http-request deny deny_status 404
${services.map((service) => backend("service", service, domain)).join("")}${calling.map((service) => backend("calls", service, domain)).join("")}`;
}

/** Host names that clients ask for, each once. */
export const hostsOf = (services: readonly FrontedService[]): string[] =>
  [...new Set(services.flatMap(({ hosts }) => hosts))].sort();

/** Answers 200 while the front takes requests, and 503 when it is about to go. */
export const READY_PATH = "/readyz";

/** Answers 200 while the certificate is good for a while, and 429 once it is not. */
export const CERTIFICATE_PATH = "/certificate";

/** Days before a certificate's end from which on people are told. */
const EXPIRY_WARNING_DAYS = 21;

/** How long requests under way may take to end once a process takes no new ones, in seconds. */
export const FINISH_SECONDS = 30;

/** Each takes two open files; the unit asks for 65,536 of them, of which a machine may grant fewer. */
const MAX_CONNECTIONS = 8000;

/** Of a request's body, that much is awaited before anybody is asked. */
const BUFFER_BYTES = 65_536;

/** Answers of the front's own for which there is a page. */
const ERROR_STATUSES = [500, 502, 503, 504];

const FORGED = [
  "Forwarded",
  "X-Forwarded-For",
  "X-Forwarded-Proto",
  "X-Forwarded-Host",
  "X-Forwarded-Port",
  "X-Real-IP",
  "Proxy",
  "Proxy-Connection",
  "Keep-Alive",
];

/** The longest path first: the first one that fits counts. */
function choices(services: readonly FrontedService[]): string {
  const claims = services.flatMap(({ name, hosts, paths = ["/"] }) =>
    hosts.flatMap((host) => paths.map((path) => ({ name, host, path }))),
  );
  const inOrder = claims.sort(
    (one, other) =>
      other.path.length - one.path.length ||
      (`${one.host}${one.path}` < `${other.host}${other.path}` ? -1 : 1),
  );
  return inOrder
    .flatMap(({ name, host, path }) => {
      const rule = `    http-request set-var(txn.service) str(${name}) if !{ var(txn.service) -m found } { var(txn.host) -m str ${host} }`;
      if (path === "/") return [`${rule}\n`];
      return [`${rule} { path -m str ${path} }\n`, `${rule} { path -m beg ${path}/ }\n`];
    })
    .join("");
}

/** A request is a call of gRPC, to a service that takes them. */
const IS_CALL = "{ var(txn.call) -m bool }";

/** By their beginnings, and no regular expression: HAProxy makes machine code of those, which its unit does not let it run. */
const CALLS = [
  "-m str -i application/grpc",
  // gRPC-Web begins otherwise.
  "-m beg -i application/grpc+ application/grpc;",
];

const callsOf = (services: readonly FrontedService[]): string =>
  services.length === 0
    ? ""
    : `    # Calls of gRPC go on as they come: their streams tell no length, and may wait for answers.
${CALLS.map((type) => `    http-request set-var(txn.call) bool(true) if HTTP_2.0 METH_POST { req.hdr(content-type) ${type} } { var(txn.host) -m str ${hostsOf(services).join(" ")} }\n`).join("")}`;

/** Whoever sends clients here by a service's health, as public DNS does, is told in time that this front is about to go. */
const leavingOf = (services: readonly FrontedService[]): string =>
  services
    .flatMap(({ name, healthPath, toldAt = healthPath }) =>
      toldAt === undefined
        ? []
        : [
            `    http-request return status 503 content-type text/plain string "about to go" if { var(proc.leaving) -m bool } { var(txn.service) -m str ${name} } { pathq -m str ${toldAt} }\n`,
          ],
    )
    .join("");

/** How a service is asked: for its requests, or for its calls of gRPC, whose streams may be silent for as long as a tunnel. */
const ASKED = {
  service: { settings: "", server: "check" },
  calls: { settings: "    timeout server 1h\n", server: "proto h2 check check-proto h1" },
};

const backend = (
  of: keyof typeof ASKED,
  { name, port, healthPath, hosts, atMost = 16 }: FrontedService,
  domain: string,
): string => `
backend ${of}-${name}
${ASKED[of].settings}${healthPath === undefined ? "" : checkOf(healthPath, hosts[0]!)}    default-server ${ASKED[of].server} inter 2s fastinter 500ms fall 2 rise 1
    server-template ${name}- ${atMost} ${name}.service.${domain}:${port} resolvers discovery resolve-prefer ipv4 init-addr last,none
`;

const checkOf = (path: string, host: string): string => `    option httpchk
    http-check send meth GET uri ${path} ver HTTP/1.1 hdr Host ${host}
    http-check expect status 200-299
`;
