import { KINDS } from "../../../cli/recovery/stack-objects";
import { type Attributes, type SynthesisedStack } from "../google/synthesised-stack";

/** A Kubernetes object as its API takes it. */
export interface Manifest extends Attributes {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Attributes;
}

/** Set by the provider in objects of its own, not part of any Kubernetes object. */
const NOT_KUBERNETES = ["kubernetes_config_map_v1_data", "kubernetes_manifest"];

/** What resources hold for Terraform itself. */
const TERRAFORM_ONLY = ["//", "depends_on", "lifecycle", "wait_for_rollout", "wait_until_bound"];

/**
 * Every Kubernetes object of a stack, as the provider would send it.
 *
 * @throws Error for a resource of the provider that is not known here
 */
export function manifestsOf(stack: SynthesisedStack): Manifest[] {
  const types = Object.keys(stack.json["resource"] as Attributes).filter((type) =>
    type.startsWith("kubernetes_"),
  );
  return types
    .filter((type) => !NOT_KUBERNETES.includes(type))
    .flatMap((type) =>
      Object.values(stack.resources(type)).map((resource) => manifestOfResource(stack, type, resource)),
    );
}

/** Every object that a stack says whole, with the names of other objects in place of references to them. */
export function wholeManifestsOf(stack: SynthesisedStack): Manifest[] {
  const withNames = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(withNames);
    if (typeof value === "string") return resolved(stack, value);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withNames(inner)]));
  };
  return Object.values(stack.resources("kubernetes_manifest")).map(
    ({ manifest }) => withNames(manifest) as Manifest,
  );
}

/**
 * The Kubernetes object that the provider makes of one resource.
 *
 * @throws Error for a type that is not known here
 */
export function manifestOfResource(stack: SynthesisedStack, type: string, resource: Attributes): Manifest {
  const [apiVersion, kind] = KINDS[type] ?? [];
  if (apiVersion === undefined || kind === undefined) throw new Error(`no manifest is known for ${type}`);
  const own = Object.fromEntries(Object.entries(resource).filter(([key]) => !TERRAFORM_ONLY.includes(key)));
  return { apiVersion, kind, ...(converted(stack, own, kind) as Attributes) } as Manifest;
}

/** The one manifest of a kind and name. @throws Error when there is none */
export function manifestOf(stack: SynthesisedStack, kind: string, name: string | RegExp): Manifest {
  const found = manifestsOf(stack).find(
    (each) =>
      each.kind === kind &&
      (typeof name === "string" ? each.metadata["name"] === name : name.test(String(each.metadata["name"]))),
  );
  if (found === undefined) throw new Error(`no ${kind} ${String(name)}`);
  return found;
}

/** Spec of each pod that an object makes. */
export function podsOf({ kind, spec }: Manifest): Attributes[] {
  if (["Deployment", "DaemonSet", "StatefulSet"].includes(kind)) return [(spec as PodTemplate).template.spec];
  if (kind !== "CronJob") return [];
  return [(spec as { jobTemplate: { spec: PodTemplate } }).jobTemplate.spec.template.spec];
}

interface PodTemplate {
  readonly template: { readonly spec: Attributes };
}

/** Pod of a workload of the stack, and the files of all ConfigMaps. */
export function podAndFiles(stack: SynthesisedStack, kind: string, name: string) {
  const pod = podsOf(manifestOf(stack, kind, name))[0]!;
  const configMaps = Object.fromEntries(
    manifestsOf(stack)
      .filter((manifest) => manifest.kind === "ConfigMap")
      .map((manifest) => [String(manifest.metadata["name"]), manifest["data"] as Record<string, string>]),
  );
  return { pod, configMaps };
}

/** Keys of maps whose own keys are data and stay as they are. */
const MAPS = new Set([
  "labels",
  "annotations",
  "match_labels",
  "data",
  "limits",
  "requests",
  "node_selector",
  "parameters",
]);

/** Blocks that the provider names in the singular and Kubernetes in the plural, when they hold a list. */
const PLURALS: Readonly<Record<string, string>> = {
  container: "containers",
  init_container: "initContainers",
  volume: "volumes",
  volume_mount: "volumeMounts",
  port: "ports",
  toleration: "tolerations",
  topology_spread_constraint: "topologySpreadConstraints",
  sysctl: "sysctls",
  metric: "metrics",
  policy: "policies",
  rule: "rules",
  subject: "subjects",
};

/** Blocks that the provider takes as a list, of which there is at most one. */
const SINGLE = new Set(["label_selector", "tcp_socket", "scale_down", "scale_up"]);

/** Strings in the provider's schema, numbers in Kubernetes'. */
const NUMBERS =
  /^(replicas|default_mode|run_as_user|run_as_group|fs_group|max_surge|max_unavailable|min_available|toleration_seconds)$/;

function converted(stack: SynthesisedStack, value: unknown, kind: string): unknown {
  if (Array.isArray(value)) return value.map((item) => converted(stack, item, kind));
  if (typeof value === "string") return resolved(stack, value);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (kind === "Secret" && key === "data") return [key, encoded(inner as Attributes)];
      if (MAPS.has(key)) return [camel(key), resolvedMap(stack, inner as Attributes)];
      if (SINGLE.has(key) && Array.isArray(inner)) return [camel(key), converted(stack, inner[0], kind)];
      if (key === "default_mode") return [camel(key), Number.parseInt(String(inner), 8)];
      const name = kind === "DaemonSet" && key === "strategy" ? "updateStrategy" : named(key, inner);
      const isNumber =
        (NUMBERS.test(key) || (kind === "NetworkPolicy" && key === "port") || key === "target_port") &&
        typeof inner === "string" &&
        /^\d+$/.test(inner);
      return [name, isNumber ? Number(inner) : converted(stack, inner, kind)];
    }),
  );
}

function named(key: string, value: unknown): string {
  const plural = PLURALS[key];
  if (plural !== undefined && Array.isArray(value)) return plural;
  return camel(key === "storage_provisioner" ? "provisioner" : key).replace(/Ip$/, "IP");
}

const camel = (key: string): string => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** The provider encodes what a Secret holds. */
const encoded = (data: Attributes): Attributes =>
  Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(String(value)).toString("base64")]),
  );

const resolvedMap = (stack: SynthesisedStack, map: Attributes): Attributes =>
  Object.fromEntries(Object.entries(map).map(([key, value]) => [key, resolved(stack, String(value))]));

/** Evaluates the two expressions the constructs write: another object's name, and a file's text. */
function resolved(stack: SynthesisedStack, text: string): string {
  const file = /^\$\{file\("([^"]+)"\)\}$/.exec(text);
  if (file !== null) return stack.readFile(file[1]!);
  const name = /^\$\{(kubernetes_\w+)\.([\w-]+)\.metadata\[0\]\.name\}$/.exec(text);
  if (name !== null) {
    const resource = stack.resources(name[1]!)[name[2]!];
    if (resource === undefined) throw new Error(`nothing is called ${text}`);
    return resolved(stack, String((resource["metadata"] as Attributes)["name"]));
  }
  return text.replaceAll("$${", "${").replaceAll("%%{", "%{");
}
