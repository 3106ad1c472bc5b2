import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { type Attributes, type SynthesisedStack } from "../../constructs/google/synthesised-stack";
import { type Manifest, manifestOfResource, podsOf } from "../../constructs/kubernetes/manifests";
import { type Cluster } from "./cluster";
import { type ClusterProvidersProps, type Identity } from "./cluster-providers";
import { consulChart, refuseSecured } from "./consul-chart";
import { imageFor } from "./images";

/** What a stack's resources are on a cluster: the objects of each, and how they come and go. */
export class StackOnCluster {
  private readonly stack: SynthesisedStack;
  private readonly cluster: Cluster;

  /** @param folder directory with the stack's `cdk.tf.json` */
  constructor(
    private readonly props: ClusterProvidersProps,
    folder: string,
  ) {
    this.cluster = props.cluster;
    this.stack = stackIn(folder);
  }

  async isThere(type: string, { kind, namespace, name }: Identity): Promise<boolean> {
    // What it sets is set again each time: whether the object is there is all that can be told.
    const where = namespace === undefined ? [] : ["-n", namespace];
    if (type === "helm_release") {
      const said = await this.cluster.kubectl(
        ...[...where, "get", "secrets", "-l", `owner=helm,name=${name}`, "-o", "name", "--ignore-not-found"],
      );
      return said.trim() !== "";
    }
    const resource = kind ?? kindOf(type);
    return (
      (await this.cluster.kubectl(...where, "get", resource, name, "-o", "name", "--ignore-not-found")) !== ""
    );
  }

  /**
   * Creates what the resource is, or makes it be as the stack has it.
   *
   * @param manifest what Terraform has planned, where that is all of the object
   * @throws Error as the real provider would
   */
  async make(type: string, identity: Identity, isNew: boolean, manifest?: Manifest): Promise<void> {
    const [id, attributes] = this.resource(type, identity);
    const address = `${type}.${id}`;
    await this.props.onStep("before", address);
    if (type === "helm_release") await this.release(attributes, isNew);
    else await this.put(type, attributes, manifest ?? this.objectOf(type, attributes), isNew);
    await this.props.onStep("after", address);
  }

  async remove(type: string, { kind, namespace, name }: Identity): Promise<void> {
    await this.props.onStep("before", `${type} ${name} goes`);
    const where = namespace === undefined ? [] : ["-n", namespace];
    if (type === "helm_release")
      await this.props.helm.run("uninstall", name, ...where, "--wait", "--timeout=120s");
    else if (type === "kubernetes_config_map_v1_data")
      await this.cluster.applyAs(OWNER, { ...CONFIG_MAP, metadata: { name, namespace }, data: {} });
    else {
      const resource = kind ?? kindOf(type);
      await this.cluster.kubectl(...where, "delete", resource, name, "--ignore-not-found", "--timeout=120s");
    }
    await this.props.onStep("after", `${type} ${name} goes`);
  }

  private async put(type: string, attributes: Attributes, object: Manifest, isNew: boolean): Promise<void> {
    const owned = type === "kubernetes_config_map_v1_data";
    if (isNew && !owned) await this.cluster.refuseExisting(object);
    await this.tagImages([object]);
    await this.cluster.applyAs(OWNER, isNew ? object : withoutIgnored(object, attributes));
    if (!waitsForRollout(type, attributes)) return;
    const { namespace, name } = object.metadata as { namespace: string; name: string };
    await this.cluster.rollout(namespace, `${object.kind.toLowerCase()}/${name}`);
  }

  private async release(attributes: Attributes, isNew: boolean): Promise<void> {
    const given = this.filled(attributes) as ReleaseAttributes;
    const chart = await this.chartOf(given);
    const command = !isNew
      ? ["upgrade"]
      : given.upgrade_install === true
        ? ["upgrade", "--install"]
        : ["install"];
    await this.props.helm.run(
      ...[
        ...command,
        given.name,
        ...chart,
        "-n",
        given.namespace,
        "--wait",
        "--rollback-on-failure",
        "--timeout=180s",
      ],
    );
  }

  /** What Helm installs, as arguments: HashiCorp's own chart with the values, or what stands in for it. */
  private async chartOf(given: ReleaseAttributes): Promise<string[]> {
    const { helm, chart } = this.props;
    const values = JSON.parse(given.values[0]) as Attributes;
    if (chart === undefined) {
      const objects = consulChart(values, given.namespace);
      await this.tagImages(objects);
      return [helm.chart(given.name, given.version, objects)];
    }
    refuseSecured(values);
    const valuesOf = helm.values(given.name, given.values[0]);
    const rendered = await helm.run(
      "template",
      given.name,
      chart.directory,
      "-n",
      given.namespace,
      ...valuesOf,
    );
    await this.tagImages(manifestsIn(rendered));
    return [chart.directory, ...valuesOf];
  }

  private objectOf(type: string, attributes: Attributes): Manifest {
    if (type === "kubernetes_config_map_v1_data") {
      const { metadata, data } = this.filled(attributes) as Attributes;
      return { ...CONFIG_MAP, metadata, data } as Manifest;
    }
    return manifestOfResource(this.stack, type, this.filled(attributes) as Attributes);
  }

  /** The resource of that name, with its logical id. */
  private resource(type: string, identity: Identity): [string, Attributes] {
    const found = Object.entries(this.stack.resources(type)).find(([, attributes]) => {
      const { kind, metadata } = (attributes["manifest"] ?? attributes) as Attributes;
      const { name, namespace } = this.filled(metadata ?? attributes) as Attributes;
      return (
        name === identity.name &&
        namespace === identity.namespace &&
        (identity.kind === undefined || kind === identity.kind)
      );
    });
    if (found === undefined) throw new Error(`the stack has no ${type} ${JSON.stringify(identity)}`);
    return found;
  }

  /** With the values of variables in place of their names, and names of objects in place of references to them. */
  private filled(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((each) => this.filled(each));
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, this.filled(each)]));
    }
    if (typeof value !== "string") return value;
    return value
      .replace(/\$\{var\.(\w+)\}/g, (_, name: string) => {
        const found = this.props.variables[name];
        if (found === undefined) throw new Error(`no value for the variable ${name}`);
        return found;
      })
      .replace(/\$\{(kubernetes_\w+)\.([\w-]+)\.metadata\[0\]\.name\}/g, (_, type: string, name: string) => {
        const metadata = this.stack.resources(type)[name]?.["metadata"] as Attributes | undefined;
        if (metadata === undefined)
          throw new Error(`the stack refers to ${type}.${name}, which it does not have`);
        return String(metadata["name"]);
      });
  }

  private async tagImages(objects: readonly Manifest[]): Promise<void> {
    const images = objects
      .flatMap((object) => podsOf(object))
      .flatMap(({ containers, initContainers = [] }) =>
        [containers, initContainers].flatMap((each) => each as { image: string }[]),
      )
      .map(({ image }) => image);
    const { chart } = this.props;
    const named = images.map(async (image) => [image, (await chart?.imageFor(image)) ?? imageFor(image)]);
    const tags = Object.fromEntries((await Promise.all(named)).filter(([image, found]) => found !== image));
    await Promise.all(this.cluster.nodes.map((node) => node.tagImages(tags)));
  }
}

const manifestsIn = (yaml: string): Manifest[] =>
  parseAllDocuments(yaml)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);

interface ReleaseAttributes {
  readonly name: string;
  readonly namespace: string;
  readonly version: string;
  readonly values: readonly [string];
  readonly upgrade_install?: boolean;
}

/** Whose fields they are: those that are no longer given go. */
const OWNER = "tricloud";

const CONFIG_MAP = { apiVersion: "v1", kind: "ConfigMap" };

/** kubectl's name for what a type of the provider makes: `kubernetes_config_map_v1` is a `configmap`. */
const kindOf = (type: string): string =>
  type
    .replace(/^kubernetes_/, "")
    .replace(/_v\d+(_data)?$/, "")
    .replaceAll("_", "");

/** What an autoscaler says from then on is nobody else's to say again. */
function withoutIgnored(object: Manifest, attributes: Attributes): Manifest {
  const ignored = (attributes["lifecycle"] as { ignore_changes?: string[] } | undefined)?.ignore_changes;
  if (ignored === undefined) return object;
  if (ignored.join() !== "spec[0].replicas")
    throw new Error(`cannot ignore changes of ${ignored.join(", ")}`);
  const spec = Object.entries(object["spec"] as Attributes).filter(([key]) => key !== "replicas");
  return { ...object, spec: Object.fromEntries(spec) };
}

function stackIn(folder: string): SynthesisedStack {
  const json = JSON.parse(readFileSync(join(folder, "cdk.tf.json"), "utf8")) as Attributes;
  const resources = json["resource"] as Record<string, Record<string, Attributes>>;
  return {
    json,
    resources: (type) => resources[type] ?? {},
    one: (type) => Object.values(resources[type] ?? {})[0]!,
    readFile: (path) => readFileSync(join(folder, path), "utf8"),
  };
}

/** Resources of a kind wait unless told not to; a manifest waits for nothing that it does not name. */
function waitsForRollout(type: string, attributes: Attributes): boolean {
  if (type === "kubernetes_manifest") return attributes["wait"] !== undefined;
  return /_(deployment|daemon_set)/.test(type) && attributes["wait_for_rollout"] !== false;
}
