import { DaemonSet } from "kubernetes-models/apps/v1/DaemonSet";
import { Deployment } from "kubernetes-models/apps/v1/Deployment";
import { HorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler";
import { CronJob } from "kubernetes-models/batch/v1/CronJob";
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1/NetworkPolicy";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1/PodDisruptionBudget";
import { Role } from "kubernetes-models/rbac.authorization.k8s.io/v1/Role";
import { RoleBinding } from "kubernetes-models/rbac.authorization.k8s.io/v1/RoleBinding";
import { StorageClass } from "kubernetes-models/storage.k8s.io/v1/StorageClass";
import { ConfigMap } from "kubernetes-models/v1/ConfigMap";
import { Namespace } from "kubernetes-models/v1/Namespace";
import { PersistentVolumeClaim } from "kubernetes-models/v1/PersistentVolumeClaim";
import { Secret } from "kubernetes-models/v1/Secret";
import { Service } from "kubernetes-models/v1/Service";
import { ServiceAccount } from "kubernetes-models/v1/ServiceAccount";
import { type Manifest } from "./manifests";

type Model = new (manifest: never) => { validate(): void };

const MODELS: Readonly<Record<string, Model>> = {
  ConfigMap,
  CronJob,
  DaemonSet,
  Deployment,
  HorizontalPodAutoscaler,
  Namespace,
  NetworkPolicy,
  PersistentVolumeClaim,
  PodDisruptionBudget,
  Role,
  RoleBinding,
  Secret,
  Service,
  ServiceAccount,
  StorageClass,
};

/**
 * What Kubernetes would find wrong with a manifest: values of the wrong type, required fields that are missing,
 * and fields that no version of the kind has.
 */
export function schemaErrors(manifest: Manifest): string[] {
  const model = MODELS[manifest.kind];
  if (model === undefined) throw new Error(`no schema is known for kind ${manifest.kind}`);
  return modelErrors(manifest, model);
}

/** As above, for a kind whose model is given. */
export function modelErrors(manifest: Manifest, model: Model): string[] {
  const unread = new Map<string, Set<string>>();
  const instance = Object.assign(Object.create(model.prototype as object) as { validate(): void }, manifest);
  try {
    watch(instance, manifest.kind, unread).validate();
  } catch (error) {
    return [(error as Error).message];
  }
  return [...unread].flatMap(([path, keys]) => [...keys].map((key) => `${path}.${key} is not known`));
}

/** Records which fields the schema never asked for: those that it does not know. */
function watch<T extends object>(value: T, path: string, unread: Map<string, Set<string>>): T {
  if (!Array.isArray(value)) unread.set(path, new Set(Object.keys(value)));
  const inner = new Map<PropertyKey, unknown>();
  return new Proxy(value, {
    get: (target, key, self) => {
      const found: unknown = Reflect.get(target, key, self);
      if (typeof key === "string") unread.get(path)?.delete(key);
      if (typeof found !== "object" || found === null) return found;
      if (!inner.has(key)) inner.set(key, watch(found, `${path}.${String(key)}`, unread));
      return inner.get(key);
    },
  });
}
