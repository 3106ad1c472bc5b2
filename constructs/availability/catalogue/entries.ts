/**
 * What providers promise, as data. Every figure carries the condition under which it is promised, where it is
 * written and since when it holds. `secondary` marks a figure read in a secondary source.
 */
export interface Entry<Topology> {
  readonly label: string;
  readonly plane: "control" | "serving";
  /** Address of the agreement. */
  readonly source: string;
  /** Date the agreement gives itself. @default - not known */
  readonly effectiveDate?: string;
  /** Day on which figure and condition were last compared with the source; undefined: not compared. */
  readonly compared?: string;
  /** How long one outage lasts in the mean, in hours. An assumption: no provider promises that. */
  readonly assumedOutageHours: number;
  /** Best figure first. Where no tier holds there is no SLA. */
  readonly tiers: readonly Tier<Topology>[];
  /** How the figure is to be understood, when it is not a share of time. */
  readonly remark?: string;
}

export interface Tier<Topology> {
  readonly availability: number;
  /** The condition in words, to follow "needs". */
  readonly condition: string;
  readonly holds: (topology: Topology) => boolean;
  readonly secondary?: boolean;
}

/** Number of availability zones that a thing is spread over. */
export interface Zones {
  readonly zones: number;
}

/** Services and what must be known of the topology to tell which figure applies. */
export interface Topologies {
  "aws.ec2": Zones;
  "aws.ebs": Record<string, never>;
  "aws.ecs": Zones;
  "aws.fargate": Zones;
  "aws.eks": { readonly provisionedControlPlane?: boolean };
  "aws.rds": { readonly multiAz: boolean };
  "aws.aurora": Zones;
  "aws.elb": Zones;
  "aws.elasticache": {
    readonly multiAz: boolean;
    readonly automaticFailover: boolean;
    /** Of node types that AWS calls previous generations. */
    readonly earlierGeneration?: boolean;
  };
  "aws.route53": Record<string, never>;
  "aws.s3": {
    readonly storageClass:
      | "standard"
      | "intelligent-tiering"
      | "standard-ia"
      | "one-zone-ia"
      | "glacier-instant-retrieval"
      | "other";
  };
  "aws.cloudfront": Record<string, never>;
  "google.compute": Zones & NetworkTier & GoogleRegion & { readonly memoryOptimised?: boolean };
  "google.load-balancing": NetworkTier & GoogleRegion;
  "google.gke": { readonly location: "zonal" | "regional"; readonly autopilot?: boolean };
  "google.gke-autopilot-pods": Zones & { readonly regions?: number };
  "google.cloud-sql": {
    readonly edition: "enterprise" | "enterprise-plus";
    readonly highAvailability: boolean;
    readonly sharedCore?: boolean;
  };
  "google.memorystore": {
    readonly tier: "cluster-multi-zone-ha" | "cluster-single-zone" | "standard" | "basic";
    /** Nodes on shared cores, for which nothing is promised. */
    readonly sharedCore?: boolean;
  };
  "google.cloud-dns": Record<string, never>;
  "google.bigquery": Record<string, never>;
  "sakura.dedicated-network": Record<string, never>;
  "sakura.dedicated-server": Record<string, never>;
  "sakura.cloud-server": Record<string, never>;
}

export interface NetworkTier {
  readonly networkTier: "premium" | "standard";
}

export interface GoogleRegion {
  /** For example `europe-west2`. @default - one that is promised what most are */
  readonly region?: string;
}

export type SlaService = keyof Topologies;

const always = (): boolean => true;
const severalZones = ({ zones }: Zones): boolean => zones >= 2;

/** The day of the last comparison of all entries with their sources that were compared. */
const COMPARED = "2026-11-27";

/** Mexico and Stockholm, which are promised less than other regions. */
const LESSER_REGIONS = ["northamerica-south1", "europe-north2"];
const fullRegion = ({ region }: GoogleRegion): boolean =>
  region === undefined || !LESSER_REGIONS.includes(region);

const awsCompute = (
  label: string,
  one: { readonly condition: string; readonly secondary?: boolean },
  compared?: string,
): Entry<Zones> => ({
  label,
  plane: "serving",
  source: "https://aws.amazon.com/compute/sla/",
  effectiveDate: "2022",
  compared,
  assumedOutageHours: 1,
  tiers: [
    {
      availability: 0.9999,
      condition: "instances running in at least 2 zones of the region",
      holds: severalZones,
    },
    { ...one, availability: 0.995, holds: ({ zones }) => zones >= 1 },
  ],
});

export const CATALOGUE: { readonly [S in SlaService]: Entry<Topologies[S]> } = {
  "aws.ec2": awsCompute("Amazon EC2", { condition: "one instance", secondary: true }),
  "aws.ebs": {
    label: "Amazon EBS",
    plane: "serving",
    source: "https://aws.amazon.com/ebs/sla/",
    effectiveDate: "2022-05-31",
    compared: COMPARED,
    assumedOutageHours: 1,
    tiers: [{ availability: 0.999, condition: "one volume", holds: always }],
  },
  "aws.ecs": awsCompute("Amazon ECS", { condition: "one task" }, COMPARED),
  "aws.fargate": awsCompute("AWS Fargate", { condition: "one task" }, COMPARED),
  "aws.eks": {
    label: "Amazon EKS Kubernetes API",
    plane: "control",
    source: "https://aws.amazon.com/eks/sla/",
    effectiveDate: "2022",
    compared: COMPARED,
    assumedOutageHours: 1,
    tiers: [
      {
        availability: 0.9999,
        condition: "a provisioned control plane",
        holds: ({ provisionedControlPlane = false }) => provisionedControlPlane,
      },
      { availability: 0.9995, condition: "a cluster endpoint", holds: always },
    ],
  },
  "aws.rds": {
    label: "Amazon RDS",
    plane: "serving",
    source: "https://aws.amazon.com/rds/sla/",
    effectiveDate: "2024-01-22",
    assumedOutageHours: 0.5,
    tiers: [
      { availability: 0.9995, condition: "a Multi-AZ instance or cluster", holds: ({ multiAz }) => multiAz },
      { availability: 0.995, condition: "one instance", holds: always },
    ],
  },
  "aws.aurora": {
    label: "Amazon Aurora",
    plane: "serving",
    source: "https://aws.amazon.com/rds/aurora/sla/",
    effectiveDate: "2022-05-19",
    assumedOutageHours: 0.5,
    tiers: [
      { availability: 0.9999, condition: "a cluster in at least 2 zones", holds: severalZones },
      { availability: 0.999, condition: "a cluster in one zone", holds: ({ zones }) => zones >= 1 },
    ],
  },
  "aws.elb": {
    label: "Elastic Load Balancing",
    plane: "serving",
    source: "https://aws.amazon.com/elasticloadbalancing/sla/",
    effectiveDate: "2022-07",
    assumedOutageHours: 0.5,
    tiers: [
      { availability: 0.9999, condition: "at least 2 zones enabled", holds: severalZones },
      { availability: 0.999, condition: "one zone enabled", holds: ({ zones }) => zones >= 1 },
    ],
  },
  "aws.elasticache": {
    label: "Amazon ElastiCache",
    plane: "serving",
    source: "https://aws.amazon.com/elasticache/sla/",
    compared: COMPARED,
    assumedOutageHours: 0.5,
    tiers: [
      {
        availability: 0.9999,
        condition: "Multi-AZ with automatic failover, of a current generation",
        holds: ({ multiAz, automaticFailover, earlierGeneration = false }) =>
          multiAz && automaticFailover && !earlierGeneration,
      },
      {
        availability: 0.999,
        condition: "Multi-AZ with automatic failover",
        holds: ({ multiAz, automaticFailover }) => multiAz && automaticFailover,
      },
      { availability: 0.995, condition: "a cluster", holds: always, secondary: true },
    ],
  },
  "aws.route53": {
    label: "Amazon Route 53",
    plane: "serving",
    source: "https://aws.amazon.com/route53/sla/",
    assumedOutageHours: 0.5,
    tiers: [{ availability: 1, condition: "authoritative answers", holds: always, secondary: true }],
  },
  "aws.s3": {
    label: "Amazon S3",
    plane: "serving",
    source: "https://aws.amazon.com/s3/sla/",
    remark: "counted per request",
    effectiveDate: "2023-11-28",
    compared: COMPARED,
    assumedOutageHours: 1,
    tiers: [
      {
        availability: 0.999,
        condition: "the standard storage class",
        holds: ({ storageClass }) => storageClass === "standard",
      },
      {
        availability: 0.99,
        condition: "Intelligent-Tiering, Standard-IA, One Zone-IA or Glacier Instant Retrieval",
        holds: ({ storageClass }) => storageClass !== "other",
      },
    ],
  },
  "aws.cloudfront": {
    label: "Amazon CloudFront",
    plane: "serving",
    source: "https://aws.amazon.com/cloudfront/sla/",
    effectiveDate: "2022-05-05",
    remark: "counted per request",
    assumedOutageHours: 0.5,
    tiers: [{ availability: 0.999, condition: "a distribution", holds: always }],
  },
  "google.compute": {
    label: "Compute Engine",
    plane: "serving",
    source: "https://cloud.google.com/compute/sla",
    compared: COMPARED,
    assumedOutageHours: 1,
    tiers: [
      {
        availability: 0.9999,
        condition: "instances in at least 2 zones and the Premium network tier",
        holds: ({ zones, networkTier, region }) =>
          zones >= 2 && networkTier === "premium" && fullRegion({ region }),
      },
      {
        availability: 0.9995,
        condition: "instances in at least 2 zones of Mexico or Stockholm and the Premium network tier",
        holds: ({ zones, networkTier }) => zones >= 2 && networkTier === "premium",
      },
      {
        availability: 0.9995,
        condition: "a memory-optimised instance and the Premium network tier",
        holds: ({ zones, networkTier, memoryOptimised = false }) =>
          zones >= 1 && networkTier === "premium" && memoryOptimised,
      },
      {
        availability: 0.999,
        condition: "an instance and the Premium network tier, or instances in at least 2 zones",
        holds: ({ zones, networkTier }) => zones >= (networkTier === "premium" ? 1 : 2),
      },
    ],
  },
  "google.load-balancing": {
    label: "Google Cloud load balancing",
    plane: "serving",
    source: "https://cloud.google.com/compute/sla",
    compared: COMPARED,
    assumedOutageHours: 0.5,
    tiers: [
      {
        availability: 0.9999,
        condition: "the Premium network tier",
        holds: ({ networkTier, region }) => networkTier === "premium" && fullRegion({ region }),
      },
      {
        availability: 0.9995,
        condition: "the Premium network tier in Mexico or Stockholm",
        holds: ({ networkTier }) => networkTier === "premium",
      },
      { availability: 0.999, condition: "the Standard network tier", holds: always },
    ],
  },
  "google.gke": {
    label: "GKE control plane",
    plane: "control",
    source: "https://cloud.google.com/kubernetes-engine/sla",
    compared: COMPARED,
    assumedOutageHours: 1,
    tiers: [
      {
        availability: 0.9995,
        condition: "a regional or Autopilot cluster",
        holds: ({ location, autopilot = false }) => location === "regional" || autopilot,
      },
      { availability: 0.995, condition: "a zonal cluster", holds: always },
    ],
  },
  "google.gke-autopilot-pods": {
    label: "GKE Autopilot pods",
    plane: "serving",
    source: "https://cloud.google.com/kubernetes-engine/sla",
    compared: COMPARED,
    assumedOutageHours: 0.5,
    tiers: [
      {
        availability: 0.9999,
        condition: "pods in several regions",
        holds: ({ regions = 1 }) => regions >= 2,
      },
      { availability: 0.999, condition: "pods in at least 2 zones", holds: severalZones },
    ],
  },
  "google.cloud-sql": {
    label: "Cloud SQL",
    plane: "serving",
    source: "https://cloud.google.com/sql/sla",
    assumedOutageHours: 0.5,
    tiers: [
      {
        availability: 0.9999,
        condition: "Enterprise Plus with high availability",
        holds: ({ edition, highAvailability, sharedCore = false }) =>
          edition === "enterprise-plus" && highAvailability && !sharedCore,
      },
      {
        availability: 0.9995,
        condition: "high availability on dedicated cores",
        holds: ({ highAvailability, sharedCore = false }) => highAvailability && !sharedCore,
      },
    ],
  },
  "google.memorystore": {
    label: "Memorystore for Valkey",
    plane: "serving",
    source: "https://cloud.google.com/memorystore/sla",
    compared: COMPARED,
    assumedOutageHours: 0.5,
    tiers: [
      {
        availability: 0.9999,
        condition: "a multi-zone cluster with high availability, not on shared cores",
        holds: ({ tier, sharedCore = false }) => tier === "cluster-multi-zone-ha" && !sharedCore,
      },
      {
        availability: 0.999,
        condition: "a single-zone cluster or the Standard tier, not on shared cores",
        holds: ({ tier, sharedCore = false }) =>
          (tier === "cluster-single-zone" || tier === "standard") && !sharedCore,
      },
    ],
  },
  "google.cloud-dns": {
    label: "Cloud DNS",
    plane: "serving",
    source: "https://cloud.google.com/dns/sla",
    assumedOutageHours: 0.5,
    tiers: [{ availability: 1, condition: "authoritative answers", holds: always }],
  },
  "google.bigquery": {
    label: "BigQuery",
    plane: "serving",
    source: "https://cloud.google.com/bigquery/sla",
    assumedOutageHours: 1,
    tiers: [{ availability: 0.9999, condition: "queries", holds: always }],
  },
  "sakura.dedicated-network": {
    label: "Sakura dedicated server (PHY) network",
    plane: "serving",
    source: "https://server.sakura.ad.jp/specification/sla/",
    assumedOutageHours: 0.5,
    tiers: [{ availability: 0.9995, condition: "the provider's network", holds: always }],
  },
  "sakura.dedicated-server": {
    label: "Sakura dedicated server (PHY)",
    plane: "serving",
    source: "https://server.sakura.ad.jp/specification/sla/",
    remark: "hardware is swapped within 4 h; no figure for a server's uptime is promised",
    assumedOutageHours: 4,
    tiers: [],
  },
  "sakura.cloud-server": {
    label: "Sakura Cloud server",
    plane: "serving",
    source: "https://cloud.sakura.ad.jp/sla/",
    assumedOutageHours: 1,
    tiers: [{ availability: 0.9995, condition: "a server", holds: always, secondary: true }],
  },
};
