import { NamespaceV1 } from "@cdktf/provider-kubernetes/lib/namespace-v1";
import { Construct } from "constructs";
import { IngressPolicy } from "./ingress-policy";
import { OWN_LABELS } from "./own-labels";

/** Profiles of the Pod Security Standards, from loose to strict. */
export type PodSecurity = "privileged" | "baseline" | "restricted";

export interface WorkloadNamespaceProps {
  /** Name of the namespace. */
  readonly name: string;
  /** Pods below this profile are refused; pods below `restricted` are reported. @default "restricted" */
  readonly podSecurity?: PodSecurity;
}

/**
 * A namespace that takes only well-behaved pods, and to whose pods nobody may connect but whom an `IngressPolicy`
 * lets in.
 */
export class WorkloadNamespace extends Construct {
  /** A reference: what uses it waits until the namespace is there. */
  readonly namespaceName: string;

  constructor(scope: Construct, id: string, props: WorkloadNamespaceProps) {
    super(scope, id);
    const namespace = new NamespaceV1(this, "namespace", {
      metadata: {
        name: props.name,
        labels: {
          ...OWN_LABELS,
          "pod-security.kubernetes.io/enforce": props.podSecurity ?? "restricted",
          "pod-security.kubernetes.io/audit": "restricted",
          "pod-security.kubernetes.io/warn": "restricted",
        },
      },
    });
    this.namespaceName = namespace.metadata.name;
    new IngressPolicy(this, "refuse-ingress", { name: "refuse-ingress", namespace: this.namespaceName });
  }
}
