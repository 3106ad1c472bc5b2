import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

export interface TerraformResult {
  readonly succeeded: boolean;
  readonly stdout: string;
  /** What Terraform said in the order it said it, output and errors together. */
  readonly text: string;
}

export interface TerraformSettings {
  /** Directory of the configuration. */
  readonly directory: string;
  /**
   * What takes the providers' place, and cuts Terraform off from the user's settings. @default - real providers, and the
   * user's own settings
   */
  readonly doubled?: Doubled;
  /** Variables besides those that every run has. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Doubled {
  /** Value of TF_REATTACH_PROVIDERS. */
  readonly reattach: string;
  /** An empty file: the user's own CLI configuration must not lead to registries or credentials. */
  readonly cliConfiguration: string;
}

/** The program to run: Terraform, or what takes its place (OpenTofu's `tofu`), named as cdktf has it named. */
export const terraformProgram = (): string => process.env["TERRAFORM_BINARY_NAME"] ?? "terraform";

/** Runs the real Terraform, which asks nothing and looks for no update. */
export class Terraform {
  private readonly running = new Set<ChildProcess>();

  public constructor(private readonly settings: TerraformSettings) {}

  public async run(args: readonly string[]): Promise<TerraformResult> {
    const { directory, doubled, environment } = this.settings;
    const child = spawn(terraformProgram(), args, {
      cwd: directory,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...(doubled === undefined ? process.env : cutOff(doubled)),
        TF_IN_AUTOMATION: "1",
        TF_INPUT: "0",
        CHECKPOINT_DISABLE: "1",
        ...environment,
      },
    });
    this.running.add(child);
    let stdout = "";
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      stdout += chunk;
      text += chunk;
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    try {
      const [code] = (await once(child, "close")) as [number | null];
      return { succeeded: code === 0, stdout, text };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") {
        throw new Error(
          `${terraformProgram()} is not on the PATH: install Terraform 1.5 or later, or OpenTofu and set TERRAFORM_BINARY_NAME=tofu`,
          { cause: error },
        );
      }
      throw error;
    } finally {
      this.running.delete(child);
    }
  }

  /** Ends what still runs. */
  public stop(): void {
    for (const child of this.running) child.kill();
  }
}

/** This process's environment without what would lead Terraform to anybody's settings. */
function cutOff({ reattach, cliConfiguration }: Doubled): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("TF_") || name.startsWith("TF_VAR_"),
  );
  return {
    ...Object.fromEntries(kept),
    TF_REATTACH_PROVIDERS: reattach,
    TF_CLI_CONFIG_FILE: cliConfiguration,
  };
}
