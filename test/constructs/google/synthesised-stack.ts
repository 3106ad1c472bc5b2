import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GoogleProvider } from "@cdktf/provider-google/lib/provider";
import { HelmProvider } from "@cdktf/provider-helm/lib/provider";
import { KubernetesProvider } from "@cdktf/provider-kubernetes/lib/provider";
import { App, TerraformStack } from "cdktf";

export type Attributes = Record<string, unknown>;

/** One stack as Terraform reads it. */
export interface SynthesisedStack {
  readonly json: Attributes;
  /** Attributes of all resources of a type, by their logical id. */
  resources(type: string): Record<string, Attributes>;
  /** The one resource of a type. @throws Error when there is none or more than one */
  one(type: string): Attributes;
  /** Text of an asset or anything else beside the stack's JSON. @param path relative to the stack's folder */
  readFile(path: string): string;
}

const made: string[] = [];

/** Synthesises what `build` puts into a stack named `test`. */
export function synthesise(build: (stack: TerraformStack) => void): SynthesisedStack {
  return synthesiseApp("test", (app) => {
    const stack = new TerraformStack(app, "test");
    new GoogleProvider(stack, "google", { project: "example-uk" });
    new KubernetesProvider(stack, "kubernetes", {});
    new HelmProvider(stack, "helm", {});
    build(stack);
  });
}

/** Synthesises the app that `build` fills, and gives one of its stacks. */
export function synthesiseApp(stack: string, build: (app: App) => void): SynthesisedStack {
  const outdir = mkdtempSync(join(tmpdir(), "tricloud-gke-"));
  made.push(outdir);
  const app = new App({ outdir });
  build(app);
  app.synth();
  const folder = join(outdir, "stacks", stack);
  const json = JSON.parse(readFileSync(join(folder, "cdk.tf.json"), "utf8")) as Attributes;
  const resources = (type: string) =>
    ((json["resource"] as Record<string, Record<string, Attributes>>)[type] ?? {}) as Record<
      string,
      Attributes
    >;
  return {
    json,
    resources,
    one: (type) => {
      const [only, ...more] = Object.values(resources(type));
      if (only === undefined || more.length > 0) {
        throw new Error(`expected one ${type}, got: ${more.length + (only === undefined ? 0 : 1)}`);
      }
      return only;
    },
    readFile: (path) => readFileSync(join(folder, path), "utf8"),
  };
}

/** To be called when the tests of a file are over. */
export function removeSynthesised(): void {
  for (const outdir of made.splice(0)) rmSync(outdir, { recursive: true });
}
