import { createHash } from "node:crypto";
import { OWN_LABELS } from "../constructs/kubernetes/own-labels";
import { DRAINED_MAP, PROXY_NAME, PROXY_POD_PATHS } from "../constructs/kubernetes/proxy-pods";
import { answerOf, type HostAnswer } from "../planning/hosts/host-command";
import { readStacks } from "../planning/stack/synthesized-stacks";
import type { ClusterApi } from "./recovery/cluster-api";
import { reachCluster } from "./recovery/reach-cluster";

/** What a proxy has answered to an operator. */
export interface AnswerOfProxy extends HostAnswer {
  /** Its host's name, or its pod's. */
  readonly host: string;
}

interface ProxyPod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status?: { readonly phase?: string };
}

/** The proxies of a region on a cluster, as whoever deploys them may have them run programs. */
export class ClusterProxies {
  constructor(
    private readonly api: ClusterApi,
    private readonly namespace: string,
  ) {}

  /**
   * @param out the app's output directory
   * @returns undefined where the region has no cluster
   * @throws Error where it has one without proxies, or Terraform cannot say where that is
   */
  static async of(out: string, region: string): Promise<ClusterProxies | undefined> {
    const name = `${region}-workloads`;
    if (!readStacks(out).some((stack) => stack.name === name)) return undefined;
    const { api, objects } = await reachCluster(out, name);
    const proxy = objects.find((object) => object.kind === "Deployment" && object.name === PROXY_NAME);
    if (proxy === undefined) throw new Error(`region "${region}" has no proxies on its cluster`);
    return new ClusterProxies(api, proxy.namespace!);
  }

  /** Names of the pods that serve or are about to. @throws Error when there is none */
  async pods(): Promise<string[]> {
    const labels = `app.kubernetes.io/name=${PROXY_NAME}`;
    const found = await this.api.list<ProxyPod>("/api/v1", this.namespace, "pods", labels);
    const running = found.filter(
      ({ metadata, status }) => metadata.deletionTimestamp === undefined && status?.phase === "Running",
    );
    if (running.length === 0) throw new Error(`no pod of the proxies runs in namespace ${this.namespace}`);
    return running.map(({ metadata }) => metadata.name).sort();
  }

  /** Has a pod run a program. */
  async run(pod: string, command: readonly string[]): Promise<AnswerOfProxy> {
    try {
      const { code, stdout, stderr } = await this.api.exec(this.namespace, pod, command);
      return { host: pod, ...answerOf(code, stdout, stderr) };
    } catch (error) {
      return { host: pod, code: null, said: "", lastLine: (error as Error).message };
    }
  }

  /**
   * Has the pods that are there take an origin out or let it back, and has those that are to come know it.
   *
   * @param origin as a proxy keeps it: `https://api.example.com:443`
   */
  async drain(run: "drain" | "undrain", origin: string): Promise<AnswerOfProxy[]> {
    const { bundle, config } = PROXY_POD_PATHS;
    const tellAll = async () =>
      Promise.all(
        (await this.pods()).map((pod) => this.run(pod, ["node", bundle, run, origin, "--config", config])),
      );
    if (run === "drain") {
      const answers = await tellAll();
      // What none of them would drain is kept for none.
      if (answers.every(({ code }) => code !== 0)) return answers;
    }
    await this.keep(origin, run === "drain");
    // Some may have started since, without knowing it.
    return tellAll();
  }

  /** Has pods that start later know whether an origin is drained. */
  private async keep(origin: string, isDrained: boolean): Promise<void> {
    // A key and an owner for each: two operators never undo each other's, nor does one have to read it first.
    const key = createHash("sha256").update(origin).digest("hex").slice(0, 16);
    await this.api.apply(`tricloud-drain-${key}`, `/api/v1/namespaces/${this.namespace}/configmaps`, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: DRAINED_MAP, namespace: this.namespace, labels: OWN_LABELS },
      data: isDrained ? { [key]: origin } : {},
    });
  }
}
