import { ServiceAccountV1 } from "@cdktf/provider-kubernetes/lib/service-account-v1";
import { Construct } from "constructs";
import { OWN_LABELS } from "./own-labels";

export interface PodIdentityProps {
  /** Name of the service account. */
  readonly name: string;
  /** Namespace of the pods. */
  readonly namespace: string;
  /** What ties it to an identity outside the cluster. @default - nothing */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A service account for pods to run under. It gives them nothing inside the cluster, not even a token. */
export class PodIdentity extends Construct {
  constructor(scope: Construct, id: string, props: PodIdentityProps) {
    super(scope, id);
    const { name, namespace, annotations = {} } = props;
    new ServiceAccountV1(this, "account", {
      metadata: { name, namespace, labels: OWN_LABELS, annotations: { ...annotations } },
      automountServiceAccountToken: false,
    });
  }
}
