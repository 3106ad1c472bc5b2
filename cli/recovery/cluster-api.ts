import { type Ended, execInPod } from "../../constructs/kubernetes/gate/pod-exec.cjs";
import type { StackObject } from "./stack-objects";

/** What every object of Kubernetes says of itself. */
export interface KubernetesObject {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly creationTimestamp: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
}

/** An object as it is written. */
interface NamedObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

interface ResourceList {
  readonly resources: readonly {
    readonly kind: string;
    readonly name: string;
    readonly namespaced: boolean;
  }[];
}

/** The API of a cluster, as whoever deploys. */
export class ClusterApi {
  private readonly groups = new Map<string, Promise<ResourceList | undefined>>();

  constructor(
    readonly host: string,
    private readonly token: string,
  ) {}

  /** The object as the cluster has it; undefined when it has none. */
  async find(object: StackObject): Promise<KubernetesObject | undefined> {
    const { apiVersion, kind, name, namespace } = object;
    const group = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const listed = this.groups.get(group) ?? this.get<ResourceList>(group);
    this.groups.set(group, listed);
    const resource = (await listed)?.resources.find((each) => each.kind === kind && !each.name.includes("/"));
    // A kind that the cluster does not know has no objects.
    if (resource === undefined) return undefined;
    const where = resource.namespaced ? `/namespaces/${namespace}` : "";
    return this.get<KubernetesObject>(`${group}${where}/${resource.name}/${name}`);
  }

  /** The Secrets of a namespace with these labels; none when there is no namespace. */
  secrets(namespace: string, labels: string): Promise<readonly KubernetesObject[]> {
    return this.list("/api/v1", namespace, "secrets", labels);
  }

  /**
   * Objects of a namespace with these labels; none when there is no namespace.
   *
   * @param group path of the API group with its version, such as `/apis/apps/v1`
   */
  async list<T>(group: string, namespace: string, resource: string, labels: string): Promise<readonly T[]> {
    const query = `labelSelector=${encodeURIComponent(labels)}`;
    const list = await this.get<{ readonly items: readonly T[] }>(
      `${group}/namespaces/${namespace}/${resource}?${query}`,
    );
    return list?.items ?? [];
  }

  /** Deletes a Secret, provided that it is still the one that was looked at. */
  async deleteSecret(namespace: string, { metadata: { name, uid } }: KubernetesObject): Promise<void> {
    const path = `/api/v1/namespaces/${namespace}/secrets/${name}`;
    await this.exchange("DELETE", path, { preconditions: { uid } });
  }

  /** Runs a program in a pod's first container. @throws Error when it could not be run, or did not end within 30 s */
  exec(namespace: string, pod: string, command: readonly string[]): Promise<Ended> {
    const { host, token } = this;
    return execInPod({ host, token }, `/api/v1/namespaces/${namespace}/pods/${pod}`, command);
  }

  /**
   * Makes an object have all that is given, and no more what the same owner gave before.
   *
   * @param path of the kind's objects, with the namespace
   */
  async apply(owner: string, path: string, object: NamedObject): Promise<void> {
    const query = `fieldManager=${owner}&force=true`;
    // What is JSON is YAML too.
    await this.exchange(
      "PATCH",
      `${path}/${object.metadata.name}?${query}`,
      object,
      "application/apply-patch+yaml",
    );
  }

  private get<T>(path: string): Promise<T | undefined> {
    return this.exchange("GET", path) as Promise<T | undefined>;
  }

  /** The answer; undefined when there is nothing at the path. @throws Error for any other failure */
  private async exchange(
    method: string,
    path: string,
    body?: object,
    type = "application/json",
  ): Promise<unknown> {
    const url = `${this.host}${path}`;
    let response: Response;
    try {
      response = await fetch(url, {
        method,
        headers: {
          ...{ authorization: `Bearer ${this.token}`, accept: "application/json" },
          ...(body === undefined ? {} : { "content-type": type }),
        },
        body: body && JSON.stringify(body),
        signal: AbortSignal.timeout(30_000),
      });
    } catch (error) {
      const { message, cause } = error as Error & { readonly cause?: Error };
      throw new Error(`the cluster at ${this.host} cannot be asked: ${cause?.message ?? message}`, {
        cause: error,
      });
    }
    if (response.status === 404) return undefined;
    const answer = (await response.json().catch(() => ({}))) as { readonly message?: string };
    if (response.ok) return answer;
    throw new Error(`the cluster at ${this.host} refuses: ${answer.message ?? response.status}`);
  }
}
