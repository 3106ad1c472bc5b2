import { z } from "zod";
import type { HostRole } from "./dedicated-region";
import { Cidr } from "../../../constructs/grammar/cidr";
import { databaseName, databaseServices } from "./database";
import { imageRegistry } from "./image-registry";
import { CONSUL_HAS, peeredPort, peeredProblems } from "./peered";
import { consulServersProblem, cidr, dnsLabel, proxyMetrics, regionName, sharedFields } from "./region";

export const awsRegion = z
  .string({ error: "expected an AWS region such as us-east-1" })
  .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, {
    error: "expected an AWS region such as us-east-1",
  });

const availabilityZone = z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d[a-z]$/, {
  error: "expected an availability zone such as us-east-1a",
});

const instanceType = z.string().regex(/^[a-z][a-z0-9-]*\.[a-z0-9-]+$/, {
  error: "expected an EC2 instance type such as t3.small",
});

/** Tells the newest ones; names are the same in all regions. */
const FIND_IMAGES =
  "aws ec2 describe-images --owners 136693071363 --filters 'Name=name,Values=debian-13-*64-*' " +
  "--query 'sort_by(Images, &CreationDate)[-2:].[Name, ImageId]' --output text";

const IMAGE_EXPECTED =
  "expected Debian's name of an image such as debian-13-amd64-20251117-2299, or an image id such as";

const image = z
  .string({ error: `${IMAGE_EXPECTED} ami-0123456789abcdef0; to find one: ${FIND_IMAGES}` })
  .regex(/^(ami-[0-9a-f]{8,17}|debian-13-(amd64|arm64)-\d{8}-\d+)$/, {
    error: `${IMAGE_EXPECTED} ami-0123456789abcdef0; to find one: ${FIND_IMAGES}`,
  });

const tags = z
  .record(
    z.string(),
    z.string().regex(/^[\w .:/=+@-]{0,256}$/, {
      error: "expected a tag's value of at most 256 letters, digits and _ .:/=+-@",
    }),
  )
  .superRefine((record, context) => {
    for (const key of Object.keys(record)) {
      if (/^(?!aws:)(?!tricloud-)[\w .:/=+@-]{1,128}$/.test(key)) continue;
      context.addIssue({
        code: "custom",
        path: [key],
        message:
          "expected a key of at most 128 letters, digits and _ .:/=+-@, without aws: or tricloud- in front",
      });
    }
  });

export const hostName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/, {
    error: "expected a host name such as api.example.com",
  });

/** Largest group: one instance refresh replaces it in reasonable time, and its Consul gossip pool stays one. */
export const MOST_MACHINES = 100;

const group = (instanceTypeByDefault: string) =>
  z.strictObject({
    count: z.int().min(1).max(MOST_MACHINES).default(3),
    instanceType: instanceType.default(instanceTypeByDefault),
    diskGib: z.int().min(8).max(16384).default(16),
  });

const servers = z.strictObject({
  "consul-server": group("t3.small").prefault({}),
  proxy: group("t3.small").prefault({}),
  app: group("t3.small").prefault({}),
} satisfies Record<HostRole, unknown>);

/** HTTPS from the internet to a service, or to applications of the app servers that come by other ways. */
const entrance = z.strictObject({
  /** Host name that clients call; other regions may answer it too. */
  domain: hostName,
  /** Public zone in Route 53 that holds the name. */
  zone: hostName,
  /** Service of the region that clients reach. @default - applications that come to the app servers by other ways */
  service: dnsLabel.optional(),
  /** Port on which the application takes plain HTTP. */
  port: z.int().min(1).max(65535).default(8080),
  /** Path that answers 200 while an application can take requests. */
  healthPath: z
    .string()
    .regex(/^\/[!-~]*$/, { error: "expected a path such as /healthz" })
    .default("/healthz"),
  /** An application answers there, as a service does: machines are judged by it, and people told when it fails. */
  serving: z.boolean().default(false),
  /** From one address; WAF counts no fewer than 10. */
  requestsPerMinute: z.int().min(10).max(2_000_000_000).default(600),
  /** Let through and logged, or refused: what looks like an attack. */
  attacks: z.enum(["report", "refuse"], { error: "expected report or refuse" }).default("report"),
  /** Days for which it is kept who asked for what. */
  accessLogDays: z.int().min(1).max(3653).default(90),
});

const database = z.strictObject({
  /** What services name it by. */
  name: databaseName,
  /** How services sign in. */
  services: databaseServices({
    administrator: "who grants the others what they may do",
    app: "who the app servers are, by IAM",
  }).prefault({}),
  instanceClass: z
    .string()
    .regex(/^db\.[a-z0-9]+\.[a-z0-9]+$/, { error: "expected an RDS instance class such as db.t4g.medium" })
    .default("db.t4g.medium"),
  storageGib: z.int().min(20).max(65536).default(50),
  /** MySQL's release. */
  engineVersion: z
    .string()
    .regex(/^\d+\.\d+$/, { error: "expected a release such as 8.4" })
    .default("8.4"),
  /** Keep a standby in another zone. */
  multiAz: z.boolean().default(true),
  /** Database that is made along with the instance. @default - none */
  databaseName: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, { error: "expected a name of a database such as shop" })
    .optional(),
  /** Key for disks, backups and snapshots, which outlives the region. @default - AWS's own for RDS */
  storageKeyArn: z
    .string()
    .regex(/^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/.+$/, { error: "expected the ARN of a KMS key" })
    .optional(),
  /** Allow `engineVersion` to be raised to another release. */
  allowMajorUpgrade: z.boolean().default(false),
  /** Make changes at once rather than in the maintenance window. */
  applyImmediately: z.boolean().default(false),
  /** Prepare changes that need a restart on a copy. */
  blueGreenUpdate: z.boolean().default(false),
  /** Days for which backups, and logs, are kept. */
  backupDays: z.int().min(1).max(35).default(14),
});

const cache = z.strictObject({
  nodeType: z
    .string()
    .regex(/^cache\.[a-z0-9]+\.[a-z0-9]+$/, {
      error: "expected an ElastiCache node type such as cache.t4g.small",
    })
    .default("cache.t4g.small"),
  /** Nodes in all; two or more take over from each other. */
  nodes: z.int().min(1).max(6).default(2),
  /** How clients prove who they are: by IAM, or not at all, which is for applications that cannot yet. */
  authentication: z.enum(["iam", "none"], { error: 'expected "iam" or "none"' }).default("iam"),
});

/** How other regions' proxies call services of the region, and its own theirs: by mutual TLS. */
const peered = z.strictObject({
  /** TCP port on which machines with role `proxy` take calls from other regions. */
  port: peeredPort,
});

/** Days for which CloudWatch keeps logs. */
const LOG_TERMS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

/** Debian's words for AWS's. */
export const DEBIAN_ARCHITECTURE = { x86_64: "amd64", arm64: "arm64" };

/** A region on EC2: a VPC of its own over several availability zones, one auto-scaling group for each role. */
export const ec2Region = z
  .strictObject({
    ...sharedFields,
    // A load balancer's name, the tightest, is at most 32 characters long.
    name: regionName(26),
    proxy: sharedFields.proxy.extend({ metrics: proxyMetrics }),
    platform: z.literal("ec2"),
    awsRegion,
    /** Zones the region spreads over; what needs a quorum needs three. */
    availabilityZones: z
      .array(availabilityZone)
      .min(2, { error: "expected at least two availability zones" })
      .max(4, { error: "expected at most four availability zones" }),
    /** One NAT gateway for all zones is cheaper; one per zone does not fall with another zone. */
    nat: z.enum(["single", "per-zone"], { error: 'expected "single" or "per-zone"' }).default("per-zone"),
    architecture: z.enum(["x86_64", "arm64"], { error: 'expected "x86_64" or "arm64"' }).default("x86_64"),
    /** Image of Debian 13: Debian's name for it, which is the same in all AWS regions, or the id of one's own. */
    image,
    /** Time from a machine's launch until it must have reported itself healthy, or is given up. */
    bootTimeoutSeconds: z.int().min(60).max(7200).default(900),
    /** How long it is kept what machines say: one of CloudWatch's terms; "none" sends nothing there. */
    machineLogDays: z
      .union([z.literal("none"), z.literal(LOG_TERMS)], {
        error: `expected "none" or one of CloudWatch's terms: ${LOG_TERMS.join(", ")} days`,
      })
      .default(30),
    /** Refuse to destroy databases, caches and load balancers: Terraform before it has begun, and AWS. */
    deletionProtection: z.boolean().default(true),
    /** Zones besides `privateZone` whose names lead to private addresses: other private zones, PrivateLink's names. */
    internalZones: z.array(hostName).default([]),
    /** Tags of all that is made, machines and disks included. */
    tags: tags.default({}),
    servers: servers.prefault({}),
    /** Where the machines get services' images. @default - images name their registries themselves */
    registry: imageRegistry.optional(),
    /** Networks of the regions in `consul.peers`: let in to the Consul servers and the proxies. */
    consulWanNetworks: z.array(cidr).default([]),
    /**
     * Services without an entrance are called from one region in another from proxy to proxy, where both have this;
     * machines come and go, so that others find the proxies here by Consul, with which theirs federates.
     * `npx tricloud secrets` makes the certificates.
     * @default - there is no such way
     */
    peered: peered.optional(),
    /** @default - nothing of the region can be reached from the internet */
    entrance: entrance.optional(),
    /** MySQL for the app servers, and for services that name it. @default - none */
    database: database.optional(),
    /** A cache for the app servers. @default - none */
    cache: cache.optional(),
    /** Zone of the names of the region's own parts, seen by its machines only. @default - NAME.internal */
    privateZone: hostName.optional(),
    /** Addresses told of alarms by mail. */
    pagerEmails: z.array(z.email({ error: "expected a mail address" })).default([]),
  })
  .superRefine((region, context) => {
    const { entrance, image, architecture } = region;
    const imageArchitecture = /^debian-13-(\w+)-/.exec(image)?.[1];
    if (imageArchitecture !== undefined && imageArchitecture !== DEBIAN_ARCHITECTURE[architecture]) {
      context.addIssue({ code: "custom", path: ["image"], message: `expected an image for ${architecture}` });
    }
    if (entrance !== undefined && !`.${entrance.domain}`.endsWith(`.${entrance.zone}`)) {
      context.addIssue({
        code: "custom",
        path: ["entrance", "domain"],
        message: `expected a name in zone ${entrance.zone}`,
      });
    }
    region.availabilityZones.forEach((zone, index) => {
      if (!zone.startsWith(region.awsRegion) || zone.length !== region.awsRegion.length + 1) {
        context.addIssue({
          code: "custom",
          path: ["availabilityZones", index],
          message: `expected a zone of ${region.awsRegion}`,
        });
      }
      if (region.availabilityZones.indexOf(zone) !== index) {
        context.addIssue({
          code: "custom",
          path: ["availabilityZones", index],
          message: "expected a zone that is not in the list already",
        });
      }
    });
    if (Object.keys(region.consul.peers).length > 0 && region.consulWanNetworks.length === 0) {
      context.addIssue({
        code: "custom",
        path: ["consulWanNetworks"],
        message: "expected the networks of the datacenters in consul.peers, which could not get in otherwise",
      });
    }
    const network = Cidr.parse(region.cidr);
    if (network !== undefined && (network.prefixLength < 16 || network.prefixLength > 24)) {
      context.addIssue({
        code: "custom",
        path: ["cidr"],
        message: "expected a network of /16 to /24, which a VPC can hold and twelve subnets fit in",
      });
    }
    for (const problem of peeredProblems(region, CONSUL_HAS))
      context.addIssue({ code: "custom", ...problem });
    const { count } = region.servers["consul-server"];
    const message = consulServersProblem(count, region.consul.singleServer);
    if (message !== undefined) {
      context.addIssue({ code: "custom", path: ["servers", "consul-server", "count"], message });
    }
  });

export type Ec2RegionInput = z.input<typeof ec2Region>;
export type Ec2Region = z.output<typeof ec2Region>;
