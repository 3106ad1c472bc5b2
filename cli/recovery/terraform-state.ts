import { existsSync } from "node:fs";
import { join } from "node:path";
import { Terraform, terraformProgram } from "../../planning/terraform";
import type { ClusterStack } from "./stack-objects";

/** As the state file has it, as far as it is looked into. */
interface State {
  readonly resources: readonly {
    readonly mode: "managed" | "data";
    readonly type: string;
    readonly name: string;
    readonly instances: readonly { readonly attributes: Readonly<Record<string, unknown>> }[];
  }[];
}

/** Terraform, or OpenTofu, where a stack is deployed from: with its backend, its lock and its variables. */
export class TerraformState {
  private readonly terraform: Terraform;

  constructor(private readonly stack: ClusterStack) {
    // What is read and shown must neither be coloured nor depend on the user's own arguments. No other variable of
    // Terraform's takes the colours away.
    const environment = { TF_CLI_ARGS: "-no-color" };
    this.terraform = new Terraform({ directory: stack.directory, environment });
  }

  /**
   * Reads anew what the providers' settings are made of, and so whether nobody else holds the state's lock.
   *
   * @throws Error with what Terraform says, as when a deploy is under way
   */
  async refreshAccess(): Promise<void> {
    if (!existsSync(join(this.stack.directory, ".terraform"))) await this.run(["init", "-input=false"]);
    const targets = this.stack.accessFrom.map((address) => `-target=${address}`);
    await this.run(["apply", "-refresh-only", "-auto-approve", "-input=false", ...targets]);
  }

  /** What is noted, and the settings of the kubernetes provider as they are now. */
  async read(): Promise<{
    readonly noted: ReadonlySet<string>;
    readonly host: string;
    readonly token: string;
  }> {
    const { resources } = JSON.parse(await this.run(["state", "pull"])) as State;
    const { host, token } = this.stack.access;
    return {
      noted: new Set(
        resources.filter(({ mode }) => mode === "managed").map(({ type, name }) => `${type}.${name}`),
      ),
      host: filled(host, resources),
      token: filled(token, resources),
    };
  }

  async import(address: string, id: string): Promise<void> {
    await this.run(["import", "-input=false", address, id]);
  }

  private async run(args: readonly string[]): Promise<string> {
    const { succeeded, stdout, text } = await this.terraform.run(args);
    if (!succeeded) throw this.failure(args, text);
    return stdout;
  }

  private failure(args: readonly string[], said: string): Error {
    const program = terraformProgram();
    const lock = /^\s*│?\s*ID:\s+(\S+)/m.exec(said)?.[1];
    const hint =
      lock === undefined || !said.includes("state lock")
        ? ""
        : `\nWhen no deploy is under way, its lock was left by one that was cut short; take it away with\n` +
          `  ${program} -chdir=${this.stack.directory} force-unlock ${lock}`;
    return new Error(`${program} ${args.slice(0, 2).join(" ")} failed:\n${said.trim()}${hint}`);
  }
}

/** A text with what data sources gave in place of references to it. @throws Error when one gave nothing */
function filled(text: string, resources: State["resources"]): string {
  return text.replace(/\$\{data\.([\w-]+)\.([\w-]+)\.([\w.-]+)\}/g, (reference, type, name, path) => {
    const source = resources.find((each) => each.mode === "data" && each.type === type && each.name === name);
    const value = (path as string)
      .split(".")
      .reduce<unknown>(
        (at, step) => plain((at as Readonly<Record<string, unknown>> | undefined)?.[step]),
        source?.instances[0]?.attributes,
      );
    if (typeof value !== "string")
      throw new Error(`it is not known where the cluster is: nothing gives ${reference}`);
    return value;
  });
}

/** Values of any type are stored with their type. */
function plain(value: unknown): unknown {
  const isTyped = typeof value === "object" && value !== null && "type" in value && "value" in value;
  return isTyped ? value.value : value;
}
