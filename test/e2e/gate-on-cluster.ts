import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { App, LocalBackend, TerraformStack } from "cdktf";
import { DeployGate } from "../../constructs/kubernetes";
import { attempt, type CommandResult } from "../testbed/command";
import { type ClusterLab } from "./cluster-lab";

/** Deploys nothing but a gate, which waits for Deployments of the namespace `default`. @param token of the cluster */
export async function deployGate(
  lab: ClusterLab,
  token: string,
  deployments: readonly string[],
  boundSeconds: number,
): Promise<CommandResult> {
  const outdir = join(lab.testbed.directory, "gate");
  mkdirSync(outdir);
  const app = new App({ outdir });
  const stack = new TerraformStack(app, "gate");
  new LocalBackend(stack, { path: join(outdir, "terraform.tfstate") });
  new DeployGate(stack, "gate", {
    access: { host: `https://${lab.cluster.apiAddress}`, token },
    awaited: deployments.map((name) => ({
      what: name,
      rollout: `/apis/apps/v1/namespaces/default/deployments/${name}`,
    })),
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
