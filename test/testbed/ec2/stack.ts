import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { App } from "cdktf";
import { run } from "../command";

/** What Terraform's configuration says of one thing. */
export type Attributes = Readonly<Record<string, unknown>>;

interface Configuration {
  readonly resource?: Readonly<Record<string, Readonly<Record<string, Attributes>>>>;
  readonly variable?: Readonly<Record<string, Attributes>>;
  readonly locals?: Readonly<Record<string, unknown>>;
}

/** A reference to a resource's attribute, in an expression. */
const REFERENCE = /(?<![\w.])((?:data\.)?[a-z][a-z0-9]*_[a-z0-9_]+\.[A-Za-z0-9_-]+)\.([a-z0-9_]+)/g;

/** A stack as it was synthesised, its expressions evaluated by Terraform itself. */
export class Stack {
  /** The app's output directory. @param directory as it was synthesised to */
  static output(directory: string): string {
    return join(directory, "synthesised");
  }

  /**
   * @param directory for the app's output and Terraform's working directory
   * @param name of the stack
   * @param build makes it in an app
   */
  static async synthesise(
    directory: string,
    name: string,
    build: (app: App) => void | Promise<void>,
  ): Promise<Stack> {
    const app = new App({ outdir: Stack.output(directory), stackTraces: false });
    await build(app);
    app.synth();
    return new Stack(join(app.outdir, "stacks", name), join(directory, "evaluation"));
  }

  private readonly configuration: Configuration;

  private constructor(
    /** What the paths of files in it start from. */
    readonly directory: string,
    private readonly work: string,
  ) {
    this.configuration = JSON.parse(readFileSync(join(directory, "cdk.tf.json"), "utf8")) as Configuration;
  }

  /** Attributes of all resources of a type, by address. */
  resources(type: string): Record<string, Attributes> {
    const found = Object.entries(this.configuration.resource?.[type] ?? {});
    return Object.fromEntries(found.map(([name, attributes]) => [`${type}.${name}`, attributes]));
  }

  /**
   * `wanted` with each expression in it replaced by its value.
   *
   * @param known value of each attribute that the cloud gives, by `TYPE.NAME.ATTRIBUTE`
   * @param variables of the stack
   * @throws Error for an attribute that is not known
   */
  async evaluate<T>(
    wanted: T,
    known: Readonly<Record<string, string>>,
    variables: Readonly<Record<string, string>>,
  ): Promise<T> {
    const { variable = {}, locals = {} } = this.configuration;
    const unknown = new Set<string>();
    const used = new Set<string>();
    const inPlace = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(inPlace);
      if (typeof value === "object" && value !== null) {
        return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, inPlace(one)]));
      }
      if (typeof value !== "string") return value;
      return value.replaceAll(/(?<!\$)\$\{[^}]*\}/g, (expression) => {
        for (const [, local] of expression.matchAll(/\blocal\.([\w-]+)/g)) used.add(local ?? "");
        return expression.replaceAll(REFERENCE, (reference) => {
          if (known[reference] === undefined) unknown.add(reference);
          return `local.known["${reference}"]`;
        });
      });
    };
    const output = inPlace(wanted);
    const needed = Object.fromEntries([...used].map((name) => [name, inPlace(locals[name])]));
    if (unknown.size > 0) throw new Error(`this cloud gives no ${[...unknown].join(", ")}`);
    rmSync(this.work, { recursive: true, force: true });
    mkdirSync(this.work, { recursive: true });
    const configuration = {
      variable,
      locals: { ...needed, known },
      output: { wanted: { value: output, sensitive: true } },
    };
    writeFileSync(join(this.work, "main.tf.json"), JSON.stringify(configuration));
    writeFileSync(join(this.work, "terraform.tfvars.json"), JSON.stringify(variables));
    const terraform = (...args: string[]) =>
      run(process.env["TERRAFORM_BINARY_NAME"] ?? "terraform", args, {
        cwd: this.work,
        env: { TF_CLI_CONFIG_FILE: undefined, CHECKPOINT_DISABLE: "1", TF_IN_AUTOMATION: "1" },
      });
    await terraform("init", "-no-color", "-input=false");
    await terraform("apply", "-no-color", "-input=false", "-auto-approve");
    return JSON.parse(await terraform("output", "-json", "wanted")) as T;
  }
}
