import { Manifest } from "@cdktf/provider-kubernetes/lib/manifest";
import { RoleBindingV1 } from "@cdktf/provider-kubernetes/lib/role-binding-v1";
import { RoleV1 } from "@cdktf/provider-kubernetes/lib/role-v1";
import { Construct } from "constructs";
import type { SecretEntry } from "./consul-secrets";
import { METRICS_COLLECTORS } from "./ingress-policy";
import { OWN_LABELS } from "./own-labels";

export interface MetricsScrapeProps {
  /** Name of the object, unique in the namespace. */
  readonly name: string;
  /** Namespace of the pods. */
  readonly namespace: string;
  /** Labels of the pods. */
  readonly podLabels: Readonly<Record<string, string>>;
  /** Name of the pods' port that answers. */
  readonly port: string;
  /** What it is asked for. @default "/metrics" */
  readonly path?: string;
  /** Parameters of what it is asked for. @default {} */
  readonly parameters?: Readonly<Record<string, string>>;
  /** How pods that speak TLS are known. @default - they speak plain HTTP */
  readonly tls?: ScrapeTls;
  /** Where the token is kept that pods ask for; collectors may then read it. @default - they ask for none */
  readonly token?: SecretEntry;
  /** Time from one collection to the next. @default 30 */
  readonly intervalSeconds?: number;
}

/** How a collector knows pods that speak TLS. */
export interface ScrapeTls {
  /** Where the certificate of the authority is kept that vouches for them; collectors may then read it. */
  readonly authority: SecretEntry;
  /** The name in their certificates. */
  readonly serverName: string;
}

/** Has Google's managed Prometheus collect metrics from pods; their `IngressPolicy` must let the collectors in. */
export class MetricsScrape extends Construct {
  /** @throws Error when no label says which pods */
  constructor(scope: Construct, id: string, props: MetricsScrapeProps) {
    super(scope, id);
    const { name, namespace, podLabels } = props;
    if (Object.keys(podLabels).length === 0) {
      throw new Error(`metrics of ${name}: podLabels must hold at least one label, got: {}`);
    }
    new Manifest(this, "monitoring", {
      manifest: {
        apiVersion: "monitoring.googleapis.com/v1",
        kind: "PodMonitoring",
        metadata: { name, namespace, labels: OWN_LABELS },
        spec: {
          selector: { matchLabels: { ...podLabels } },
          endpoints: [endpoint(props)],
        },
      },
    });
    const secrets = [props.tls?.authority, props.token].flatMap((entry) => entry?.secretName ?? []);
    if (secrets.length > 0) this.letCollectorsRead(props, secrets);
  }

  private letCollectorsRead({ name, namespace }: MetricsScrapeProps, secrets: string[]): void {
    const metadata = { name: `${name}-metrics`, namespace, labels: OWN_LABELS };
    const role = new RoleV1(this, "secrets", {
      metadata,
      rule: [
        { apiGroups: [""], resources: ["secrets"], resourceNames: secrets, verbs: ["get", "list", "watch"] },
      ],
    });
    new RoleBindingV1(this, "secrets-binding", {
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: role.metadata.name },
      subject: [{ kind: "ServiceAccount", name: "collector", namespace: METRICS_COLLECTORS.namespace }],
    });
  }
}

function endpoint({
  port,
  path = "/metrics",
  parameters,
  tls,
  token,
  intervalSeconds = 30,
}: MetricsScrapeProps) {
  return {
    port,
    path,
    interval: `${intervalSeconds}s`,
    ...(parameters && { params: listed(parameters) }),
    ...(tls && { scheme: "https", tls: { serverName: tls.serverName, ca: secretAt(tls.authority) } }),
    ...(token && { authorization: { type: "Bearer", credentials: secretAt(token) } }),
  };
}

const listed = (parameters: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, [value]]));

const secretAt = ({ secretName, secretKey }: SecretEntry) => ({
  secret: { name: secretName, key: secretKey },
});
