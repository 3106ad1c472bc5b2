import {
  NetworkPolicyV1,
  type NetworkPolicyV1SpecIngress,
  type NetworkPolicyV1SpecIngressFrom,
} from "@cdktf/provider-kubernetes/lib/network-policy-v1";
import { Construct } from "constructs";
import { OWN_LABELS } from "./own-labels";

/** Pods and machines that may open connections. */
export type Peers =
  /** Everybody, pods and machines alike. */
  | { readonly anywhere: true }
  /** Pods of every namespace. */
  | { readonly pods: "all" }
  /** Pods of one namespace; with `podLabels`, those of them that carry all of these. */
  | { readonly namespace: string; readonly podLabels?: Readonly<Record<string, string>> }
  /** Machines outside the cluster; pods and nodes never match a network, whatever their addresses. */
  | { readonly networks: readonly string[] };

export interface AllowedIngress {
  /** Who may connect; where that comes to nobody, the entry lets in nobody. */
  readonly from: readonly Peers[];
  /** Numbers or names of the pods' ports. @default - all */
  readonly tcp?: readonly (number | string)[];
  /** Numbers or names of the pods' ports. @default - all */
  readonly udp?: readonly (number | string)[];
}

export interface IngressPolicyProps {
  /** Name of the policy, unique in the namespace. */
  readonly name: string;
  /** Namespace of the pods. */
  readonly namespace: string;
  /** Labels of the pods that the policy is for. @default - all pods of the namespace */
  readonly podLabels?: Readonly<Record<string, string>>;
  /** Who may connect to them. What no entry allows is refused. @default - nobody */
  readonly allow?: readonly AllowedIngress[];
}

/** Who may open connections to pods. The kubelet's own probes always may. */
export class IngressPolicy extends Construct {
  constructor(scope: Construct, id: string, props: IngressPolicyProps) {
    super(scope, id);
    const { name, namespace, podLabels = {}, allow = [] } = props;
    new NetworkPolicyV1(this, "policy", {
      metadata: { name, namespace, labels: OWN_LABELS },
      spec: {
        podSelector: { matchLabels: { ...podLabels } },
        policyTypes: ["Ingress"],
        ingress: allow.flatMap(ingressRule),
      },
    });
  }
}

function ingressRule({ from, tcp = [], udp = [] }: AllowedIngress): NetworkPolicyV1SpecIngress[] {
  const numbered = (protocol: string) => (port: number | string) => ({ protocol, port: String(port) });
  const open = from.some((peers) => "anywhere" in peers);
  const blocks = from.flatMap(peerBlocks);
  // Kubernetes takes a rule that names nobody for one that lets in everybody.
  if (!open && blocks.length === 0) return [];
  return [
    {
      from: open ? undefined : blocks,
      ports: [...tcp.map(numbered("TCP")), ...udp.map(numbered("UDP"))],
    },
  ];
}

function peerBlocks(peers: Peers): NetworkPolicyV1SpecIngressFrom[] {
  if ("pods" in peers) return [{ namespaceSelector: {} }];
  if ("namespace" in peers) {
    const { namespace, podLabels } = peers;
    return [
      {
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
        podSelector: podLabels && { matchLabels: { ...podLabels } },
      },
    ];
  }
  return "networks" in peers ? peers.networks.map((cidr) => ({ ipBlock: { cidr } })) : [];
}

/** Namespace of the collectors that Google's managed Prometheus runs on each node. */
export const METRICS_COLLECTORS = { namespace: "gmp-system" } as const satisfies Peers;
