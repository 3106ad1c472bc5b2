/** Keeps pods of one workload apart: zones are a must, nodes a wish. */
export const zoneSpread = (matchLabels: Readonly<Record<string, string>>) => [
  {
    maxSkew: 1,
    topologyKey: "topology.kubernetes.io/zone",
    whenUnsatisfiable: "DoNotSchedule",
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
