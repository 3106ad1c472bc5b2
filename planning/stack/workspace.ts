import { copyFileSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Outputs, remoteStatesOf, stackBehind, standInOutputs, stateOf } from "./remote-state";
import { type StackConfiguration, type SynthesizedStack } from "./synthesized-stacks";
import { withStandInFiles } from "./stand-in-files";
import { type MadeUpValue, madeUpValues, wantsValue } from "./variable-values";

/** Name of the state file in a workspace; a "terraform.tfstate" Terraform would take for one to migrate. */
export const STATE_FILE = "planning.tfstate";

export interface WorkspaceOptions {
  /** Directory to make; its parent exists. */
  readonly directory: string;
  /** All stacks of the app, to tell its own states from foreign ones. */
  readonly stacks: readonly SynthesizedStack[];
  /** State files of stacks that were planned before, by stack name. */
  readonly states: ReadonlyMap<string, string>;
  /** Outputs of configurations outside the app, by the remote state's name. */
  readonly remoteOutputs: ReadonlyMap<string, Outputs>;
  /** The stack's own state, copied; without one the stack counts as not deployed. */
  readonly state?: string;
  /** Names of variables that get their values elsewhere. */
  readonly givenVariables: ReadonlySet<string>;
  /** Leaves out what would act on the world when applied. */
  readonly withoutProvisioners: boolean;
}

/** What a plan rests on that the stack itself does not hold. */
export interface StandIns {
  /** Names of variables whose values are made up. */
  readonly variables: readonly string[];
  /** Files on the deployer's machine that are not here. */
  readonly files: readonly string[];
}

/**
 * Makes a directory Terraform can work in without touching anything else: the stack's configuration with
 * its backends replaced by local files, its assets by link, values for its variables.
 */
export function makeWorkspace(stack: SynthesizedStack, options: WorkspaceOptions): StandIns {
  const { directory } = options;
  mkdirSync(directory);
  const own = new Set(["cdk.tf.json", "metadata.json", STATE_FILE]);
  for (const entry of readdirSync(stack.directory)) {
    if (!own.has(entry) && !entry.startsWith(".terraform")) {
      symlinkSync(join(stack.directory, entry), join(directory, entry));
    }
  }
  if (options.state !== undefined && existsSync(options.state)) {
    copyFileSync(options.state, join(directory, STATE_FILE));
  }
  const local = JSON.stringify(localConfiguration(stack, options), undefined, 2);
  const { configuration, files } = withStandInFiles(local, directory);
  writeFileSync(join(directory, "cdk.tf.json"), configuration);
  const variables = madeUpVariables(stack.configuration, options.givenVariables);
  writeJson(join(directory, "planning.auto.tfvars.json"), variables);
  return { variables: Object.keys(variables), files };
}

function localConfiguration(stack: SynthesizedStack, options: WorkspaceOptions): object {
  const { configuration } = stack;
  const remote = remoteStatesOf(stack).map(({ name, ...rest }) => {
    const behind = stackBehind({ name, ...rest }, options.stacks);
    const path = behind === undefined ? undefined : options.states.get(behind.name);
    const file = path ?? join(options.directory, `${name}.remote.tfstate`);
    if (path === undefined) {
      writeJson(file, stateOf(options.remoteOutputs.get(name) ?? standInOutputs(configuration, name)));
    }
    const block = configuration.data?.["terraform_remote_state"]?.[name] ?? {};
    // Without its workspace: the file holds one.
    return [name, { ...omit(block, ["workspace"]), backend: "local", config: { path: file } }] as const;
  });
  const data =
    remote.length === 0
      ? {}
      : { data: { ...configuration.data, terraform_remote_state: Object.fromEntries(remote) } };
  const resource = options.withoutProvisioners ? { resource: withoutProvisioners(configuration) } : {};
  return {
    ...configuration,
    ...data,
    ...resource,
    terraform: {
      ...configuration.terraform,
      backend: { local: { path: join(options.directory, STATE_FILE) } },
    },
  };
}

function withoutProvisioners({ resource }: StackConfiguration): object {
  return Object.fromEntries(
    Object.entries(resource ?? {}).map(([type, blocks]) => [
      type,
      Object.fromEntries(
        Object.entries(blocks).map(([name, block]) => [name, omit(block, ["provisioner", "connection"])]),
      ),
    ]),
  );
}

function omit(block: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(block).filter(([name]) => !names.includes(name)));
}

function madeUpVariables(
  configuration: StackConfiguration,
  given: ReadonlySet<string>,
): Record<string, MadeUpValue> {
  const missing = Object.entries(configuration.variable ?? {}).filter(
    ([name, declaration]) => wantsValue(declaration) && !given.has(name),
  );
  return madeUpValues(
    configuration,
    missing.map(([name]) => name),
  );
}

function writeJson(file: string, content: object): void {
  writeFileSync(file, JSON.stringify(content, undefined, 2));
}
