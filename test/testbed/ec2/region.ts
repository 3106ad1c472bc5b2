import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Ec2RegionInput, validateRegions } from "../../../stacks/values/regions";
import { type ServiceInput, validateServices } from "../../../stacks/values/services";
import { addStacks } from "../../../stacks";
import { type CommandResult } from "../command";
import { FAR_ADDRESS } from "../network";
import { regionSecrets } from "../region-secrets";
import { Testbed } from "../testbed";
import { publishAgent } from "./agent-package";
import { AutoScalingGroup } from "./auto-scaling-group";
import { Aws, AWS_REGION } from "./aws";
import { Cloud, type GroupPlan } from "./cloud";
import { Deployer } from "./deployer";
import { Instance, ZONES } from "./instance";
import { Stack } from "./stack";
import { VPC_RESOLVER } from "./vpc-resolver";

/** Name of the origin at the far site: one of the world's, found through the VPC's resolver. */
export const ORIGIN = "api.example.com";

/** The region value of the laboratory: what it names of its own is where Consul's package and the origin are. */
export function usRegion(testbed: Testbed): Ec2RegionInput {
  return {
    name: "us",
    platform: "ec2",
    cidr: testbed.network.cidr,
    awsRegion: AWS_REGION,
    availabilityZones: ZONES,
    image: "ami-0123456789abcdef0",
    // A crowded machine may take minutes; one that is given up too early is launched again and again.
    bootTimeoutSeconds: 300,
    servers: { "consul-server": { count: 3 }, proxy: { count: 2 }, app: { count: 2 } },
    proxy: {
      allow: [ORIGIN],
      warm: [`${ORIGIN}:443=2`],
      caCertificate: readFileSync(testbed.far.authority, "utf8"),
    },
    consul: {
      aptSource: testbed.consulSource,
    },
    dns: { forwarders: [VPC_RESOLVER] },
  };
}

/** A region of EC2 on this machine: what AWS gives, and groups of machines that boot with what was synthesised. */
export class Ec2Laboratory {
  /**
   * @param onStep told what is being done, a line each
   * @param elsewhere names of servers in another place, which are of no group and can run containers
   */
  static async open(
    onStep: (step: string) => void = () => undefined,
    elsewhere: readonly string[] = [],
  ): Promise<Ec2Laboratory> {
    const testbed = await Testbed.boot({
      ...{ hosts: elsewhere, elsewhere: true, containers: true, far: { names: [ORIGIN] }, onStep },
    });
    try {
      const aws = await Aws.start(testbed, { [ORIGIN]: FAR_ADDRESS });
      await publishAgent(aws, testbed.directory);
      return new Ec2Laboratory(testbed, aws, await Deployer.start(testbed, aws), onStep);
    } catch (error) {
      await testbed.stop();
      throw error;
    }
  }

  /** What the deployer gives to Terraform. */
  readonly variables: Record<string, string> = { ...regionSecrets("us", "ec2") };
  readonly groups = new Map<string, AutoScalingGroup>();
  private readonly cloud: Cloud;
  /** Version that each step by which machines take a file has last seen to, by its address. */
  private readonly reloaded = new Map<string, string>();
  private deploys = 0;
  private launched = 0;

  private constructor(
    readonly testbed: Testbed,
    readonly aws: Aws,
    readonly deployer: Deployer,
    private readonly onStep: (step: string) => void,
  ) {
    this.cloud = new Cloud(aws, this.variables);
    aws.onAutoScaling = (call) => {
      if (call.action === "autoscaling:DescribeAutoScalingGroups") {
        const names = Object.entries(call).flatMap(([key, value]) =>
          key.startsWith("AutoScalingGroupNames.member.") ? [value] : [],
        );
        const asked = [...this.groups.values()].filter(({ name }) => names.includes(name));
        return { groups: asked.map(({ name, states }) => ({ name, machines: states })) };
      }
      for (const group of this.groups.values()) {
        const verdict = group.complete(call);
        if (verdict !== undefined) return verdict === "done" ? {} : { problem: verdict };
      }
      const message = `no group ${call["AutoScalingGroupName"]}`;
      return { problem: { code: "ValidationError", status: 400, message } };
    };
    aws.onCommand = (id, script) => {
      const machines = [...this.groups.values()].flatMap(({ inService }) => inService);
      const machine = machines.find((each) => each.id === id);
      if (machine === undefined) throw new Error(`no machine ${id} is in service`);
      return machine.runScript(script);
    };
  }

  group(name: string): AutoScalingGroup {
    const group = this.groups.get(name);
    if (group === undefined)
      throw new Error(`no group ${name}; there are ${[...this.groups.keys()].join(", ")}`);
    return group;
  }

  /**
   * Synthesises the region.
   *
   * @param others regions that services run in besides
   * @returns its groups as a deploy would have them, each after those it depends on
   */
  async plan(
    region: Ec2RegionInput,
    services: readonly ServiceInput[] = [],
    others: readonly { readonly name: string }[] = [],
  ): Promise<GroupPlan[]> {
    const directory = join(this.testbed.directory, `deploy-${++this.deploys}`);
    mkdirSync(directory);
    const regions = validateRegions(
      [region, ...others].map((value) => ({ file: `${value.name}.json`, value })),
    );
    const values = validateServices(
      services.map((value) => ({ file: `${value.name}.json`, value })),
      regions,
    );
    const stack = await Stack.synthesise(directory, region.name, (app) =>
      addStacks(app, regions[0]!, values).then(() => undefined),
    );
    return this.cloud.apply(stack);
  }

  /**
   * Makes what is not there, and has groups whose machines are to boot with something else replace them: each once those
   * it depends on are settled, as Terraform does it.
   *
   * @returns what its steps have said
   * @throws Error with what one has said that failed
   */
  async deploy(plans: readonly GroupPlan[]): Promise<string> {
    const settled = new Map<string, Promise<string>>();
    for (const plan of plans) {
      const earlier = Promise.all(plan.after.map((name) => settled.get(name)));
      settled.set(
        plan.name,
        earlier.then(async () => {
          await this.settle(plan);
          return this.reload(plan);
        }),
      );
    }
    return (await Promise.all(settled.values())).join("");
  }

  /** Runs the built command `tricloud` for what was planned last, as an operator would, whatever comes of it. */
  tricloud(...words: string[]): Promise<CommandResult> {
    const deploy = join(this.testbed.directory, `deploy-${this.deploys}`);
    return this.deployer.tricloud(Stack.output(deploy), words);
  }

  /** Runs the steps of a group's that have not seen to their file's version. */
  private async reload({ reloads }: GroupPlan): Promise<string> {
    let said = "";
    for (const { address, version, folder, task } of reloads) {
      if (this.reloaded.get(address) === version) continue;
      this.reloaded.delete(address);
      said += await this.deployer.reload(folder, task);
      this.reloaded.set(address, version);
    }
    return said;
  }

  async close(): Promise<void> {
    for (const group of this.groups.values()) group.stop();
    await this.testbed.stop();
  }

  private async settle(plan: GroupPlan): Promise<void> {
    const existing = this.groups.get(plan.name);
    this.onStep(`group ${plan.name}`);
    if (existing !== undefined) {
      existing.update(plan);
      return existing.settled();
    }
    const group = new AutoScalingGroup(plan, {
      launch: (current) => this.launch(current),
    });
    this.groups.set(plan.name, group);
    return group.start();
  }

  private async launch(plan: GroupPlan): Promise<Instance> {
    const zone = ZONES[this.launched++ % ZONES.length]!;
    const instance = await Instance.launch(this.testbed, this.aws, plan, zone);
    this.onStep(`${plan.name}: ${instance.id} at ${instance.host.address}`);
    return instance;
  }
}
