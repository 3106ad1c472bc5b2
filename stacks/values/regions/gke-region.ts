import { z } from "zod";
import { Cidr } from "../../../constructs/grammar/cidr";
import { databaseName, databaseServices } from "./database";
import { peeredPort, peeredProblems } from "./peered";
import {
  cidr,
  ipv4Address,
  consulServersProblem,
  dnsLabel,
  regionName,
  sharedFields,
  snapshots,
} from "./region";

const project = z
  .string({ error: "expected a Google Cloud project id such as example-uk" })
  .regex(/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/, {
    error: "expected a Google Cloud project id: 6 to 30 lower-case letters, digits and hyphens",
  });

const gcpRegion = z
  .string({ error: "expected a Google Cloud region such as europe-west2" })
  .regex(/^[a-z]+-[a-z]+\d+$/, { error: "expected a Google Cloud region such as europe-west2" });

const zone = z.string().regex(/^[a-z]+-[a-z]+\d+-[a-z]$/, {
  error: "expected a zone such as europe-west2-a",
});

const version = z.string().regex(/^\d+\.\d+\.\d+$/, {
  error: "expected an exact version such as 1.9.11",
});

/** An image that stays the same: `REGISTRY/NAME:TAG`, `REGISTRY/NAME@DIGEST` or both. */
const image = z
  .string()
  .regex(/^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)+(:[\w][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$/, {
    error: "expected an image with its registry, such as docker.io/library/node:24.21.0-trixie-slim",
  })
  .refine((value) => value.includes("@sha256:") || /:(?!latest$)[\w][\w.-]*$/.test(value), {
    error: "expected an image pinned by a tag other than latest or by its digest",
  });

const nodeFields = {
  machineType: z
    .string()
    .regex(/^[a-z0-9]+-[a-z0-9-]+$/, { error: "expected a machine type such as e2-standard-2" })
    .default("e2-standard-2"),
  minPerZone: z.int().min(1).default(1),
  maxPerZone: z.int().min(1).max(100).default(3),
  diskGib: z.int().min(20).max(65536).default(50),
};

const atMost = [
  ({ minPerZone, maxPerZone }: { minPerZone: number; maxPerZone: number }) => minPerZone <= maxPerZone,
  { error: "expected minPerZone to be at most maxPerZone" },
] as const;

/** Name of a pool, as GKE takes it. */
const poolName = z.string().regex(/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/, {
  error: "expected 1 to 40 lower-case letters, digits and hyphens",
});

const nodes = z
  .strictObject({
    /** Another name is another pool; see `otherPools`. */
    pool: poolName.default("nodes"),
    ...nodeFields,
  })
  .refine(...atMost);

/** A pool beside `nodes`, to which the pods move before the other goes. */
const otherPool = z.strictObject(nodeFields).refine(...atMost);

const label = z
  .string()
  .regex(/^[a-z0-9_-]{0,63}$/, { error: "expected at most 63 lower-case letters, digits, _ and -" });
const labelName = z.string().regex(/^[a-z][a-z0-9_-]{0,62}$/, {
  error: "expected a letter, then at most 62 lower-case letters, digits, _ and -",
});

const ranges = z.strictObject({
  nodes: cidr,
  pods: cidr,
  services: cidr,
  /** A /28 of Google's own, peered with the network. */
  controlPlane: cidr,
  /** For databases and caches. @default - the region has none */
  data: cidr.optional(),
});

const hostName = z.string().regex(/^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/, {
  error: "expected a host name such as www.uk.example.com",
});

/** What the internet is shown: an application's Service behind a load balancer. */
const entrance = z
  .strictObject({
    /** Cloud DNS answers for it, once the zone above delegates it. */
    zone: hostName,
    hosts: z.array(hostName).min(1, { error: "expected at least one host" }),
    /** From one address. */
    requestsPerMinute: z.int().min(1).default(600),
    /** Let through and logged, or refused: what looks like an attack. */
    attacks: z.enum(["report", "refuse"], { error: "expected report or refuse" }).default("report"),
    /** How long a deploy waits until it all works; 0 for not at all. */
    waitSeconds: z.int().min(0).max(7200).default(1200),
    /** How long an answer may take, and a WebSocket stay open. */
    timeoutSeconds: z.int().min(1).max(86400).default(3600),
    /** The Service, in the namespace `app`, and the pods behind it. */
    backend: z.strictObject({
      service: dnsLabel,
      port: z.int().min(1).max(65535),
      podPort: z.int().min(1).max(65535).optional(),
      healthPath: z.string().regex(/^\//, { error: "expected a path such as /healthz" }),
      podLabels: z.record(z.string(), z.string()).refine((labels) => Object.keys(labels).length > 0, {
        error: "expected at least one label, or the load balancer would be let in to every pod",
      }),
    }),
  })
  .superRefine(({ zone, hosts }, context) => {
    hosts.forEach((host, index) => {
      const below = host.endsWith(`.${zone}`) ? host.slice(0, -zone.length - 1) : undefined;
      if (host === zone || (below !== undefined && !below.includes("."))) return;
      context.addIssue({
        code: "custom",
        path: ["hosts", index],
        message: `expected ${zone} or a name one label below it, which the certificate is for`,
      });
    });
  });

const database = z.strictObject({
  /** What services name it by. */
  name: databaseName,
  /** How services sign in. */
  services: databaseServices({ administrator: "who grants the others what they may do" }).prefault({}),
  /** Machine type with dedicated cores. */
  tier: z
    .string()
    .regex(/^db-(custom-\d+-\d+|n1-(standard|highmem)-\d+)$/, {
      error: "expected a Cloud SQL machine type with dedicated cores such as db-custom-2-7680",
    })
    .default("db-custom-2-7680"),
  /** Made in the instance, and kept when taken out of the list. */
  databases: z
    .array(
      z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, {
        error: "expected 1 to 64 lower-case letters, digits and underscores",
      }),
    )
    .default(["app"]),
  /** At least; the disk grows by itself and never shrinks. */
  storageGib: z.int().min(10).max(65536).default(50),
  /** MySQL's release. */
  engineVersion: z
    .string()
    .regex(/^\d+\.\d+$/, { error: "expected a release such as 8.4" })
    .default("8.4"),
  /** Keep a standby in another zone. */
  highAvailability: z.boolean().default(true),
});

const CACHE_NODES = ["SHARED_CORE_NANO", "STANDARD_SMALL", "HIGHMEM_MEDIUM", "HIGHMEM_XLARGE"] as const;

const cache = z.strictObject({
  nodeType: z
    .enum(CACHE_NODES, { error: `expected one of ${CACHE_NODES.join(", ")}` })
    .default("STANDARD_SMALL"),
  shards: z.int().min(1).max(250).default(1),
  /** Copies of each shard in other zones; without one there is no promise. */
  replicas: z.int().min(0).max(2).default(1),
});

/** How other regions' proxies call services of the region, and its own theirs: by mutual TLS. */
const peered = z.strictObject({
  /** TCP port on which the proxies' pods take calls from other regions. */
  port: peeredPort,
});

const DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"] as const;

/** When Google may upgrade the cluster. */
const maintenance = z
  .strictObject({
    days: z.array(z.enum(DAYS, { error: `expected one of ${DAYS.join(", ")}` })).min(1),
    startUtc: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, { error: "expected a time such as 02:00" }),
    hours: z.int().min(4, { error: "expected at least 4 hours, the shortest window GKE takes" }).max(24),
  })
  // Any 32 days hold each weekday at least four times.
  .refine(({ days, hours }) => new Set(days).size * hours * 4 >= 48, {
    error: "expected windows of at least 48 hours in any 32 days, GKE's minimum (days x hours x 4)",
  });

/** A region on GKE: a VPC of its own and a private regional cluster over several zones. */
export const gkeRegion = z
  .strictObject({
    ...sharedFields,
    // The cluster has the region's name, and service accounts one that begins with it.
    name: regionName(24),
    platform: z.literal("gke"),
    project,
    gcpRegion,
    zones: z
      .array(zone)
      .min(2, { error: "expected at least two zones" })
      .max(4, { error: "expected at most four zones" }),
    ranges,
    nodes: nodes.prefault({}),
    /** By name: pools beside `nodes`, while one takes the other's place. */
    otherPools: z.record(poolName, otherPool).default({}),
    /** Of all that takes any, in Google Cloud. */
    labels: z.record(labelName, label).default({}),
    /** Under whose name images are pulled from Docker Hub. @default - nobody's */
    dockerHub: z
      .strictObject({
        username: z.string().min(1),
        tokenSecret: z.string().regex(/^projects\/[^/]+\/secrets\/[^/]+\/versions\/[^/]+$/, {
          error: "expected projects/PROJECT/secrets/NAME/versions/VERSION",
        }),
      })
      .optional(),
    releaseChannel: z
      .enum(["RAPID", "REGULAR", "STABLE", "EXTENDED"], {
        error: "expected RAPID, REGULAR, STABLE or EXTENDED",
      })
      .default("REGULAR"),
    maintenance: maintenance.prefault({ days: ["TU", "WE", "TH"], startUtc: "02:00", hours: 4 }),
    /** Networks that may reach the control plane by its public address. @default - it has none */
    authorizedNetworks: z.record(dnsLabel, cidr).default({}),
    /** Refuse to destroy the cluster. */
    deletionProtection: z.boolean().default(true),
    proxyPods: z
      .strictObject({ min: z.int().min(2).default(3), max: z.int().min(2).default(12) })
      .refine(({ min, max }) => min <= max, { error: "expected min to be at most max" })
      .prefault({}),
    consul: sharedFields.consul
      .unwrap()
      // Its chart and images are named by `versions` and `images`, and it has had TLS from its beginning on.
      .omit({ version: true, aptSource: true, tlsVerification: true })
      .extend({
        // They have a disk of their own.
        snapshots: snapshots.omit({ bucket: true }).prefault({}),
      })
      .prefault({}),
    consulServers: z.int().default(3),
    /** Networks that the servers of `consul.peers` live in: let in for gossip between datacenters and for calls. */
    consulWanNetworks: z.array(cidr).default([]),
    /** Address in `ranges.nodes` at which the other datacenters' servers join. @default - the servers here join them */
    consulJoinAddress: ipv4Address.optional(),
    /**
     * Services without an entrance are called from one region in another from proxy to proxy, where both have this;
     * pods come and go, so that others find the proxies here by Consul, with which theirs federates.
     * `npx tricloud secrets` makes the certificates.
     * @default - there is no such way
     */
    peered: peered.optional(),
    /** @default - nothing is reached from the internet */
    entrance: entrance.optional(),
    /** MySQL on Cloud SQL; needs `ranges.data`. @default - none */
    database: database.optional(),
    /** Valkey on Memorystore; needs `ranges.data`. @default - none */
    cache: cache.optional(),
    versions: z
      .strictObject({
        /** HashiCorp's chart `consul`; 1.9 carries Consul 1.22 and suits Kubernetes 1.30 to 1.34. */
        consulChart: version.default("1.9.11"),
      })
      .prefault({}),
    images: z
      .strictObject({
        /** Runs the proxy: any Node 20 or later. */
        node: image.default("docker.io/library/node:24.21.0-trixie-slim"),
        /** Runs the resolver: any unbound 1.22 or later found on PATH. */
        unbound: image.default("docker.io/klutchell/unbound:v1.26.1"),
        /** Runs Consul's servers, and with `curl` and a shell what keeps their tokens; a release that suits the chart. */
        consul: image.default("docker.io/hashicorp/consul:1.22.3"),
      })
      .prefault({}),
  })
  .superRefine((region, context) => {
    const issue = (path: (string | number)[], message: string, value?: string) =>
      context.addIssue({ code: "custom", path, message, params: { value } });
    region.zones.forEach((each, index) => {
      if (each.slice(0, -2) !== region.gcpRegion)
        issue(["zones", index], `expected a zone of ${region.gcpRegion}`);
      if (region.zones.indexOf(each) !== index) {
        issue(["zones", index], "expected a zone that is not in the list already");
      }
    });
    const named = Object.entries(region.ranges);
    const whole = Cidr.parse(region.cidr);
    named.forEach(([name, text], index) => {
      const range = text === undefined ? undefined : Cidr.parse(text);
      if (text === undefined || range === undefined) return;
      if (whole !== undefined && !(whole.overlaps(range) && range.prefixLength >= whole.prefixLength)) {
        issue(["ranges", name], `expected a network inside the region's cidr ${region.cidr}`);
      }
      for (const [earlier, other] of named.slice(0, index)) {
        if (other !== undefined && Cidr.parse(other)?.overlaps(range)) {
          issue(["ranges", name], `expected a network that does not overlap ranges.${earlier} ${other}`);
        }
      }
    });
    if (region.nodes.pool in region.otherPools) {
      issue(["nodes", "pool"], "expected a name that none of otherPools has");
    }
    if (Object.keys(region.consul.peers).length > 0 && region.consulWanNetworks.length === 0) {
      issue(
        ["consulWanNetworks"],
        "expected the networks of the datacenters in consul.peers, which could not get in otherwise",
      );
    }
    const { consulJoinAddress } = region;
    if (
      consulJoinAddress !== undefined &&
      Cidr.parse(region.ranges.nodes)?.contains(consulJoinAddress) === false
    ) {
      issue(["consulJoinAddress"], `expected an address in ranges.nodes ${region.ranges.nodes}`);
    }
    if (consulJoinAddress !== undefined && region.consulWanNetworks.length === 0) {
      issue(["consulWanNetworks"], "expected the networks that may use consulJoinAddress");
    }
    const { databases = [], services } = region.database ?? {};
    if (services?.databaseName !== undefined && !databases.includes(services.databaseName)) {
      issue(
        ["database", "services", "databaseName"],
        `expected one of database.databases (${databases.join(", ") || "none"})`,
      );
    }
    if (region.ranges.data === undefined && (region.database ?? region.cache) !== undefined) {
      issue(["ranges", "data"], "expected a network of /24 or larger for the region's database and cache");
    }
    if ((lengthOf(region.ranges.data) ?? 0) > 24) {
      issue(["ranges", "data"], "expected a network of /24 or larger, the least that Cloud SQL takes");
    }
    if ((lengthOf(region.ranges.controlPlane) ?? 28) !== 28) {
      issue(["ranges", "controlPlane"], "expected a network of exactly /28");
    }
    if ((lengthOf(region.ranges.services) ?? 0) > 24) {
      issue(
        ["ranges", "services"],
        "expected a network of /24 or larger, of which the first 256 addresses are kept",
      );
    }
    for (const problem of peeredProblems(region)) context.addIssue({ code: "custom", ...problem });
    const message = consulServersProblem(region.consulServers, region.consul.singleServer);
    if (message !== undefined) issue(["consulServers"], message);
  });

/** Nothing for what is no network, of which the field itself complains. */
const lengthOf = (text = ""): number | undefined => Cidr.parse(text)?.prefixLength;

export type GkeRegionInput = z.input<typeof gkeRegion>;
export type GkeRegion = z.output<typeof gkeRegion>;
