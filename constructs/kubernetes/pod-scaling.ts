import { HorizontalPodAutoscalerV2 } from "@cdktf/provider-kubernetes/lib/horizontal-pod-autoscaler-v2";
import { PodDisruptionBudgetV1 } from "@cdktf/provider-kubernetes/lib/pod-disruption-budget-v1";
import { Construct } from "constructs";
import { OWN_LABELS } from "./own-labels";

export interface PodScalingProps {
  /** Name of the Deployment. */
  readonly deployment: string;
  /** Namespace of the Deployment. */
  readonly namespace: string;
  /** Labels of its pods. */
  readonly podLabels: Readonly<Record<string, string>>;
  /** Pods that always run. */
  readonly minPods: number;
  /** Pods at most. */
  readonly maxPods: number;
  /**
   * Mean use of CPU time to aim at, in percent of what the pods request.
   * @default 150, for pods that request a quarter of a core and can use one: what a lost zone served fits the rest
   */
  readonly cpuPercent?: number;
}

/** How many pods a Deployment has: more while they are busy, and at most one fewer for maintenance. */
export class PodScaling extends Construct {
  constructor(scope: Construct, id: string, props: PodScalingProps) {
    super(scope, id);
    const { deployment, namespace, podLabels, minPods, maxPods, cpuPercent = 150 } = props;
    const metadata = { name: deployment, namespace, labels: OWN_LABELS };
    new PodDisruptionBudgetV1(this, "disruption-budget", {
      metadata,
      spec: { maxUnavailable: "1", selector: { matchLabels: { ...podLabels } } },
    });
    new HorizontalPodAutoscalerV2(this, "autoscaler", {
      metadata,
      spec: {
        minReplicas: minPods,
        maxReplicas: maxPods,
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: deployment },
        metric: [
          {
            type: "Resource",
            resource: { name: "cpu", target: { type: "Utilization", averageUtilization: cpuPercent } },
          },
        ],
        behavior: { scaleDown: [SCALE_DOWN] },
      },
    });
  }
}

/** A pod that goes takes its open connections along: not for a short lull, and one at a time. */
const SCALE_DOWN = {
  stabilizationWindowSeconds: 600,
  selectPolicy: "Max",
  policy: [{ type: "Pods", value: 1, periodSeconds: 60 }],
};
