import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { App, TerraformStack } from "cdktf";
import type { Construct } from "constructs";

export type Attributes = Record<string, unknown>;

/** A stack as Terraform reads it. */
export interface Synthesised {
  readonly resource: Record<string, Record<string, Attributes>>;
  readonly data: Record<string, Record<string, Attributes>>;
  readonly variable: Record<string, Attributes>;
  readonly locals: Record<string, string>;
  readonly output: Record<string, Attributes>;
  /** All resources of a type, `aws_` left out. */
  all(type: string): Attributes[];
  /** The one resource of a type; throws when there are more or none. */
  one(type: string): Attributes;
}

/** Synthesises what `build` puts into a stack named `us`. */
export function synthesised(build: (stack: Construct) => void): Synthesised {
  return synthesisedApp("us", (app) => {
    const stack = new TerraformStack(app, "us");
    new AwsProvider(stack, "aws", { region: "us-east-1" });
    build(stack);
  });
}

/** Synthesises an app and gives one of its stacks. */
export function synthesisedApp(stack: string, build: (app: App) => void): Synthesised {
  const outdir = mkdtempSync(join(tmpdir(), "tricloud-aws-"));
  try {
    const app = new App({ outdir });
    build(app);
    app.synth();
    const json = JSON.parse(
      readFileSync(join(outdir, "stacks", stack, "cdk.tf.json"), "utf8"),
    ) as Partial<Synthesised>;
    const resource = json.resource ?? {};
    const all = (type: string) => Object.values(resource[`aws_${type}`] ?? {});
    return {
      resource,
      data: json.data ?? {},
      variable: json.variable ?? {},
      locals: json.locals ?? {},
      output: json.output ?? {},
      all,
      one: (type) => {
        const [first, ...more] = all(type);
        if (first === undefined || more.length > 0) {
          throw new Error(`expected one aws_${type}, got: ${more.length + (first === undefined ? 0 : 1)}`);
        }
        return first;
      },
    };
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

/** Statements of a policy written as JSON in an attribute. */
export function statements(policy: unknown): { Sid: string; Action: string[]; Resource: string[] }[] {
  return (
    JSON.parse(String(policy)) as { Statement: { Sid: string; Action: string[]; Resource: string[] }[] }
  ).Statement;
}

/** The text of a launch template's user data, with Terraform's expressions in it still unresolved. */
export function userDataText(stack: Synthesised, launchTemplate: Attributes): string {
  const [, local = ""] = /^\$\{base64gzip\(local\.(.*)\)\}$/.exec(String(launchTemplate["user_data"])) ?? [];
  const text = stack.locals[local];
  if (text === undefined) throw new Error(`no local for user data: ${String(launchTemplate["user_data"])}`);
  return text.replaceAll("$${", "${").replaceAll("%%{", "%{");
}

/** The text that a machine fetches for one of its files, with Terraform's expressions in it still unresolved. */
export function fetchedText(stack: Synthesised, launchTemplate: Attributes, path: string): string {
  const line = new RegExp(`^ *file \\S+ \\S+ \\S+ ${path} \\S+ command .*--key%20([^%]+)%20`, "m");
  const [, key] = line.exec(userDataText(stack, launchTemplate)) ?? [];
  const object = stack.all("s3_object").find((each) => each["key"] === key);
  if (typeof object?.["content"] !== "string") throw new Error(`no text in the bucket for ${path}: ${key}`);
  return object["content"].replaceAll("$${", "${").replaceAll("%%{", "%{");
}
