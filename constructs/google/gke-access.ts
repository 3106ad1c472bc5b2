import { DataGoogleClientConfig } from "@cdktf/provider-google/lib/data-google-client-config";
import { HelmProvider } from "@cdktf/provider-helm/lib/provider";
import { KubernetesProvider } from "@cdktf/provider-kubernetes/lib/provider";
import { Construct } from "constructs";
import { type IGkeCluster } from "./gke-cluster";

export interface GkeAccessProps {
  /** The cluster; may belong to another stack, whose outputs are then read from its state. */
  readonly cluster: IGkeCluster;
}

/**
 * Configures the Kubernetes and Helm providers of a stack for a cluster. They act as whoever runs Terraform, with
 * a token that lives for an hour. The cluster must exist before this stack is planned:
 * make it in another stack, or take one that is there with `GkeCluster.fromAttributes`.
 */
export class GkeAccess extends Construct {
  /** URL of the control plane. */
  readonly host: string;
  /** The token, as an expression of a sensitive value. */
  readonly token: string;

  constructor(scope: Construct, id: string, props: GkeAccessProps) {
    super(scope, id);
    const { accessToken } = new DataGoogleClientConfig(this, "client", {});
    // The DNS endpoint shows a certificate of a public authority: there is no other one to pin.
    const connection = { host: `https://${props.cluster.dnsEndpoint}`, token: accessToken };
    this.host = connection.host;
    this.token = connection.token;
    new KubernetesProvider(this, "kubernetes", {
      ...connection,
      // Written by GKE and its controllers on what this stack owns.
      ignoreAnnotations: ["^cloud\\.google\\.com\\/neg.*", "^autopilot\\.gke\\.io\\/.*"],
    });
    new HelmProvider(this, "helm", { kubernetes: connection });
  }
}
