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
  "aws.ebs": Zones;
  "aws.ecs": Zones;
  "aws.fargate": Zones;
  "aws.eks": Record<string, never>;
  "aws.rds": { readonly multiAz: boolean };
  "aws.aurora": Zones;
  "aws.elb": Zones;
  "aws.elasticache": { readonly multiAz: boolean; readonly automaticFailover: boolean };
  "aws.route53": Record<string, never>;
  "aws.s3": { readonly storageClass: "standard" | "other" };
  "aws.cloudfront": Record<string, never>;
  "google.compute": Zones & NetworkTier & { readonly memoryOptimised?: boolean };
  "google.load-balancing": NetworkTier;
  "google.gke": { readonly location: "zonal" | "regional"; readonly autopilot?: boolean };
  "google.gke-autopilot-pods": Zones;
  "google.cloud-sql": {
    readonly edition: "enterprise" | "enterprise-plus";
    readonly highAvailability: boolean;
    readonly sharedCore?: boolean;
  };
  "google.memorystore": { readonly tier: "cluster-multi-zone-ha" | "standard" | "basic" };
  "google.cloud-dns": Record<string, never>;
  "google.bigquery": Record<string, never>;
  "sakura.dedicated-network": Record<string, never>;
  "sakura.dedicated-server": Record<string, never>;
  "sakura.cloud-server": Record<string, never>;
}

export interface NetworkTier {
  readonly networkTier: "premium" | "standard";
}

export type SlaService = keyof Topologies;

const always = (): boolean => true;
const severalZones = ({ zones }: Zones): boolean => zones >= 2;

const awsCompute = (label: string): Entry<Zones> => ({
  label,
  plane: "serving",
  source: "https://aws.amazon.com/compute/sla/",
  effectiveDate: "2022",
  tiers: [
    {
      availability: 0.9999,
      condition: "instances running in at least 2 zones of the region",
      holds: severalZones,
    },
    { availability: 0.995, condition: "one instance", holds: ({ zones }) => zones >= 1, secondary: true },
  ],
});

export const CATALOGUE: { readonly [S in SlaService]: Entry<Topologies[S]> } = {
  "aws.ec2": awsCompute("Amazon EC2"),
  "aws.ebs": awsCompute("Amazon EBS"),
  "aws.ecs": awsCompute("Amazon ECS"),
  "aws.fargate": awsCompute("AWS Fargate"),
  "aws.eks": {
    label: "Amazon EKS Kubernetes API",
    plane: "control",
    source: "https://aws.amazon.com/eks/sla/",
    effectiveDate: "2022",
    tiers: [{ availability: 0.9995, condition: "a cluster endpoint", holds: always }],
  },
  "aws.rds": {
    label: "Amazon RDS",
    plane: "serving",
    source: "https://aws.amazon.com/rds/sla/",
    effectiveDate: "2024-01-22",
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
    tiers: [
      { availability: 0.9999, condition: "at least 2 zones enabled", holds: severalZones },
      { availability: 0.999, condition: "one zone enabled", holds: ({ zones }) => zones >= 1 },
    ],
  },
  "aws.elasticache": {
    label: "Amazon ElastiCache",
    plane: "serving",
    source: "https://aws.amazon.com/elasticache/sla/",
    tiers: [
      {
        availability: 0.9999,
        condition: "Multi-AZ with automatic failover",
        holds: ({ multiAz, automaticFailover }) => multiAz && automaticFailover,
        secondary: true,
      },
      { availability: 0.995, condition: "a cluster", holds: always, secondary: true },
    ],
  },
  "aws.route53": {
    label: "Amazon Route 53",
    plane: "serving",
    source: "https://aws.amazon.com/route53/sla/",
    tiers: [{ availability: 1, condition: "authoritative answers", holds: always, secondary: true }],
  },
  "aws.s3": {
    label: "Amazon S3",
    plane: "serving",
    source: "https://aws.amazon.com/s3/sla/",
    remark: "counted per request",
    tiers: [
      {
        availability: 0.999,
        condition: "the standard storage class",
        holds: ({ storageClass }) => storageClass === "standard",
      },
    ],
  },
  "aws.cloudfront": {
    label: "Amazon CloudFront",
    plane: "serving",
    source: "https://aws.amazon.com/cloudfront/sla/",
    effectiveDate: "2022-05-05",
    remark: "counted per request",
    tiers: [{ availability: 0.999, condition: "a distribution", holds: always }],
  },
  "google.compute": {
    label: "Compute Engine",
    plane: "serving",
    source: "https://cloud.google.com/compute/sla",
    tiers: [
      {
        availability: 0.9999,
        condition: "instances in at least 2 zones and the Premium network tier",
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
    tiers: [
      {
        availability: 0.9999,
        condition: "the Premium network tier",
        holds: ({ networkTier }) => networkTier === "premium",
      },
      { availability: 0.999, condition: "the Standard network tier", holds: always },
    ],
  },
  "google.gke": {
    label: "GKE control plane",
    plane: "control",
    source: "https://cloud.google.com/kubernetes-engine/sla",
    effectiveDate: "2023-11",
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
    effectiveDate: "2023-11",
    tiers: [{ availability: 0.999, condition: "pods in at least 2 zones", holds: severalZones }],
  },
  "google.cloud-sql": {
    label: "Cloud SQL",
    plane: "serving",
    source: "https://cloud.google.com/sql/sla",
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
    label: "Memorystore",
    plane: "serving",
    source: "https://cloud.google.com/memorystore/sla",
    tiers: [
      {
        availability: 0.9999,
        condition: "a multi-zone cluster with high availability",
        holds: ({ tier }) => tier === "cluster-multi-zone-ha",
      },
      { availability: 0.999, condition: "the Standard tier", holds: ({ tier }) => tier === "standard" },
    ],
  },
  "google.cloud-dns": {
    label: "Cloud DNS",
    plane: "serving",
    source: "https://cloud.google.com/dns/sla",
    tiers: [{ availability: 1, condition: "authoritative answers", holds: always }],
  },
  "google.bigquery": {
    label: "BigQuery",
    plane: "serving",
    source: "https://cloud.google.com/bigquery/sla",
    tiers: [{ availability: 0.9999, condition: "queries", holds: always }],
  },
  "sakura.dedicated-network": {
    label: "Sakura dedicated server (PHY) network",
    plane: "serving",
    source: "https://server.sakura.ad.jp/specification/sla/",
    tiers: [{ availability: 0.9995, condition: "the provider's network", holds: always }],
  },
  "sakura.dedicated-server": {
    label: "Sakura dedicated server (PHY)",
    plane: "serving",
    source: "https://server.sakura.ad.jp/specification/sla/",
    remark: "hardware is swapped within 4 h; no figure for a server's uptime is promised",
    tiers: [],
  },
  "sakura.cloud-server": {
    label: "Sakura Cloud server",
    plane: "serving",
    source: "https://cloud.sakura.ad.jp/sla/",
    tiers: [{ availability: 0.9995, condition: "a server", holds: always, secondary: true }],
  },
};
