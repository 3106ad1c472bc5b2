import type { Ec2RegionInput } from "../stacks/values/regions";

const us: Ec2RegionInput = {
  name: "us",
  platform: "ec2",
  cidr: "10.20.0.0/16",
  awsRegion: "us-east-1",
  availabilityZones: ["us-east-1a", "us-east-1b", "us-east-1c"],
  nat: "per-zone",
  // Newer ones: docs/aws.md says how to find them. Each change replaces every machine.
  image: "debian-13-amd64-20251117-2299",
  servers: {
    "consul-server": { count: 3, instanceType: "t3.small" },
    proxy: { count: 3, instanceType: "t3.small" },
    app: { count: 3, instanceType: "t3.medium" },
  },
  proxy: {
    allow: ["api.example.com", "*.example.net"],
    warm: ["api.example.com:443=2"],
  },
  entrance: { domain: "service.example.com", zone: "example.com" },
  database: { instanceClass: "db.t4g.medium", storageGib: 50 },
  cache: { nodeType: "cache.t4g.small", nodes: 2 },
  consul: { version: "1.22.3" },
  pagerEmails: ["on-call@example.com"],
  // Each VPC has its own resolver two addresses above its base, and at this address from any subnet.
  dns: { forwarders: ["169.254.169.253"] },
};

export default us;
