import { readFileSync } from "node:fs";
import { type BlocksByType, type SynthesizedStack } from "./synthesized-stacks";

/** The types of one provider that stacks use. */
export interface UsedProvider {
  /** Terraform's full address, e.g. `registry.terraform.io/hashicorp/aws`; `addressesOf` tells OpenTofu's too. */
  readonly address: string;
  /** Last part of the address: also the name of its bindings' package. */
  readonly name: string;
  readonly resources: Set<string>;
  readonly dataSources: Set<string>;
}

const REGISTRY = "registry.terraform.io";
/** Where OpenTofu has a provider whose source names no registry; its states hold that. */
const OPENTOFU_REGISTRY = "registry.opentofu.org";
const BUILT_IN = "terraform";

/**
 * Collects what stacks and states use of which providers.
 *
 * @param states paths of state files: what they hold may have to be destroyed though no stack names it any more
 * @returns providers by address
 */
export function usedProviders(
  stacks: readonly SynthesizedStack[],
  states: Iterable<string>,
): Map<string, UsedProvider> {
  const used = new Map<string, UsedProvider>();
  for (const state of states) addStateTypes(used, state);
  for (const stack of stacks) {
    const required = stack.configuration.terraform?.required_providers ?? {};
    for (const [local, { source }] of Object.entries(required)) {
      const address = providerAddress(source ?? local);
      if (!isBuiltIn(address)) providerAt(used, address);
    }
    const providerOf = (type: string, block: Readonly<Record<string, unknown>>): UsedProvider => {
      const local = localProvider(type, block);
      const source = required[local];
      const provider = source === undefined ? undefined : used.get(providerAddress(source.source ?? local));
      if (provider === undefined) {
        throw new Error(
          `stack "${stack.name}" uses "${type}", but its provider "${local}" is not among the stack's required ` +
            `providers (${Object.keys(required).join(", ") || "none"})`,
        );
      }
      return provider;
    };
    for (const [type, block] of blocksOf(stack.configuration.resource))
      providerOf(type, block).resources.add(type);
    for (const [type, block] of blocksOf(stack.configuration.data))
      providerOf(type, block).dataSources.add(type);
  }
  return used;
}

interface StateFile {
  readonly resources?: ReadonlyArray<{
    readonly mode: string;
    readonly type: string;
    readonly provider: string;
    readonly instances: ReadonlyArray<{ readonly attributes?: unknown }>;
  }>;
}

/** Attributes of all resources that state files hold, by type. */
export function deployedIn(files: Iterable<string>): Map<string, unknown[]> {
  const deployed = new Map<string, unknown[]>();
  for (const file of files) {
    const { resources = [] } = JSON.parse(readFileSync(file, "utf8")) as StateFile;
    for (const { mode, type, instances } of resources) {
      if (mode !== "managed") continue;
      const attributes = instances.map((instance) => instance.attributes);
      deployed.set(type, [...(deployed.get(type) ?? []), ...attributes]);
    }
  }
  return deployed;
}

function addStateTypes(used: Map<string, UsedProvider>, file: string): void {
  const state = JSON.parse(readFileSync(file, "utf8")) as StateFile;
  for (const { mode, type, provider } of state.resources ?? []) {
    const [, address] = /^provider\["([^"]+)"\]/.exec(provider) ?? [];
    if (address === undefined)
      throw new Error(`state file ${file} names a provider that cannot be read: ${provider}`);
    if (isBuiltIn(address)) continue;
    const { resources, dataSources } = providerAt(
      used,
      address.replace(`${OPENTOFU_REGISTRY}/`, `${REGISTRY}/`),
    );
    (mode === "data" ? dataSources : resources).add(type);
  }
}

function providerAt(used: Map<string, UsedProvider>, address: string): UsedProvider {
  const existing = used.get(address);
  if (existing !== undefined) return existing;
  const name = address.slice(address.lastIndexOf("/") + 1);
  const added = { address, name, resources: new Set<string>(), dataSources: new Set<string>() };
  used.set(address, added);
  return added;
}

/** All addresses by which Terraform and OpenTofu call a provider. */
export const addressesOf = ({ address }: UsedProvider): string[] =>
  address.startsWith(`${REGISTRY}/`)
    ? [address, address.replace(`${REGISTRY}/`, `${OPENTOFU_REGISTRY}/`)]
    : [address];

function isBuiltIn(address: string): boolean {
  return address.startsWith("terraform.io/builtin/");
}

/** Blocks of all providers but Terraform's own, which needs no double. */
function* blocksOf(blocks: BlocksByType | undefined): Generator<[string, Readonly<Record<string, unknown>>]> {
  for (const [type, byName] of Object.entries(blocks ?? {})) {
    if (type.startsWith(`${BUILT_IN}_`)) continue;
    for (const block of Object.values(byName)) yield [type, block];
  }
}

function localProvider(type: string, block: Readonly<Record<string, unknown>>): string {
  const chosen = block["provider"];
  if (typeof chosen === "string") return chosen.split(".")[0] ?? chosen;
  return type.split("_")[0] ?? type;
}

function providerAddress(source: string): string {
  const parts = source.toLowerCase().split("/");
  if (parts.length === 1) return `${REGISTRY}/hashicorp/${source}`;
  return parts.length === 2 ? `${REGISTRY}/${source}` : source;
}
