import { join } from "node:path";
import { Deployment, Testbed } from "../testbed";
import { Cluster } from "../testbed/cluster/cluster";
import { StackApplier } from "../testbed/cluster/stack-applier";
import { UK_CLUSTER, UK_ORIGIN, ukRegion } from "../testbed/uk-region";

/** A cluster with the stack `uk-workloads` on it. */
export class ClusterLab {
  readonly applier: StackApplier;
  /** Resources of the stack in the order in which they were begun. */
  readonly steps: string[] = [];
  private readonly deployment: Deployment;
  private readonly directory: string;

  private constructor(readonly testbed: Testbed) {
    this.directory = join(testbed.directory, "deployment");
    this.deployment = new Deployment(this.directory);
    this.deployment.adopt("jp", "us");
    this.applier = new StackApplier(
      testbed.cluster,
      { consul_gossip_key: Buffer.alloc(32, "gossip").toString("base64") },
      (step) => this.steps.push(step),
    );
  }

  /** Why there can be none on this machine; undefined when there can. */
  static obstacle(): string | undefined {
    return Testbed.obstacle() ?? Cluster.obstacle();
  }

  static async boot(): Promise<ClusterLab> {
    const testbed = await Testbed.boot({ hosts: [], far: { names: [UK_ORIGIN] }, cluster: UK_CLUSTER });
    return new ClusterLab(testbed);
  }

  get cluster(): Cluster {
    return this.testbed.cluster;
  }

  /** Puts the stack on the cluster as the region's value says, with these changes to it. */
  async deploy(changes: Partial<ReturnType<typeof ukRegion>> = {}): Promise<void> {
    this.deployment.write({ ...ukRegion(this.testbed), ...changes });
    const { code, output } = await this.deployment.synth();
    if (code !== 0) throw new Error(`synth failed:\n${output}`);
    await this.applier.apply(join(this.directory, "cdktf.out/stacks/uk-workloads"));
  }
}
