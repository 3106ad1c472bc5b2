import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { attempt, type CommandResult } from "../testbed/command";
import { type RegionChanges } from "../testbed/cluster/workloads-deployment";
import { type ClusterLab } from "./cluster-lab";

const [NAMESPACE, FOLDER, CONFIG] = ["tricloud", "/etc/tricloud", "proxy.json"];
const ROLLOUT = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/proxy`;
const COMMAND = ["node", "/usr/local/lib/tricloud/tricloud-proxy.js", "reload", "--config"];

/** What a pod of the proxy's tells of itself, and how often its container has been started. */
export interface ProxyPod {
  readonly name: string;
  readonly starts: number;
  /** Hash of the configuration that it serves by. */
  readonly configuration: string;
}

const ASK = `fetch("http://127.0.0.1:9300/upstreams").then((answer) => answer.json())
  .then(({ configuration }) => console.log(configuration))`;

/** What `tricloud upstreams --json` tells. */
interface Upstreams {
  readonly proxies: readonly {
    readonly groups: readonly {
      readonly origins: readonly { readonly origin: string; readonly state: string }[];
    }[];
  }[];
}

/** The proxy's pods on a cluster, and what they serve by. */
export class ReloadsOnCluster {
  constructor(private readonly lab: ClusterLab) {}

  async pods(): Promise<ProxyPod[]> {
    const { items } = await this.lab.cluster.get<{
      readonly items: readonly {
        readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
        readonly status: { readonly containerStatuses: readonly [{ readonly restartCount: number }] };
      }[];
    }>("-n", NAMESPACE, "pods", "-l", "app.kubernetes.io/name=proxy");
    const staying = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    return Promise.all(
      staying.map(async ({ metadata: { name }, status }) => ({
        name,
        starts: status.containerStatuses[0].restartCount + 1,
        configuration: (
          await this.lab.cluster.kubectl("-n", NAMESPACE, "exec", name, "--", "node", "-e", ASK)
        ).trim(),
      })),
    );
  }

  /** Deploys with these changes of the region's value. @returns what the deploy has said @throws Error when it fails */
  async deploy(changes: RegionChanges): Promise<string> {
    const { code, stdout, stderr } = await this.lab.workloads.attempt(changes);
    if (code !== 0) throw new Error(`deploy failed:\n${stdout.slice(-4000)}${stderr}`);
    return stdout;
  }

  /** Runs a command of `tricloud` for the region's proxies, whatever comes of it. */
  operator(...words: readonly string[]): Promise<CommandResult> {
    const { out, environment } = this.lab.workloads;
    const command = [resolve("dist/cli/main.js"), ...words, "--region", "uk", "--json", "--out", out];
    return attempt(process.execPath, command, { env: environment });
  }

  /** State of each origin of a group, as every pod sees it. @throws Error when one does not tell */
  async origins(): Promise<(readonly { readonly origin: string; readonly state: string }[])[]> {
    const { code, stdout, stderr } = await this.operator("upstreams");
    if (code !== 0) throw new Error(`tricloud upstreams: exit code ${code}\n${stdout}${stderr}`);
    return (JSON.parse(stdout) as Upstreams).proxies.map(({ groups }) =>
      groups.flatMap(({ origins }) => origins.map(({ origin, state }) => ({ origin, state }))),
    );
  }

  /** Takes a pod away, and returns when there is another. */
  async replace(pod: string): Promise<void> {
    await this.lab.cluster.kubectl("-n", NAMESPACE, "delete", "pod", pod);
    await this.lab.cluster.rollout(NAMESPACE, "deployment/proxy");
  }

  /** Writes another text into the ConfigMap, as somebody may by hand. @returns the one that was there */
  async write(text: string): Promise<string> {
    const { items } = await this.lab.cluster.get<{
      readonly items: readonly {
        readonly metadata: { readonly name: string };
        readonly data: Readonly<Record<string, string>>;
      }[];
    }>("-n", NAMESPACE, "configmaps");
    const { metadata, data } = items.find((map) => map.data?.[CONFIG] !== undefined)!;
    const patch = JSON.stringify({ data: { [CONFIG]: text } });
    await this.lab.cluster.kubectl("-n", NAMESPACE, "patch", "configmap", metadata.name, "-p", patch);
    return data[CONFIG]!;
  }

  /** What the last step of a deploy comes to when all pods are to serve by this text. */
  async gate(text: string, boundSeconds: number): Promise<CommandResult> {
    const { cluster, workloads } = this.lab;
    const file = createHash("sha256").update(text).digest("hex");
    const digest = createHash("sha256").update(`${CONFIG} ${file}\n`).digest("hex");
    const reload = { folder: FOLDER, digest, command: [...COMMAND, `${FOLDER}/${CONFIG}`] };
    const task = {
      ...{ host: `https://${cluster.apiAddress}`, boundSeconds, pollSeconds: 1 },
      await: [{ what: "proxy", rollout: ROLLOUT, reload }],
    };
    return attempt("node", [resolve("constructs/kubernetes/gate/await-ready.mjs")], {
      env: {
        ...workloads.environment,
        TRICLOUD_AWAIT: JSON.stringify(task),
        TRICLOUD_TOKEN: await cluster.token(),
      },
    });
  }
}
