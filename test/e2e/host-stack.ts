import { spawn } from "node:child_process";
import { join } from "node:path";
import { App, LocalBackend, TerraformStack } from "cdktf";
import { DedicatedServer } from "../../constructs/dedicated";
import { run, type Testbed, type VirtualHost } from "../testbed";
import { type Applied, exampleProfile } from "./host-delivery";

const TERRAFORM = process.env["TERRAFORM_BINARY_NAME"] ?? "terraform";
const ENVIRONMENT = { TF_CLI_CONFIG_FILE: undefined, CHECKPOINT_DISABLE: "1", TF_IN_AUTOMATION: "1" };
/** Several times what a crowded machine needs. */
const PATIENCE_MS = 10 * 60_000;

/** Whom a stop of a deploy reaches: all that it has started, as from a terminal, or Terraform alone, as from a CI. */
export type Reach = "all" | "terraform";

/** A Terraform command that runs. */
export interface RunningTerraform {
  readonly ended: Promise<Applied>;
  /** Asks it to stop. */
  readonly interrupt: (reach: Reach) => void;
}

/** A stack of one dedicated server with the example's profile, deployed and destroyed by Terraform itself. */
export class HostStack {
  private constructor(private readonly directory: string) {}

  /** @param port that its SSH connections go to */
  static async synthesise(testbed: Testbed, host: VirtualHost, port: number): Promise<HostStack> {
    const app = new App({ outdir: join(testbed.directory, "synthesised"), stackTraces: false });
    const stack = new TerraformStack(app, "one");
    new LocalBackend(stack, { path: join(testbed.directory, "one.tfstate") });
    new DedicatedServer(stack, "server", {
      name: host.name,
      site: "testbed",
      address: host.address,
      hostKey: host.hostKey,
      ssh: {
        user: "root",
        port,
        privateKeyPath: testbed.operator.privateKeyPath,
        connectTimeoutSeconds: 60,
      },
    }).addToProfile(exampleProfile());
    app.synth();
    const directory = join(app.outdir, "stacks", "one");
    await run(TERRAFORM, ["init", "-no-color", "-input=false"], { cwd: directory, env: ENVIRONMENT });
    return new HostStack(directory);
  }

  start(command: "apply" | "destroy"): RunningTerraform {
    const child = spawn(TERRAFORM, [command, "-no-color", "-input=false", "-auto-approve"], {
      cwd: this.directory,
      env: { ...process.env, ...ENVIRONMENT },
      stdio: ["ignore", "pipe", "pipe"],
      // A process group of its own, as a shell gives it.
      detached: true,
    });
    const signal = (name: NodeJS.Signals, reach: Reach): void => {
      const { pid, exitCode, signalCode } = child;
      if (pid === undefined || exitCode !== null || signalCode !== null) return;
      process.kill(reach === "all" ? -pid : pid, name);
    };
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
    }
    const ended = new Promise<Applied>((resolve, reject) => {
      const timer = setTimeout(() => signal("SIGKILL", "all"), PATIENCE_MS);
      child.on("error", reject);
      child.on("close", (code) => {
        clearTimeout(timer);
        resolve({ code: code ?? 137, output });
      });
    });
    return { ended, interrupt: (reach) => signal("SIGINT", reach) };
  }
}
