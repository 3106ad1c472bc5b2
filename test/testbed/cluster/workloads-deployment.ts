import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DedicatedRegionInput } from "../../../stacks/values/regions";
import { type ServiceInput } from "../../../stacks/values/services";
import { stateOf } from "../../../planning/stack/remote-state";
import { readStacks } from "../../../planning/stack/synthesized-stacks";
import { type CommandResult } from "../command";
import { Deployment } from "../deployment";
import { type Testbed } from "../testbed";
import { ukRegion } from "../uk-region";
import { type ClusterProvidersProps } from "./cluster-providers";
import { ClusterTerraform } from "./cluster-terraform";

const STACK = "uk-workloads";

/** Fields of the region's value that are to be others. */
export type RegionChanges = Partial<ReturnType<typeof ukRegion>>;

/** The stack uk-workloads on a testbed's cluster, put there by real Terraform. */
export class WorkloadsDeployment {
  private readonly deployment: Deployment;
  private readonly directory: string;
  private readonly terraform: ClusterTerraform;
  private readonly variables: Record<string, string> = {
    consul_gossip_key: Buffer.alloc(32, "gossip").toString("base64"),
  };

  private constructor(
    private readonly testbed: Testbed,
    token: string,
    onStep: ClusterProvidersProps["onStep"],
  ) {
    this.directory = join(testbed.directory, "deployment");
    this.deployment = new Deployment(this.directory);
    this.deployment.adopt("jp", "us");
    const { out, variables } = this;
    const { cluster } = testbed;
    this.terraform = new ClusterTerraform({ cluster, token, out, stack: STACK, variables, onStep });
  }

  /** @param onStep told of each change of a resource; while what it returns is pending the change is too */
  static async create(
    testbed: Testbed,
    onStep: ClusterProvidersProps["onStep"] = () => undefined,
  ): Promise<WorkloadsDeployment> {
    return new WorkloadsDeployment(testbed, await testbed.cluster.token(), onStep);
  }

  /** Where the app is synthesised. */
  get out(): string {
    return join(this.directory, "cdktf.out");
  }

  /** Terraform's state of the stack. */
  get stateFile(): string {
    return join(this.directory, `terraform.${STACK}.tfstate`);
  }

  /** That Consul's servers encrypt their gossip with. */
  get gossipKey(): string {
    return this.variables["consul_gossip_key"]!;
  }

  /** For Terraform, and for whatever else speaks to the cluster as a deploy does. */
  get environment(): Readonly<Record<string, string | undefined>> {
    return this.terraform.environment;
  }

  /** Has the next deploy run a service, in place of the one of that name. @param secrets values by name */
  write(service: ServiceInput, secrets: Readonly<Record<string, string>> = {}): void {
    this.deployment.writeService(service);
    for (const [name, value] of Object.entries(secrets))
      this.variables[`secret_${service.name}__${name}`.replaceAll("-", "_")] = value;
  }

  /** Has the next deploy know another region by this value. */
  writeRegion(region: DedicatedRegionInput): void {
    this.deployment.write(region);
  }

  /** Has the next deploy run no service of that name. */
  remove(service: string): void {
    this.deployment.removeService(service);
  }

  /** Puts the stack on the cluster as the region's value says, with these changes to it. @throws Error when it fails */
  async deploy(changes: RegionChanges = {}): Promise<void> {
    const { code, stdout, stderr } = await this.attempt(changes);
    if (code !== 0) throw new Error(`deploy failed:\n${stdout.slice(-4000)}${stderr}`);
  }

  /** The same, whatever comes of it. @param oneByOne whether no resource is changed while another is */
  async attempt(changes: RegionChanges = {}, oneByOne = false): Promise<CommandResult> {
    await this.synthesise(changes);
    return this.terraform.apply(oneByOne ? ["-parallelism=1"] : []);
  }

  /** @throws Error when it fails */
  async destroy(): Promise<void> {
    await this.terraform.destroy();
  }

  /** Kills Terraform with its providers, and what they run. */
  cut(): void {
    this.terraform.cut();
  }

  close(): void {
    this.terraform.close();
  }

  private async synthesise(changes: RegionChanges): Promise<void> {
    this.deployment.write({ ...ukRegion(this.testbed), ...changes });
    const { code, output } = await this.deployment.synth();
    if (code !== 0) throw new Error(`synth failed:\n${output}`);
    const stack = readStacks(this.out).find(({ name }) => name === STACK)!;
    const [, endpoint] = /outputs\.([\w-]+endpoint)\b/.exec(JSON.stringify(stack.configuration))!;
    const outputs = { [endpoint!]: { value: this.testbed.cluster.apiAddress, type: "string" } };
    writeFileSync(join(this.directory, "terraform.uk.tfstate"), JSON.stringify(stateOf(outputs)));
  }
}
