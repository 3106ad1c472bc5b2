import { type ProviderHints, type TypeHints } from "./hints";

const OBJECT_NAME = [
  /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/,
  "1 to 253 lower case letters, digits, hyphens and dots",
] as const;

/** A Kubernetes object: its name and namespace make it what it is. */
function object(hints: TypeHints = {}): TypeHints {
  return {
    ...hints,
    replace: ["metadata.name", ...(hints.replace ?? [])],
    pattern: { "metadata.name": OBJECT_NAME, ...hints.pattern },
  };
}

function namespaced(hints: TypeHints = {}): TypeHints {
  return object({ ...hints, replace: ["metadata.namespace", ...(hints.replace ?? [])] });
}

/** From the Kubernetes API reference and the provider's documentation. */
export const KUBERNETES_HINTS: ProviderHints = {
  kubernetes_namespace_v1: object(),
  kubernetes_config_map_v1: namespaced(),
  kubernetes_config_map_v1_data: namespaced(),
  kubernetes_secret_v1: namespaced({ sensitive: ["data", "binary_data"], replace: ["type"] }),
  kubernetes_deployment_v1: namespaced({
    replace: ["spec.selector.match_labels"],
    allowed: { "spec.strategy.type": ["Recreate", "RollingUpdate"] },
  }),
  kubernetes_daemon_set_v1: namespaced({
    replace: ["spec.selector.match_labels"],
    allowed: { "spec.strategy.type": ["OnDelete", "RollingUpdate"] },
  }),
  kubernetes_stateful_set_v1: namespaced({ replace: ["spec.selector.match_labels", "spec.service_name"] }),
  kubernetes_service_v1: namespaced({
    replace: ["spec.cluster_ip"],
    allowed: { "spec.type": ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"] },
  }),
  kubernetes_service_account_v1: namespaced(),
  kubernetes_network_policy_v1: namespaced(),
  kubernetes_pod_disruption_budget_v1: namespaced({
    conflicts: [["spec.max_unavailable", "spec.min_available"]],
  }),
  kubernetes_horizontal_pod_autoscaler_v2: namespaced(),
  kubernetes_role_v1: namespaced(),
  kubernetes_role_binding_v1: namespaced({ replace: ["role_ref"] }),
  kubernetes_cluster_role_v1: object(),
  kubernetes_cluster_role_binding_v1: object({ replace: ["role_ref"] }),
  kubernetes_cron_job_v1: namespaced(),
  kubernetes_persistent_volume_claim_v1: namespaced({
    replace: [
      "spec.access_modes",
      "spec.selector",
      "spec.storage_class_name",
      "spec.volume_mode",
      "spec.volume_name",
    ],
  }),
  kubernetes_storage_class_v1: object({
    replace: [
      "allowed_topologies",
      "mount_options",
      "parameters",
      "reclaim_policy",
      "storage_provisioner",
      "volume_binding_mode",
    ],
    allowed: {
      reclaim_policy: ["Delete", "Retain"],
      volume_binding_mode: ["Immediate", "WaitForFirstConsumer"],
    },
  }),
  kubernetes_manifest: {
    replace: [
      "manifest.apiVersion",
      "manifest.kind",
      "manifest.metadata.name",
      "manifest.metadata.namespace",
    ],
  },
  kubernetes_priority_class_v1: object({ replace: ["value"] }),
};
