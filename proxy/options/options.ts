import { isCidr } from "../origins/address-guard";
import { isPattern } from "../allow-list";
import { address, addressAndPort, dnsServer, httpUrl, warmOrigin } from "./endpoint-values";
import { type GroupOptions } from "./group-options";
import { isPeerName, readGroups } from "./group-values";
import { type Definition, duration, flag, integer, list, structure, text, workers } from "./option-values";

/** Everything that can be set, by flag or in the file of --config. Times are seconds unless the name says otherwise. */
export interface Options {
  readonly listen: string;
  readonly port: number;
  readonly accessLogDir: string;
  readonly accessLogRotate: number;
  readonly accessLogRotateTime: number;
  readonly pidFile: string;
  readonly keepaliveConns: number;
  readonly maxConnsPerHost: number;
  readonly readTimeout: number;
  readonly writeTimeout: number;
  readonly proxyReadTimeout: number;
  readonly shutdownTimeout: number;
  readonly upstream: string;
  readonly stsize: number;
  readonly spfactor: number;
  readonly allow: readonly string[];
  readonly allowAny: boolean;
  readonly allowAddress: readonly string[];
  readonly warm: readonly string[];
  readonly groups: readonly GroupOptions[];
  readonly adminListen: string;
  readonly stateDir: string;
  readonly drainedDir: string;
  readonly caFile: string;
  readonly connectTimeout: number;
  readonly clientIdleTimeout: number;
  readonly originIdleTimeout: number;
  readonly drainDelay: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaderCount: number;
  readonly maxQueue: number;
  readonly queueTimeout: number;
  readonly ejectFailures: number;
  readonly circuitFailures: number;
  readonly circuitPause: number;
  readonly tunnelIdleTimeout: number;
  /** Bytes per second. */
  readonly minBodyRate: number;
  readonly requestBuffering: number;
  readonly maxClients: number;
  readonly workers: number | "auto" | "spare";
  readonly http2Origins: "auto" | "never";
  readonly tlsPort: number;
  readonly tlsCertFile: string;
  readonly tlsKeyFile: string;
  readonly dnsServer: readonly string[];
  readonly peerListen: string;
  readonly peerNames: readonly string[];
  readonly peerCertFile: string;
  readonly peerKeyFile: string;
  readonly peerCaFile: string;
}

export type OptionName = keyof Options;

/** In the order that help and manual show them. */
export const DEFINITIONS: Readonly<Record<OptionName, Definition>> = {
  listen: text("0.0.0.0", "address to listen on", address, { short: "l" }),
  port: integer(3000, 0, 65535, "port to listen on", { short: "p" }),
  accessLogDir: text("", "directory of the access log; stdout, none, or empty for stderr"),
  accessLogRotate: integer(30, 1, 100_000, "log files kept"),
  accessLogRotateTime: integer(1440, 1, 525_600, "minutes between two log files"),
  pidFile: text("", "file to write the process id to; empty for none"),
  keepaliveConns: integer(
    64,
    0,
    100_000,
    "idle connections kept per origin when nothing is asked; 0 to keep none at all",
    { short: "c" },
  ),
  maxConnsPerHost: integer(0, 0, 100_000, "connections per origin at most; 0 for no limit"),
  readTimeout: duration(30, "time for a request's head, and between two pieces of its body"),
  writeTimeout: duration(90, "time without progress while a response is written to a client"),
  proxyReadTimeout: duration(60, "time without a byte from an origin that owes a response"),
  shutdownTimeout: duration(3600, "time for requests to end after SIGTERM"),
  upstream: text("", "send everything to this origin instead of routing by Host", httpUrl),
  stsize: integer(1000, 2, 10_000_000, "response times kept for /.api/http-stats"),
  spfactor: integer(3, 1, 1_000_000, "one response time in this many is kept"),
  allow: list("origins that may be called: a name or *.name; repeatable", {
    test: isPattern,
    expects: "a name, an address or *.name (for all: allowAny)",
  }),
  allowAny: flag("allow every origin: with an untrusted client this is an open proxy"),
  allowAddress: list("addresses refused by default that origins may have; repeatable", {
    test: isCidr,
    expects: "an address or CIDR range",
  }),
  warm: list("origin to keep open TLS connections to, name:port=count; repeatable", warmOrigin),
  groups: structure([], "groups of origins by name", "names that stand for several origins", readGroups),
  adminListen: text("", "address:port of /healthz, /readyz and /metrics; empty for none", addressAndPort),
  stateDir: text("", "directory of what operators' commands change, and of their socket; empty for none"),
  drainedDir: text(
    "",
    "directory of files with one drained origin each, read while stateDir tells of none yet",
  ),
  caFile: text("", "PEM file of certificate authorities trusted besides the usual ones"),
  connectTimeout: duration(10, "time to connect to one address of an origin, TLS included"),
  clientIdleTimeout: duration(60, "time an idle client connection is kept"),
  originIdleTimeout: duration(30, "time an idle origin connection is kept"),
  drainDelay: duration(0, "time to go on accepting after SIGTERM, with /readyz failing already"),
  maxHeaderBytes: integer(32_768, 1024, 1_048_576, "bytes of a message head at most"),
  maxHeaderCount: integer(100, 10, 10_000, "fields of a message head at most"),
  maxQueue: integer(1024, 0, 1_000_000, "requests waiting for a connection to one origin at most"),
  queueTimeout: duration(30, "time a request may wait for a connection to its origin"),
  ejectFailures: integer(
    5,
    1,
    1_000_000,
    "failed exchanges in a row before one address of several is set aside",
  ),
  circuitFailures: integer(
    20,
    0,
    1_000_000,
    "failures in a row before requests to an origin fail at once; 0 for never",
  ),
  circuitPause: duration(5, "time before a failing origin is tried again"),
  tunnelIdleTimeout: duration(3600, "time without a byte either way after Upgrade (WebSocket)"),
  // As much as Kestrel asks for (KestrelServerLimits.MinRequestBodyDataRate).
  minBodyRate: integer(
    240,
    0,
    1_000_000_000,
    "bytes per second of a request body at least, after readTimeout; 0 for any",
  ),
  requestBuffering: integer(
    0,
    0,
    1_073_741_824,
    "bytes of a body collected before an origin connection is taken; 0 to stream",
  ),
  maxClients: integer(0, 0, 10_000_000, "client connections at most per worker; 0 for no limit"),
  tlsPort: integer(0, 0, 65535, "second port, with TLS (HTTP/1.1 and h2); 0 for none"),
  tlsCertFile: text("", "PEM file of the certificate for tlsPort"),
  tlsKeyFile: text("", "PEM file of its key"),
  workers: workers(1, "processes to serve with; auto for one per core, spare for one less"),
  http2Origins: text("auto", "HTTP/2 to https origins that offer it: auto or never (gRPC always has it)", {
    test: (value) => value === "auto" || value === "never",
    expects: "auto or never",
  }),
  dnsServer: list("DNS server to ask, address[:port]; repeatable (default: the system's)", dnsServer),
  peerListen: text(
    "",
    "address:port for other regions' proxies, by mutual TLS; empty for none",
    addressAndPort,
  ),
  peerNames: list("name in the certificate of a proxy that peerListen serves; repeatable", {
    test: isPeerName,
    expects: "a name, e.g. proxy.us.consul",
  }),
  peerCertFile: text("", "PEM file of the certificate that other regions' proxies are shown"),
  peerKeyFile: text("", "PEM file of its key"),
  peerCaFile: text("", "PEM file of the authorities that their certificates must be by"),
};

export const OPTION_NAMES = Object.keys(DEFINITIONS) as OptionName[];
