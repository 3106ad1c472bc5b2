import { z } from "zod";
import { SNAPSHOT_BUCKET } from "../../../constructs/dns/snapshot-bucket";
import { PACKAGE_VERSION, PACKAGE_VERSION_EXPECTED } from "../../../constructs/host/package-version";
import { BASES } from "../../../constructs/availability/calculus/held";
import { type ProxySettings, settingProblems } from "../../../constructs/proxy/proxy-settings";
import { isOriginPattern, isWarmOrigin, refusedWarmOrigins } from "../../../constructs/proxy/warm-origins";
import { Cidr } from "../../../constructs/grammar/cidr";
import { PEM_CERTIFICATES } from "../../../constructs/grammar/pem";
import { NO_SERVICE, noService, origins } from "./origins";

/*
 * The fields every region has. Each `error` says what was expected; `region-errors.ts` puts the region, the path
 * and the offending value in front of it.
 */

export const ipv4Address = z.ipv4({ error: "expected an IPv4 address such as 10.10.0.11" });

export const cidr = z
  .string({ error: "expected an IPv4 network such as 10.10.0.0/16" })
  .refine((value) => Cidr.parse(value) !== undefined, {
    error: "expected an IPv4 network without host bits, such as 10.10.0.0/16",
  });

export const dnsLabel = z.string().regex(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/, {
  error: "expected a DNS label: lower-case letters, digits and hyphens, starting with a letter",
});

export const HOST_NAME = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;

const hostName = z.string().regex(HOST_NAME, { error: "expected a host name such as api.example.com" });

const originPattern = z
  .string()
  .refine(isOriginPattern, { error: "expected a host name or a pattern such as *.example.com" })
  .refine(noService, { error: NO_SERVICE });

const warmOrigin = z.string().refine(isWarmOrigin, {
  error: "expected HOST:PORT=CONNECTIONS such as api.example.com:443=2, 1 to 1000 of them",
});

const port = z.int().min(1).max(65535);

export const backend = z.discriminatedUnion(
  "type",
  [
    z.strictObject({ type: z.literal("local") }),
    z.strictObject({
      type: z.literal("s3"),
      bucket: z.string(),
      /** Prefix in the bucket; each stack keeps its state in PREFIX/STACK.tfstate. */
      prefix: z.string().default("tricloud"),
      region: z.string(),
      kmsKeyId: z.string().optional(),
    }),
    z.strictObject({ type: z.literal("gcs"), bucket: z.string(), prefix: z.string().default("tricloud") }),
  ],
  { error: 'expected a backend of type "local", "s3" or "gcs"' },
);

export type StateBackendValue = z.output<typeof backend>;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const proxy = z
  .strictObject({
    /** Origins the proxy may forward to besides those of `origins`: host names, or patterns with a leading `*.`. */
    allow: z.array(originPattern),
    /** Origins with connections kept open ahead of need, `HOST:PORT=CONNECTIONS`. */
    warm: z.array(warmOrigin).default([]),
    port: port.default(80),
    /** PEM certificates of authorities trusted for origins, besides the public ones. */
    caCertificate: z.string().regex(PEM_CERTIFICATES, { error: "expected a PEM certificate" }).optional(),
    /** Other options of the proxy's, time-outs and limits for instance, by their names in docs/proxy.md. */
    settings: z
      .custom<ProxySettings>(isObject, { error: "expected an object of the proxy's options" })
      .optional()
      .superRefine((settings, context) => {
        if (!isObject(settings)) return;
        for (const { path, expectation } of settingProblems(settings)) {
          context.addIssue({ code: "custom", path: [...path], message: expectation });
        }
      }),
  })
  .superRefine(({ allow, warm }, context) => {
    for (const index of refusedWarmOrigins(warm, allow)) {
      context.addIssue({
        code: "custom",
        path: ["warm", index],
        message: `expected an origin that allow lets through (${allow.join(", ")})`,
      });
    }
  });

const keyFingerprint = z
  .string()
  .regex(/^[0-9A-F]{40}$/, { error: "expected an OpenPGP fingerprint of 40 upper-case hex digits" });

const aptSource = z.strictObject({
  name: dnsLabel,
  uri: z.url({ error: "expected the URL of a Debian archive" }),
  suite: z.string().min(1),
  components: z.array(z.string()).readonly(),
  key: z.string().optional(),
  keyUrl: z.url({ protocol: /^https$/, error: "expected an https URL" }).optional(),
  keyFingerprint: z
    .union([keyFingerprint, z.array(keyFingerprint).min(1).readonly()], {
      error: "expected an OpenPGP fingerprint of 40 upper-case hex digits, or a list of them",
    })
    .optional(),
  trusted: z.boolean().optional(),
  onlyPackages: z.array(z.string()).readonly().optional(),
});

const bucketField = (field: keyof typeof SNAPSHOT_BUCKET) =>
  z.string().regex(SNAPSHOT_BUCKET[field][0], { error: `expected ${SNAPSHOT_BUCKET[field][1]}` });

export const snapshots = z.strictObject({
  /** Time from one snapshot to the next. */
  intervalMinutes: z.int().min(1).default(60),
  /** Snapshots kept on each server, the newest ones. */
  keep: z.int().min(1).default(48),
  /** Bucket of S3, or of a store that speaks as S3 does, that each is put into besides. @default - none */
  bucket: z
    .strictObject({
      /** The name of the bucket. */
      bucket: bucketField("bucket"),
      /** Region that requests are signed for. */
      region: bucketField("region"),
      /** https URL of the store. @default - S3's in that region */
      endpoint: bucketField("endpoint").optional(),
      /** What the snapshots' names begin with. @default - consul/NAME */
      prefix: bucketField("prefix").optional(),
    })
    .optional(),
});

const consul = z.strictObject({
  /** Where hosts install Consul from. @default - HashiCorp's archive */
  aptSource: aptSource.optional(),
  /** Version of Consul: its own or the package's. @default - the newest when a host is delivered to first */
  version: z.string().regex(PACKAGE_VERSION, { error: PACKAGE_VERSION_EXPECTED }).optional(),
  /** Copies of the datacenter's state, hourly unless it says otherwise. */
  snapshots: snapshots.prefault({}),
  /** Run one server without quorum: for trying things out, never for a service. */
  singleServer: z.boolean().default(false),
  /** Encrypt and verify what agents say to servers; `npx tricloud secrets` makes the certificates. */
  tls: z.boolean().default(true),
  /** Whose certificates are asked for: "none", then "outgoing", only while a running region comes to TLS. @default "all" */
  tlsVerification: z.enum(["all", "outgoing", "none"]).optional(),
  /** Deny whatever no token allows; `npx tricloud secrets` makes the tokens. */
  acl: z.boolean().default(true),
  /** "allow" only for the time in which a running region gets its tokens. */
  aclDefaultPolicy: z.enum(["allow", "deny"]).default("deny"),
  /** The datacenter whose tokens hold for all federated ones. @default - this one */
  primaryDatacenter: dnsLabel.optional(),
  /** Datacenters whose instances stand in where this one has no healthy one. */
  failoverTo: z.array(dnsLabel).default([]),
  /** Servers of the other datacenters, joined over the WAN: address or host name, by datacenter. */
  peers: z.record(dnsLabel, z.array(z.string()).min(1)).default({}),
});

/** What is wrong with that many Consul servers; undefined when nothing is. */
export function consulServersProblem(count: number, singleServer: boolean): string | undefined {
  if ((singleServer ? [1] : [3, 5]).includes(count)) return undefined;
  return singleServer
    ? "expected one Consul server, as consul.singleServer says"
    : "expected 3 or 5 Consul servers: an even number adds no fault tolerance, and fewer than 3 have none";
}

const forwarder = ipv4Address.refine((address) => !["127.0.0.1", "0.0.0.0"].includes(address), {
  error: "expected another server's address: here the resolver itself listens, and would ask itself for ever",
});

export const dns = z.strictObject({
  /** Upstream resolvers for public names. */
  forwarders: z.array(forwarder).min(1, { error: "expected at least one upstream resolver" }),
  /** Names answered from the region value itself: IPv4 address by host name. */
  records: z.record(hostName, ipv4Address).default({}),
});

const target = z.strictObject({
  atLeast: z
    .number()
    .gt(0, { error: "expected a fraction above 0 such as 0.9995" })
    .lt(1, { error: "expected a fraction below 1 such as 0.9995" }),
  /** Which figure must reach it. @default - under the declared common causes */
  basis: z.enum(BASES, { error: `expected one of ${BASES.join(", ")}` }).optional(),
  /** Whether planned work counts as down. @default true */
  planned: z.boolean().optional(),
  /** Lets the target be missed until a day (in UTC), for a reason; listed in every report. */
  waiver: z
    .strictObject({ reason: z.string().min(1), until: z.iso.date({ error: "expected a day YYYY-MM-DD" }) })
    .optional(),
});

export const availability = z.strictObject({
  /** What each service must be able to promise, by its name in the stack. */
  targets: z.record(z.string(), target).default({}),
});

/** The name of a region of whose resources' names it is a part, with the longest that leaves room for the rest. */
export const regionName = (longest: number) =>
  dnsLabel.max(longest, {
    error: `expected at most ${longest} characters, so that names of what is made with it fit`,
  });

/** Who can collect the metrics of proxies on machines, port 9300: themselves alone, or the region's private network. */
export const proxyMetrics = z
  .enum(["host", "network"], { error: 'expected "host" or "network"' })
  .default("host");

/** To be spread into each platform's strict object. */
export const sharedFields = {
  name: dnsLabel,
  /** The region's private network; overlaps with no other region's. */
  cidr,
  backend: backend.default({ type: "local" }),
  proxy,
  consul: consul.prefault({}),
  dns,
  /** Where calls to other clouds end, by the name that callers use: allowed, and counted in what the region promises. */
  origins: origins.default({}),
  /** Other regions, nearest first: where one of several answers for a service, they are asked in this order. */
  nearest: z.array(dnsLabel).default([]),
  availability: availability.default({ targets: {} }),
};

/** What all regions have in common, validated and with defaults filled in. */
export type RegionBase = z.output<z.ZodObject<typeof sharedFields>>;
