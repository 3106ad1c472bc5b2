import { ConfigMapV1Data } from "@cdktf/provider-kubernetes/lib/config-map-v1-data";
import type { ITerraformDependable } from "cdktf";
import { Construct } from "constructs";

export interface StubDomainsProps {
  /** Domains that are asked of the resolver, without a trailing dot. */
  readonly domains: readonly string[];
  /** Resolvers for these domains: IP addresses that answer port 53 by UDP and TCP. */
  readonly resolvers: readonly string[];
  /** Resolvers for all names outside the cluster. @default - those of the node */
  readonly upstreams?: readonly string[];
  /** What makes the resolvers answer: they are named once it is there, and no longer before it goes. @default - nothing */
  readonly dependsOn?: readonly ITerraformDependable[];
}

/**
 * Tells kube-dns, and through it the DNS cache on each node, whom to ask. GKE makes the ConfigMap itself, empty;
 * only the fields given here are written.
 */
export class StubDomains extends Construct {
  /** @throws Error when there is no domain or no resolver */
  constructor(scope: Construct, id: string, props: StubDomainsProps) {
    super(scope, id);
    const { domains, resolvers, upstreams } = props;
    if (domains.length === 0 || resolvers.length === 0) {
      throw new Error(
        `stub domains need at least one domain and one resolver, got: ${JSON.stringify({ domains, resolvers })}`,
      );
    }
    const stubDomains = Object.fromEntries(domains.map((domain) => [domain, resolvers]));
    new ConfigMapV1Data(this, "kube-dns", {
      metadata: { name: "kube-dns", namespace: "kube-system" },
      data: {
        stubDomains: JSON.stringify(stubDomains),
        ...(upstreams === undefined ? {} : { upstreamNameservers: JSON.stringify(upstreams) }),
      },
      force: true,
      dependsOn: [...(props.dependsOn ?? [])],
      fieldManager: "tricloud",
    });
  }
}
