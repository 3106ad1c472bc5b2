import { resolve } from "node:path";
import { Testbed, until } from "../testbed";
import { attempt, type CommandResult } from "../testbed/command";
import { Cluster } from "../testbed/cluster/cluster";
import { type RegionChanges, WorkloadsDeployment } from "../testbed/cluster/workloads-deployment";
import { UK_CLUSTER, UK_ORIGIN } from "../testbed/uk-region";

/** A cluster with the stack `uk-workloads` on it. */
export class ClusterLab {
  private constructor(
    readonly testbed: Testbed,
    readonly workloads: WorkloadsDeployment,
    /** Changes of resources, in the order in which they were begun. */
    readonly steps: string[],
    private readonly hooks: Hooks,
  ) {}

  /** Why there can be none on this machine; undefined when there can. */
  static obstacle(): string | undefined {
    return Testbed.obstacle() ?? Cluster.obstacle();
  }

  static async boot(): Promise<ClusterLab> {
    const testbed = await Testbed.boot({ hosts: [], far: { names: [UK_ORIGIN] }, cluster: UK_CLUSTER });
    const steps: string[] = [];
    const hooks: Hooks = {};
    const workloads = await WorkloadsDeployment.create(testbed, async (moment, step) => {
      if (moment === "before") steps.push(step);
      await hooks.onStep?.(moment, step);
    });
    return new ClusterLab(testbed, workloads, steps, hooks);
  }

  get cluster(): Cluster {
    return this.testbed.cluster;
  }

  /**
   * Deploys, and kills Terraform with all that it runs at a change of a resource: before anything is made of it, or once
   * it is made on the cluster and Terraform has not heard of it yet.
   *
   * @returns whether it came to that; otherwise the deploy has ended whole
   */
  async deployCut({ at, helmAtWork = false, oneByOne = false, changes }: Cut): Promise<boolean> {
    let cut: Promise<void> | undefined;
    this.hooks.onStep = async (moment, step) => {
      if (cut !== undefined || !at(moment, step)) return;
      cut = (helmAtWork ? this.untilHelmIsAtWork() : Promise.resolve()).then(() => this.workloads.cut());
      // Looked at once the deploy has ended.
      cut.catch(() => undefined);
      if (helmAtWork && moment === "before") return;
      await cut;
      if (moment === "before") throw new Error(`${step}: the deploy was cut`);
    };
    try {
      const { code, stdout, stderr } = await this.workloads.attempt(changes, oneByOne);
      if (cut === undefined && code !== 0) throw new Error(`deploy failed:\n${stdout}${stderr}`);
      await cut;
      return cut !== undefined;
    } finally {
      this.hooks.onStep = undefined;
    }
  }

  private async untilHelmIsAtWork(): Promise<void> {
    const pending = ["-l", "owner=helm,status in (pending-install,pending-upgrade)"];
    await until("Helm is at work", 120_000, async () => {
      const { stdout } = await this.cluster.attempt(
        "-n",
        "consul",
        "get",
        "secrets",
        "-o",
        "name",
        ...pending,
      );
      return stdout.trim() !== "" || undefined;
    });
  }

  /** Runs `tricloud recover uk-workloads`, whatever comes of it. */
  recover(...args: readonly string[]): Promise<CommandResult> {
    const command = [resolve("dist/cli/main.js"), "recover", "uk-workloads", "--out", this.workloads.out];
    return attempt(process.execPath, [...command, ...args], { env: this.workloads.environment });
  }

  async stop(): Promise<void> {
    this.workloads.close();
    await this.testbed.stop();
  }
}

/** When a deploy is cut. */
export interface Cut {
  readonly at: (moment: "before" | "after", step: string) => boolean;
  /** Wait from then on until Helm has begun and not ended an operation. @default false */
  readonly helmAtWork?: boolean;
  /** Change no resource while another is being changed. @default false */
  readonly oneByOne?: boolean;
  /** Of the region's value. @default - none */
  readonly changes?: RegionChanges;
}

interface Hooks {
  onStep?: (moment: "before" | "after", step: string) => Promise<void>;
}
