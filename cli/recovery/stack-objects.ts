import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** An object of Kubernetes that a stack makes, and how Terraform finds it again. */
export interface StackObject {
  /** What Terraform calls it: `TYPE.NAME`. */
  readonly address: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** Undefined for what belongs to no namespace. */
  readonly namespace?: string;
  /** What `terraform import` is given. */
  readonly importId: string;
}

/** A release of Helm that a stack makes. */
export interface StackRelease {
  readonly address: string;
  readonly name: string;
  readonly namespace: string;
}

/** What a synthesised stack puts on a cluster, and as whom. */
export interface ClusterStack {
  readonly name: string;
  /** Where Terraform works on it. */
  readonly directory: string;
  readonly objects: readonly StackObject[];
  readonly releases: readonly StackRelease[];
  /** The provider's settings, as they are written: expressions of Terraform. */
  readonly access: { readonly host: string; readonly token: string };
  /** Data sources that these settings are made of. */
  readonly accessFrom: readonly string[];
}

/** Kinds that the constructs make, by the provider's types: API group with version, and kind. */
export const KINDS: Readonly<Record<string, readonly [apiVersion: string, kind: string]>> = {
  kubernetes_config_map_v1: ["v1", "ConfigMap"],
  kubernetes_cron_job_v1: ["batch/v1", "CronJob"],
  kubernetes_daemon_set_v1: ["apps/v1", "DaemonSet"],
  kubernetes_deployment_v1: ["apps/v1", "Deployment"],
  kubernetes_horizontal_pod_autoscaler_v2: ["autoscaling/v2", "HorizontalPodAutoscaler"],
  kubernetes_namespace_v1: ["v1", "Namespace"],
  kubernetes_network_policy_v1: ["networking.k8s.io/v1", "NetworkPolicy"],
  kubernetes_persistent_volume_claim_v1: ["v1", "PersistentVolumeClaim"],
  kubernetes_pod_disruption_budget_v1: ["policy/v1", "PodDisruptionBudget"],
  kubernetes_role_binding_v1: ["rbac.authorization.k8s.io/v1", "RoleBinding"],
  kubernetes_role_v1: ["rbac.authorization.k8s.io/v1", "Role"],
  kubernetes_secret_v1: ["v1", "Secret"],
  kubernetes_service_account_v1: ["v1", "ServiceAccount"],
  kubernetes_service_v1: ["v1", "Service"],
  kubernetes_storage_class_v1: ["storage.k8s.io/v1", "StorageClass"],
};

/** Sets fields of an object that somebody else made, and does so again without complaint. */
const NEEDS_NO_IMPORT = "kubernetes_config_map_v1_data";

type Attributes = Readonly<Record<string, unknown>>;
type Resources = Readonly<Record<string, Readonly<Record<string, Attributes>>>>;

/**
 * Reads what a stack puts on a cluster.
 *
 * @param out the app's output directory, `cdktf.out`
 * @throws Error when the stack is not synthesised, puts nothing on a cluster, or makes what cannot be told
 */
export function readClusterStack(out: string, name: string): ClusterStack {
  const directory = join(out, "stacks", name);
  const file = join(directory, "cdk.tf.json");
  if (!existsSync(file)) {
    throw new Error(`no stack ${JSON.stringify(name)} in ${out}: synthesise it first, or give --out`);
  }
  const json = JSON.parse(readFileSync(file, "utf8")) as {
    readonly resource?: Resources;
    readonly provider?: { readonly kubernetes?: readonly Attributes[] };
  };
  const [provider] = json.provider?.kubernetes ?? [];
  const { host, token } = provider ?? {};
  if (typeof host !== "string" || typeof token !== "string") {
    throw new Error(
      `stack ${name} puts nothing on a cluster: it has no kubernetes provider with host and token`,
    );
  }
  const resources = json.resource ?? {};
  return {
    name,
    directory,
    objects: [...objectsOf(resources)],
    releases: Object.entries(resources["helm_release"] ?? {}).map(([id, attributes]) => ({
      address: `helm_release.${id}`,
      name: textOf(resources, attributes["name"]),
      namespace: textOf(resources, attributes["namespace"] ?? "default"),
    })),
    access: { host, token },
    accessFrom: [
      ...new Set([...`${host} ${token}`.matchAll(/\bdata\.[\w-]+\.[\w-]+/g)].map(([address]) => address)),
    ],
  };
}

function* objectsOf(resources: Resources): Generator<StackObject> {
  for (const [type, byId] of Object.entries(resources)) {
    if (!type.startsWith("kubernetes_") || type === NEEDS_NO_IMPORT) continue;
    for (const [id, attributes] of Object.entries(byId)) {
      const address = `${type}.${id}`;
      if (type === "kubernetes_manifest") {
        yield ofManifest(resources, address, attributes["manifest"] as Attributes);
        continue;
      }
      const [apiVersion, kind] = KINDS[type] ?? [];
      if (apiVersion === undefined || kind === undefined) {
        throw new Error(`${address}: it is not known how objects of this type are found`);
      }
      const { name, namespace } = metadataOf(resources, attributes);
      yield {
        ...{ address, apiVersion, kind, name, namespace },
        importId: namespace === undefined ? name : `${namespace}/${name}`,
      };
    }
  }
}

function ofManifest(resources: Resources, address: string, manifest: Attributes): StackObject {
  const { apiVersion, kind } = manifest as { readonly apiVersion: string; readonly kind: string };
  const { name, namespace } = metadataOf(resources, manifest);
  const parts = { apiVersion, kind, namespace, name };
  const told = Object.entries(parts).filter(([, value]) => value !== undefined);
  return { address, ...parts, importId: told.map(([key, value]) => `${key}=${value}`).join(",") };
}

function metadataOf(resources: Resources, attributes: Attributes): { name: string; namespace?: string } {
  const { name, namespace } = attributes["metadata"] as Attributes;
  return {
    name: textOf(resources, name),
    namespace: namespace === undefined ? undefined : textOf(resources, namespace),
  };
}

const NAME_OF_ANOTHER = /\$\{(kubernetes_\w+)\.([\w-]+)\.metadata\[0\]\.name\}/g;

/** A name, with those of other objects of the stack in place of references to them. */
function textOf(resources: Resources, value: unknown): string {
  const text = String(value).replace(NAME_OF_ANOTHER, (reference, type: string, id: string) => {
    const metadata = resources[type]?.[id]?.["metadata"] as Attributes | undefined;
    return metadata === undefined ? reference : textOf(resources, metadata["name"]);
  });
  if (text.includes("${")) throw new Error(`a name is known to Terraform alone: ${text}`);
  return text;
}
