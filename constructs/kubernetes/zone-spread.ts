import type { DeploymentV1SpecTemplateSpecTopologySpreadConstraint } from "@cdktf/provider-kubernetes/lib/deployment-v1";

/**
 * Keeps the pods of one Deployment apart: zones are a must, nodes a wish. `spreadOver` counts on it.
 *
 * @param matchLabels labels that only this Deployment's pods have
 */
export const zoneSpread = (
  matchLabels: Readonly<Record<string, string>>,
): DeploymentV1SpecTemplateSpecTopologySpreadConstraint[] => [
  {
    maxSkew: 1,
    topologyKey: "topology.kubernetes.io/zone",
    whenUnsatisfiable: "DoNotSchedule",
    // A zone whose nodes are lost or drained is none to be even with: pods that are wanted now go to the others.
    nodeTaintsPolicy: "Honor",
    labelSelector: [{ matchLabels: { ...matchLabels } }],
    // Pods of the release before do not count, or the last of a rolling update would find no place.
    matchLabelKeys: ["pod-template-hash"],
  },
  {
    maxSkew: 1,
    topologyKey: "kubernetes.io/hostname",
    whenUnsatisfiable: "ScheduleAnyway",
    labelSelector: [{ matchLabels: { ...matchLabels } }],
    matchLabelKeys: ["pod-template-hash"],
  },
];
