import type { GkeRegionInput } from "../stacks/values/regions";

const uk: GkeRegionInput = {
  name: "uk",
  platform: "gke",
  cidr: "10.30.0.0/16",
  project: "example-uk",
  gcpRegion: "europe-west2",
  zones: ["europe-west2-a", "europe-west2-b", "europe-west2-c"],
  ranges: {
    nodes: "10.30.0.0/20",
    services: "10.30.16.0/20",
    controlPlane: "10.30.32.0/28",
    data: "10.30.48.0/20",
    pods: "10.30.128.0/17",
  },
  nodes: { machineType: "e2-standard-2", minPerZone: 1, maxPerZone: 3 },
  proxyPods: { min: 3, max: 12 },
  proxy: {
    allow: ["api.example.com", "*.example.net"],
    warm: ["api.example.com:443=2"],
  },
  entrance: {
    zone: "uk.example.com",
    hosts: ["www.uk.example.com"],
    backend: { service: "app", port: 80, podPort: 8080, healthPath: "/healthz", podLabels: { app: "app" } },
  },
  // Compute Engine's own resolver, at the same address everywhere.
  dns: { forwarders: ["169.254.169.254"] },
};

export default uk;
