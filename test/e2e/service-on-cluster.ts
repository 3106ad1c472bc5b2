import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { KubernetesProvider } from "@cdktf/provider-kubernetes/lib/provider";
import { App, LocalBackend, TerraformStack, TerraformVariable } from "cdktf";
import { component } from "../../constructs/availability";
import { ClusterService, ConsulChart } from "../../constructs/kubernetes";
import { CONSUL_CHART } from "../constructs/kubernetes/consul-chart-props";
import { type CommandResult } from "../testbed/command";
import { type Cluster } from "../testbed/cluster/cluster";
import { ClusterTerraform } from "../testbed/cluster/cluster-terraform";
import { madeImage } from "../testbed/cluster/made-image";
import { programFile } from "../testbed/cluster/program-file";

/** Versions of the service: two that work, and one that ends as soon as it is started. */
export type Version = "1" | "2" | "broken";

const VERSIONS: readonly Version[] = ["1", "2", "broken"];
const STACK = "shop";

/** Somebody's own stack with one service, on a cluster whose namespace `app` is there. */
export class ServiceOnCluster {
  readonly port = 8080;
  private readonly out: string;
  private readonly terraform: ClusterTerraform;

  private constructor(
    cluster: Cluster,
    private readonly directory: string,
    token: string,
    private readonly images: ReadonlyMap<Version, string>,
    private readonly variables: Record<string, string>,
    private readonly host: string,
  ) {
    this.out = join(directory, "cdktf.out");
    this.terraform = new ClusterTerraform({ cluster, token, out: this.out, stack: STACK, variables });
  }

  static async create(cluster: Cluster, directory: string): Promise<ServiceOnCluster> {
    mkdirSync(directory);
    const images = new Map<Version, string>();
    for (const version of VERSIONS) {
      const files = { "srv/web.cjs": readFileSync(programFile("web.cjs"), "utf8"), "srv/version": version };
      const command = ["node", "/srv/web.cjs"];
      images.set(version, await madeImage(cluster, { name: `web-${version}`, directory, files, command }));
    }
    const token = await cluster.token();
    const variables = { token, key: "" };
    const host = `https://${cluster.apiAddress}`;
    return new ServiceOnCluster(cluster, directory, token, images, variables, host);
  }

  /** Releases a version with a secret, whatever comes of it. */
  async deploy(version: Version, key: string, boundSeconds = 300): Promise<CommandResult> {
    this.variables["key"] = key;
    const app = new App({ outdir: this.out });
    const stack = new TerraformStack(app, STACK);
    new LocalBackend(stack, { path: join(this.directory, "terraform.tfstate") });
    new KubernetesProvider(stack, "kubernetes", {});
    const secret = (name: string) =>
      new TerraformVariable(stack, name, { type: "string", sensitive: true }).stringValue;
    const zones = ["a", "b", "c"].map((zone) => ({
      availability: component(zone, { availability: 0.999 }),
    }));
    const service = new ClusterService(stack, "web", {
      name: "web",
      namespace: "app",
      access: { host: this.host, token: secret("token") },
      workers: { zones },
      region: "uk",
      image: this.images.get(version)!,
      port: this.port,
      health: { path: "/healthz" },
      secrets: { "session-key": secret("key") },
      metricsPath: "/metrics",
      boundSeconds,
    });
    service.registerWith(new ConsulChart(new TerraformStack(new App(), "uk"), "consul", CONSUL_CHART));
    app.synth();
    return this.terraform.apply();
  }

  async destroy(): Promise<void> {
    await this.terraform.destroy();
  }

  close(): void {
    this.terraform.close();
  }
}
