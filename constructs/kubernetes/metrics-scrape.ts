import { Manifest } from "@cdktf/provider-kubernetes/lib/manifest";
import { Construct } from "constructs";

export interface MetricsScrapeProps {
  /** Name of the object, unique in the namespace. */
  readonly name: string;
  /** Namespace of the pods. */
  readonly namespace: string;
  /** Labels of the pods. */
  readonly podLabels: Readonly<Record<string, string>>;
  /** Name of the pods' port that answers `/metrics`. */
  readonly port: string;
  /** Time from one collection to the next. @default 30 */
  readonly intervalSeconds?: number;
}

/** Has Google's managed Prometheus collect metrics from pods; their `IngressPolicy` must let the collectors in. */
export class MetricsScrape extends Construct {
  /** @throws Error when no label says which pods */
  constructor(scope: Construct, id: string, props: MetricsScrapeProps) {
    super(scope, id);
    const { name, namespace, podLabels, port, intervalSeconds = 30 } = props;
    if (Object.keys(podLabels).length === 0) {
      throw new Error(`metrics of ${name}: podLabels must hold at least one label, got: {}`);
    }
    new Manifest(this, "monitoring", {
      manifest: {
        apiVersion: "monitoring.googleapis.com/v1",
        kind: "PodMonitoring",
        metadata: { name, namespace },
        spec: {
          selector: { matchLabels: { ...podLabels } },
          endpoints: [{ port, path: "/metrics", interval: `${intervalSeconds}s` }],
        },
      },
    });
  }
}
