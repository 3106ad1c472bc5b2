import { Construct } from "constructs";
import { type Block, type HasAvailability } from "../availability";
import { type ForwardZone, type IServiceDiscovery, type IProxySuffixTarget, PROXY_SUFFIXES } from "../dns";
import { proxySuffixTargets, resolverNames } from "../dns/proxy-suffixes";
import { type HasTopology, type TopologyElement } from "../topology";
import { ResolverDaemonSet } from "./resolver-daemon-set";
import { StubDomains } from "./stub-domains";
import { type IWorkerZones } from "./worker-zones";

export interface ClusterResolverProps {
  /** Namespace of its pods; `WorkloadNamespace` makes one that suits. */
  readonly namespace: string;
  /** Image that has `unbound` and `unbound-control` on its path. */
  readonly image: string;
  /** The oldest unbound release that the image may hold. @default "1.22" */
  readonly unboundRelease?: string;
  /** Image that has `node` on its path, for what tells its metrics. @default - nobody is told any */
  readonly metricsImage?: string;
  /** Nodes it runs on, by zone. */
  readonly workers: IWorkerZones;
  /** Address it answers at, inside the cluster's range for Services. */
  readonly address: string;
  /** Networks that may ask: those of the nodes and of the pods. */
  readonly clients: readonly string[];
  /** Service discovery whose names are to resolve. */
  readonly consul: Pick<IServiceDiscovery, "domain" | "dnsAddresses" | "peerDatacenters" | "failsOver">;
  /** Where host names under the proxy suffixes lead. */
  readonly proxy: IProxySuffixTarget;
  /** The labels that send a request through the proxy. @default - ccnproxy, -https, -ssl, -secure and -service */
  readonly proxySuffixes?: readonly string[];
  /** Resolvers for all other names outside the cluster. */
  readonly forwarders: readonly string[];
  /** Names with a fixed IPv4 address. @default {} */
  readonly records?: Readonly<Record<string, string>>;
}

/**
 * The caching resolver of a cluster: pods ask their node's DNS cache as ever, and that asks unbound for what only
 * Tricloud knows, and for names of the internet, which then outlive the servers that know them.
 */
export class ClusterResolver extends Construct implements HasAvailability, HasTopology {
  readonly availability: Block;
  readonly topology: readonly TopologyElement[];
  /** Where metrics are collected from; undefined where none are told. */
  readonly metrics: ResolverDaemonSet["metrics"];

  /** @throws Error for options with which names would not resolve, each with its reason */
  constructor(scope: Construct, id: string, props: ClusterResolverProps) {
    super(scope, id);
    const { consul, forwarders, records = {}, proxySuffixes = PROXY_SUFFIXES } = props;
    const suffixes = proxySuffixTargets(proxySuffixes, props.proxy.serviceName, consul);
    const resolver = new ResolverDaemonSet(this, "daemon-set", {
      ...props,
      serviceAddress: props.address,
      options: {
        forwardZones: [consulZone(consul), ...reverseZones(forwarders)],
        // What the forwarders say is what pods would hear without us: machines, metadata and private zones among it.
        privateNetworks: [],
        upstreams: forwarders,
        proxySuffixes: suffixes,
        staticRecords: Object.entries(records).map(([name, value]) => ({ name, type: "A", value })),
      },
    });
    this.availability = resolver.availability;
    this.metrics = resolver.metrics;
    this.topology = [
      { kind: "workload", role: "resolver", on: [] },
      ...resolverNames(suffixes, records, forwarders, consul),
    ];
    new StubDomains(this, "stub-domains", {
      domains: [consul.domain, ...proxySuffixes, ...Object.keys(records)],
      resolvers: [resolver.serviceAddress],
      // No second choice: kube-dns would choose it as often, and what has no memory fails with the upstream servers.
      upstreams: [resolver.serviceAddress],
      dependsOn: resolver.answering,
    });
  }
}

const consulZone = ({ domain, dnsAddresses }: ClusterResolverProps["consul"]): ForwardZone => ({
  name: domain,
  forwarders: dnsAddresses,
});

/** Names of private addresses, which unbound would say do not exist. */
const reverseZones = (forwarders: readonly string[]): ForwardZone[] =>
  [
    "10.in-addr.arpa",
    ...Array.from({ length: 16 }, (_, index) => `${16 + index}.172.in-addr.arpa`),
    "168.192.in-addr.arpa",
    "254.169.in-addr.arpa",
  ].map((name) => ({ name, forwarders, internal: true }));
