import { join } from "node:path";
import { App, AssetType, TerraformAsset, type TerraformLocal, TerraformStack } from "cdktf";
import type { Construct } from "constructs";
import { connectionVariables, type SshTarget } from "./ssh-connection";
import type { HostProvisioner } from "./terraform-data";

/** The program of the machine that deploys: it brings a step of the apply program to a host. */
const SSH_STEP = join(__dirname, "ssh-step.sh");

/** Characters, each a byte, in one environment variable: the kernel takes no more than 128 KiB. */
const PART = 100_000;

/** Hands `document` and files to the host, which lays them out. */
export function stageStep(
  scope: Construct,
  target: SshTarget,
  document: TerraformLocal,
  files: ReadonlyMap<string, string>,
): HostProvisioner {
  const named = [...files].map(([name, source]) => `'${name}=${stackAsset(scope, name, source)}'`);
  return step(scope, target, ["stage", ...named].join(" "), documentVariables(document));
}

/** Puts in place what is staged. */
export const activateStep = (scope: Construct, target: SshTarget): HostProvisioner =>
  step(scope, target, "activate");

/** Puts in place what is staged, unless a command (a path and plain words) succeeds on the host. */
export const activateUnlessStep = (scope: Construct, target: SshTarget, unless: string): HostProvisioner =>
  step(scope, target, `activate-unless '${unless}'`);

/** Runs a program, a path and plain words, as it is staged, or in place where nothing is. */
export const prepareStep = (scope: Construct, target: SshTarget, command: string): HostProvisioner =>
  step(scope, target, `prepare '${command}'`);

/**
 * Takes everything back; succeeds also where nothing was ever delivered.
 *
 * @param before a program and its words, run before where the host has it
 */
export const removeStep = (scope: Construct, target: SshTarget, before?: string): HostProvisioner =>
  step(scope, target, before === undefined ? "remove" : `remove '${before}'`);

function step(
  scope: Construct,
  target: SshTarget,
  command: string,
  moreVariables?: (connection: Readonly<Record<string, string>>) => string,
): HostProvisioner {
  const connection = connectionVariables(target, stackDirectory(scope));
  return {
    type: "local-exec",
    command: `exec bash ${stackAsset(scope, "ssh-step.sh", SSH_STEP)} ${command}`,
    environment: moreVariables === undefined ? connection : moreVariables(connection),
    quiet: true,
  };
}

/**
 * A document that holds a sensitive value would have Terraform hide all that the host says of its progress. The host
 * never repeats what it was given, so the value stays out of sight without that.
 */
function documentVariables(
  document: TerraformLocal,
): (connection: Readonly<Record<string, string>>) => string {
  const text = `nonsensitive(sensitive(local.${document.friendlyUniqueId}))`;
  const parts =
    `{ for i in range(ceil(length(${text}) / ${PART})) : ` +
    `"TRICLOUD_DOCUMENT_\${i}" => substr(${text}, i * ${PART}, ${PART}) }`;
  return (connection) => `\${merge(${JSON.stringify(connection)}, ${parts})}`;
}

/** One copy for the whole stack, however many servers receive it. */
export function stackAsset(scope: Construct, name: string, source: string): string {
  const stack = TerraformStack.of(scope);
  const present = stack.node.tryFindChild(name) as TerraformAsset | undefined;
  return (present ?? new TerraformAsset(stack, name, { path: source, type: AssetType.FILE })).path;
}

/** Where Terraform runs, as cdktf lays it out. */
const stackDirectory = (scope: Construct): string =>
  join(App.of(scope).outdir, "stacks", TerraformStack.of(scope).node.id);
