import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Attributes, type SynthesisedStack } from "../../constructs/google/synthesised-stack";
import { type Manifest, manifestOfResource, podsOf } from "../../constructs/kubernetes/manifests";
import { type Cluster } from "./cluster";
import { consulChart } from "./consul-chart";
import { imageFor } from "./images";

/** A resource of the stack, by what Terraform calls it: `TYPE.NAME`. */
interface Resource {
  readonly address: string;
  readonly type: string;
  readonly attributes: Attributes;
  /** Addresses of what must be there before it. */
  readonly needs: readonly string[];
}

/**
 * Puts on the cluster what a stack synthesises, in Terraform's place: each resource once those that it refers to or
 * names in `depends_on` are there, and a workload is there when its pods are ready. What a later stack no longer
 * has goes when all else is there; `destroy` takes everything away in the opposite order.
 */
export class StackApplier {
  /** What is on the cluster, by the resource's address. */
  private readonly applied = new Map<
    string,
    { readonly resource: Resource; readonly objects: readonly Manifest[] }
  >();

  /** @param variables values of the stack's variables, by name */
  constructor(
    private readonly cluster: Cluster,
    private readonly variables: Readonly<Record<string, string>>,
    private readonly onStep: (step: string) => void = () => undefined,
  ) {}

  /** @param folder directory with the stack's `cdk.tf.json` */
  async apply(folder: string): Promise<void> {
    const stack = this.stackIn(folder);
    const resources = resourcesOf(stack);
    const objects = new Map(resources.map((resource) => [resource.address, this.objectsOf(stack, resource)]));
    await this.tagImages([...objects.values()].flat());
    const started = new Map<string, Promise<void>>();
    const start = (address: string): Promise<void> => {
      const known = started.get(address);
      if (known !== undefined) return known;
      const resource = resources.find((each) => each.address === address);
      if (resource === undefined) throw new Error(`the stack refers to ${address}, which it does not have`);
      const made = Promise.all(resource.needs.map(start)).then(() =>
        this.make(resource, objects.get(address)!),
      );
      started.set(address, made);
      return made;
    };
    await Promise.all(resources.map(({ address }) => start(address)));
    await this.removeAllBut(new Set([...objects.values()].flat().map(identityOf)), started);
  }

  async destroy(): Promise<void> {
    await this.removeAllBut(new Set(), new Map());
  }

  private async make(resource: Resource, objects: readonly Manifest[]): Promise<void> {
    this.onStep(resource.address);
    const replaced = this.applied.get(resource.address)?.objects ?? [];
    this.left.push(...replaced.map((object) => ({ object, resource })));
    if (resource.type === "kubernetes_config_map_v1_data") await this.setData(objects);
    else if (objects.length > 0)
      await this.cluster.apply(...objects.map((object) => withoutIgnored(object, resource, replaced)));
    this.applied.set(resource.address, { resource, objects });
    for (const object of objects) await this.untilThere(object);
  }

  /** Objects of which nobody knows yet whether they stay. */
  private readonly left: { readonly object: Manifest; readonly resource: Resource }[] = [];

  private async removeAllBut(
    kept: ReadonlySet<string>,
    started: ReadonlyMap<string, unknown>,
  ): Promise<void> {
    for (const [address, { resource, objects }] of this.applied) {
      if (started.has(address)) continue;
      this.left.push(...objects.map((object) => ({ object, resource })));
    }
    const going = this.left.splice(0).filter(({ object }) => !kept.has(identityOf(object)));
    const gone = new Map<string, Promise<void>>();
    const remove = (resource: Resource): Promise<void> => {
      const known = gone.get(resource.address);
      if (known !== undefined) return known;
      const users = going.filter((each) => each.resource.needs.includes(resource.address));
      const removed = Promise.all(users.map((each) => remove(each.resource))).then(async () => {
        const own = going.filter((each) => each.resource === resource).map(({ object }) => object);
        this.onStep(`${resource.address} goes`);
        if (resource.type === "kubernetes_config_map_v1_data") await this.setData(own.map(withoutData));
        else await this.remove(own);
        if (!started.has(resource.address)) this.applied.delete(resource.address);
      });
      gone.set(resource.address, removed);
      return removed;
    };
    await Promise.all(going.map(({ resource }) => remove(resource)));
  }

  private async remove(objects: readonly Manifest[]): Promise<void> {
    for (const object of objects) {
      const { namespace, name } = object.metadata as { namespace?: string; name: string };
      const where = namespace === undefined ? [] : ["-n", namespace];
      await this.cluster.kubectl(
        ...where,
        "delete",
        kindOf(object),
        name,
        "--ignore-not-found",
        "--timeout=120s",
      );
    }
  }

  /** Only the fields given are owned, as the provider does it: others of the object stay whosever they are. */
  private async setData(objects: readonly Manifest[]): Promise<void> {
    await this.cluster.applyAs("tricloud", ...objects);
  }

  /** As long as the provider, or Helm, would wait. */
  private async untilThere(object: Manifest): Promise<void> {
    if (!["Deployment", "DaemonSet", "StatefulSet"].includes(object.kind)) return;
    const { namespace, name } = object.metadata as { namespace: string; name: string };
    await this.cluster.rollout(namespace, `${object.kind.toLowerCase()}/${name}`);
  }

  private objectsOf(stack: SynthesisedStack, { type, attributes }: Resource): Manifest[] {
    switch (type) {
      case "kubernetes_manifest":
        return [this.filled(stack, attributes["manifest"]) as Manifest];
      case "kubernetes_config_map_v1_data":
        return [
          { apiVersion: "v1", kind: "ConfigMap", ...pick(attributes, ["metadata", "data"]) } as Manifest,
        ];
      case "helm_release":
        return consulChart(
          JSON.parse((this.filled(stack, attributes["values"]) as [string])[0]) as Attributes,
          this.filled(stack, attributes["namespace"]) as string,
        );
      // The deploy's gate: it waits for what Google makes of a Gateway, which nobody makes here, and for rollouts, which
      // this applier waits for itself.
      case "terraform_data":
        return [];
      default:
        return [manifestOfResource(stack, type, this.filled(stack, attributes) as Attributes)];
    }
  }

  /** With the values of variables in place of their names, and names of objects in place of references to them. */
  private filled(stack: SynthesisedStack, value: unknown): unknown {
    if (Array.isArray(value)) return value.map((each) => this.filled(stack, each));
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, this.filled(stack, each)]));
    }
    if (typeof value !== "string") return value;
    return value
      .replace(/\$\{var\.(\w+)\}/g, (_, name: string) => {
        const found = this.variables[name];
        if (found === undefined) throw new Error(`no value for the variable ${name}`);
        return found;
      })
      .replace(/\$\{(kubernetes_\w+)\.([\w-]+)\.metadata\[0\]\.name\}/g, (_, type: string, name: string) => {
        const metadata = stack.resources(type)[name]?.["metadata"] as Attributes | undefined;
        if (metadata === undefined)
          throw new Error(`the stack refers to ${type}.${name}, which it does not have`);
        return String(metadata["name"]);
      });
  }

  private async tagImages(objects: readonly Manifest[]): Promise<void> {
    const images = new Set(
      objects
        .flatMap((object) => podsOf(object))
        .flatMap((pod) => (pod["containers"] as { image: string }[]).map(({ image }) => image)),
    );
    const tags = Object.fromEntries([...images].map((image) => [image, imageFor(image)]));
    await Promise.all(this.cluster.nodes.map((node) => node.tagImages(tags)));
  }

  private stackIn(folder: string): SynthesisedStack {
    const json = JSON.parse(readFileSync(join(folder, "cdk.tf.json"), "utf8")) as Attributes;
    const resources = json["resource"] as Record<string, Record<string, Attributes>>;
    return {
      json,
      resources: (type) => resources[type] ?? {},
      one: (type) => Object.values(resources[type] ?? {})[0]!,
      readFile: (path) => readFileSync(join(folder, path), "utf8"),
    };
  }
}

function resourcesOf(stack: SynthesisedStack): Resource[] {
  const byType = stack.json["resource"] as Record<string, Record<string, Attributes>>;
  return Object.entries(byType).flatMap(([type, resources]) =>
    Object.entries(resources).map(([name, attributes]) => ({
      address: `${type}.${name}`,
      type,
      attributes,
      needs: [
        ...((attributes["depends_on"] as string[] | undefined) ?? []),
        ...[...JSON.stringify(attributes).matchAll(/\$\{((?:kubernetes|helm)_\w+\.[\w-]+)\./g)].map(
          ([, each]) => each!,
        ),
      ],
    })),
  );
}

/** What an autoscaler says from then on is nobody else's to say again. */
function withoutIgnored(object: Manifest, resource: Resource, replaced: readonly Manifest[]): Manifest {
  const ignored = (resource.attributes["lifecycle"] as { ignore_changes?: string[] } | undefined)
    ?.ignore_changes;
  if (ignored === undefined || replaced.length === 0) return object;
  if (ignored.join() !== "spec[0].replicas")
    throw new Error(`cannot ignore changes of ${ignored.join(", ")}`);
  const spec = Object.entries(object["spec"] as Attributes).filter(([key]) => key !== "replicas");
  return { ...object, spec: Object.fromEntries(spec) };
}

const withoutData = (object: Manifest): Manifest => ({ ...object, data: {} });

const pick = (from: Attributes, keys: readonly string[]): Attributes =>
  Object.fromEntries(keys.map((key) => [key, from[key]]));

const kindOf = ({ apiVersion, kind }: Manifest): string => {
  const [group, version] = apiVersion.split("/");
  return version === undefined ? kind : `${kind}.${version}.${group}`;
};

const identityOf = (object: Manifest): string =>
  [kindOf(object), object.metadata["namespace"], object.metadata["name"]].join("/");
