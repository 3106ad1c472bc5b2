import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ContainerCluster } from "@cdktf/provider-google/lib/container-cluster";
import { GoogleProvider } from "@cdktf/provider-google/lib/provider";
import { LaunchTemplate } from "@cdktf/provider-aws/lib/launch-template";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { Subnet } from "@cdktf/provider-aws/lib/subnet";
import { Vpc } from "@cdktf/provider-aws/lib/vpc";
import { App, TerraformStack } from "cdktf";
import { type StackPlan, Planner, type PlanOptions } from "../../planning/planner";
import { readStacks } from "../../planning/stack/synthesized-stacks";

const directories: string[] = [];

/** A directory of the test's own, removed by `removeDirectories`. */
export function testDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "tricloud-planning-test-"));
  directories.push(directory);
  return directory;
}

export function removeDirectories(): void {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
}

/** Synthesises an app, into a directory of its own unless one is given. */
export function synthesise(define: (app: App) => void, outdir = testDirectory()): string {
  const app = new App({ outdir });
  define(app);
  app.synth();
  return outdir;
}

/** A small stack on AWS to be changed by tests. */
export class ToyAwsStack extends TerraformStack {
  public readonly provider: AwsProvider;
  public readonly vpc: Vpc;
  public readonly subnet: Subnet;
  public readonly template: LaunchTemplate;

  public constructor(app: App, name = "toy", cidrBlock = "10.0.0.0/16", tag = "toy") {
    super(app, name);
    this.provider = new AwsProvider(this, "aws", { region: "us-east-1" });
    this.vpc = new Vpc(this, "vpc", { cidrBlock, tags: { Name: tag } });
    this.subnet = new Subnet(this, "subnet", {
      vpcId: this.vpc.id,
      cidrBlock: cidrBlock.replace("/16", "/24"),
    });
    this.template = new LaunchTemplate(this, "template", { name: "toy" });
  }
}

/** A small stack on Google Cloud to be changed by tests. */
export class ToyGoogleStack extends TerraformStack {
  public readonly cluster: ContainerCluster;

  public constructor(app: App, name = "toy") {
    super(app, name);
    new GoogleProvider(this, "google", { project: "toy" });
    this.cluster = new ContainerCluster(this, "cluster", { name: "toy", location: "europe-west2" });
  }
}

/** Plans every stack in a directory and hands back the plans by stack name. */
export async function planAll(
  out: string,
  options: Partial<Omit<PlanOptions, "stacks">> = {},
): Promise<Record<string, StackPlan>> {
  const stacks = readStacks(out);
  const planner = await Planner.start({ stacks, resolveFrom: [__dirname], ...options });
  try {
    const plans = await Promise.all(stacks.map((stack) => planner.plan(stack)));
    return Object.fromEntries(plans.map((plan) => [plan.stack, plan]));
  } finally {
    planner.close();
  }
}

/** Plans an app's only stack and hands back what Terraform said, in one line and without its borders. */
export async function messageOf(
  define: (app: App) => void,
): Promise<{ succeeded: boolean; message: string }> {
  const [plan] = Object.values(await planAll(synthesise(define)));
  if (plan === undefined) throw new Error("the app has no stack");
  return { succeeded: plan.succeeded, message: plan.text.replace(/[│╷╵\s]+/g, " ") };
}
