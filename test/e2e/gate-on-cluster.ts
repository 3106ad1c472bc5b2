import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { App, LocalBackend, TerraformStack } from "cdktf";
import { type Awaited, DeployGate } from "../../constructs/kubernetes";
import { attempt, type CommandResult } from "../testbed/command";
import { type ClusterLab } from "./cluster-lab";

/** Deploys nothing but a gate. @param token of the cluster */
export async function deployGate(
  lab: ClusterLab,
  token: string,
  awaited: readonly Awaited[],
  boundSeconds: number,
): Promise<CommandResult> {
  const outdir = join(lab.testbed.directory, "gate");
  mkdirSync(outdir);
  const app = new App({ outdir });
  const stack = new TerraformStack(app, "gate");
  new LocalBackend(stack, { path: join(outdir, "terraform.tfstate") });
  new DeployGate(stack, "gate", {
    access: { host: `https://${lab.cluster.apiAddress}`, token },
    awaited,
    forms: [],
    boundSeconds,
    dependsOn: [],
  });
  app.synth();
  const terraform = (...args: readonly string[]) =>
    attempt("terraform", [...args, "-no-color"], {
      cwd: join(outdir, "stacks/gate"),
      env: { ...lab.workloads.environment, TF_REATTACH_PROVIDERS: undefined },
    });
  const { code, stdout, stderr } = await terraform("init");
  if (code !== 0) throw new Error(`terraform init failed:\n${stdout}${stderr}`);
  return terraform("apply", "-auto-approve");
}
