import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type ProviderDoubles } from "../../../planning/provider-doubles";
import { attempt, type CommandResult } from "../command";
import { type Cluster } from "./cluster";
import { type ClusterProvidersProps, serveClusterProviders } from "./cluster-providers";
import { HashicorpChart } from "./hashicorp-chart";
import { Helm } from "./helm";

export interface ClusterTerraformProps {
  readonly cluster: Cluster;
  /** A token of the cluster. */
  readonly token: string;
  /** Where the app is synthesised, in a directory that holds nothing else but what this keeps there. */
  readonly out: string;
  readonly stack: string;
  /** Values of the stack's variables, by name. */
  readonly variables: Readonly<Record<string, string>>;
  readonly onStep?: ClusterProvidersProps["onStep"];
}

/** Real Terraform for one stack, whose kubernetes and helm providers work on a testbed's cluster. */
export class ClusterTerraform {
  private readonly helm: Helm;
  private readonly chart: HashicorpChart | undefined;
  private providers: ProviderDoubles | undefined;
  private terraform: ChildProcess | undefined;
  private readonly pending = new Set<Promise<unknown>>();

  constructor(private readonly props: ClusterTerraformProps) {
    const { cluster, out } = props;
    this.helm = new Helm(cluster.helmProgram, join(out, ".."), cluster.kubeconfig);
    this.chart = HashicorpChart.fromEnvironment(cluster, join(out, ".."));
  }

  /** For Terraform, and for whatever else speaks to the cluster as a deploy does. */
  get environment(): Readonly<Record<string, string | undefined>> {
    const variables = Object.entries(this.props.variables).map(([name, value]) => [`TF_VAR_${name}`, value]);
    return {
      ...(Object.fromEntries(variables) as Record<string, string>),
      TF_REATTACH_PROVIDERS: this.providers?.reattach,
      TF_CLI_CONFIG_FILE: undefined,
      CHECKPOINT_DISABLE: "1",
      // Where Google shows a certificate of a public authority, the cluster has its own.
      NODE_EXTRA_CA_CERTS: this.props.cluster.authority,
    };
  }

  /** Applies the stack as it is synthesised now, whatever comes of it. @param how further options of `apply` */
  async apply(how: readonly string[] = []): Promise<CommandResult> {
    await this.prepare();
    return this.run("apply", "-auto-approve", "-input=false", "-no-color", ...how);
  }

  /** @throws Error when it fails */
  async destroy(): Promise<void> {
    const { code, stdout, stderr } = await this.run("destroy", "-auto-approve", "-input=false", "-no-color");
    if (code !== 0) throw new Error(`destroy failed:\n${stdout.slice(-4000)}${stderr}`);
  }

  /** Kills Terraform with its providers, and what they run. */
  cut(): void {
    this.terraform?.kill("SIGKILL");
    this.helm.kill();
  }

  close(): void {
    this.cut();
    this.providers?.close();
  }

  private get folder(): string {
    return join(this.props.out, "stacks", this.props.stack);
  }

  private async prepare(): Promise<void> {
    const { cluster, out, stack, token, variables, onStep = () => undefined } = this.props;
    const { helm, chart, pending } = this;
    this.providers ??= await serveClusterProviders({
      ...{ cluster, helm, chart, out, stack, token, variables, onStep, pending },
    });
    if (existsSync(join(this.folder, ".terraform"))) return;
    const init = await attempt("terraform", ["init", "-input=false"], {
      cwd: this.folder,
      env: this.environment,
    });
    if (init.code !== 0) throw new Error(`terraform init failed:\n${init.stdout}${init.stderr}`);
  }

  private async run(...args: readonly string[]): Promise<CommandResult> {
    const child = spawn("terraform", args, {
      cwd: this.folder,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...this.environment },
    });
    this.terraform = child;
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
    const [code] = (await once(child, "close")) as [number | null];
    this.terraform = undefined;
    // What a provider that was killed had asked of the cluster may still come about.
    await Promise.allSettled(this.pending);
    return { stdout, stderr, code: code ?? 137 };
  }
}
