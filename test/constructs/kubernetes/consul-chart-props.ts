import { type ConsulChartProps } from "../../../constructs/kubernetes";
import { WORKERS } from "./workers";

/** Consul on a cluster, with nothing that could be left out. */
export const CONSUL_CHART: ConsulChartProps = {
  namespace: "consul",
  datacenter: "uk",
  chartVersion: "1.9.11",
  image: "docker.io/hashicorp/consul:1.22.3",
  dnsAddress: "10.30.16.54",
  workers: WORKERS,
};
