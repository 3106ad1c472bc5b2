import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Variables } from "./variable-values";

/** Terraform's JSON configuration, as far as planning looks into it. */
export interface StackConfiguration extends Variables {
  readonly terraform?: {
    readonly backend?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    readonly required_providers?: Readonly<
      Record<string, { readonly source?: string; readonly version?: string }>
    >;
  };
  readonly provider?: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;
  readonly resource?: BlocksByType;
  readonly data?: BlocksByType;
  readonly locals?: Readonly<Record<string, string>>;
}

export type BlocksByType = Readonly<
  Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>
>;

export interface SynthesizedStack {
  readonly name: string;
  /** Directory that holds the stack's configuration and assets. */
  readonly directory: string;
  readonly configuration: StackConfiguration;
}

const CONFIGURATION_FILE = "cdk.tf.json";

interface Manifest {
  readonly stacks: Readonly<Record<string, { readonly name: string; readonly workingDirectory: string }>>;
}

/** Whether an app has synthesised to a directory. */
export const isSynthesised = (out: string): boolean => existsSync(join(out, "manifest.json"));

/**
 * Reads every stack an app has synthesised.
 *
 * @param out the app's output directory, e.g. `cdktf.out`
 */
export function readStacks(out: string): SynthesizedStack[] {
  const manifestFile = join(out, "manifest.json");
  if (!isSynthesised(out)) {
    throw new Error(
      `nothing is synthesised in ${resolve(out)} (no manifest.json): run "npm run synth" first`,
    );
  }
  const manifest = JSON.parse(readFileSync(manifestFile, "utf8")) as Manifest;
  return Object.values(manifest.stacks).map(({ name, workingDirectory }) => {
    const directory = resolve(out, workingDirectory);
    const file = join(directory, CONFIGURATION_FILE);
    if (!existsSync(file)) throw new Error(`stack "${name}" has no ${CONFIGURATION_FILE} in ${directory}`);
    return { name, directory, configuration: JSON.parse(readFileSync(file, "utf8")) as StackConfiguration };
  });
}

/** The stacks of the given names, or all of them; an unknown name is an error that lists the known ones. */
export function selectStacks(
  stacks: readonly SynthesizedStack[],
  names: readonly string[],
): SynthesizedStack[] {
  const unknown = names.filter((name) => !stacks.some((stack) => stack.name === name));
  if (unknown.length > 0) {
    const known = stacks.map((stack) => stack.name).sort();
    throw new Error(
      `unknown stack ${unknown.map((name) => `"${name}"`).join(", ")}: known stacks are ${known.join(", ")}`,
    );
  }
  return names.length === 0 ? [...stacks] : stacks.filter((stack) => names.includes(stack.name));
}
