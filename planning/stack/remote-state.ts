import { resolve } from "node:path";
import { standIn } from "../stand-in";
import { type StackConfiguration, type SynthesizedStack } from "./synthesized-stacks";

/** A reading of another configuration's outputs, under the name it has in the stack that reads. */
export interface RemoteState {
  readonly name: string;
  readonly backend: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** The remote states a stack reads. */
export function remoteStatesOf({ configuration }: SynthesizedStack): RemoteState[] {
  return Object.entries(configuration.data?.["terraform_remote_state"] ?? {}).map(([name, block]) => ({
    name,
    backend: String(block["backend"]),
    config: (block["config"] ?? {}) as Record<string, unknown>,
  }));
}

/** What tells one state from another within a backend. Backends not named here compare whole. */
const IDENTITY: Readonly<Record<string, readonly string[]>> = {
  local: ["path"],
  s3: ["bucket", "key"],
  gcs: ["bucket", "prefix"],
};

/** The stack whose state a remote state reads, or undefined when it is not one of the given stacks. */
export function stackBehind(
  remote: RemoteState,
  stacks: readonly SynthesizedStack[],
): SynthesizedStack | undefined {
  return stacks.find((stack) => {
    const config = stack.configuration.terraform?.backend?.[remote.backend];
    return (
      config !== undefined &&
      stateIdentity(remote.backend, config) === stateIdentity(remote.backend, remote.config)
    );
  });
}

function stateIdentity(backend: string, config: Readonly<Record<string, unknown>>): string {
  const names = IDENTITY[backend] ?? Object.keys(config).sort();
  return JSON.stringify(
    names.map((name) => (name === "path" ? resolve(String(config[name])) : config[name])),
  );
}

/**
 * Stacks that must be deployed before the given one, because it reads their outputs. Where stacks read
 * each other there is no such order: none of the circle requires another.
 */
export function requiredStacks(
  stack: SynthesizedStack,
  stacks: readonly SynthesizedStack[],
): SynthesizedStack[] {
  return readStacksOf(stack, stacks).filter((other) => !reaches(other, stack, stacks, new Set()));
}

function readStacksOf(stack: SynthesizedStack, stacks: readonly SynthesizedStack[]): SynthesizedStack[] {
  return [...new Set(remoteStatesOf(stack).flatMap((remote) => stackBehind(remote, stacks) ?? []))];
}

function reaches(
  from: SynthesizedStack,
  to: SynthesizedStack,
  stacks: readonly SynthesizedStack[],
  seen: Set<SynthesizedStack>,
): boolean {
  if (from === to) return true;
  if (seen.has(from)) return false;
  seen.add(from);
  return readStacksOf(from, stacks).some((next) => reaches(next, to, stacks, seen));
}

/** Outputs as `terraform output -json` prints them. */
export type Outputs = Readonly<Record<string, { readonly value: unknown; readonly type: unknown }>>;

/** A state file that holds nothing but outputs. */
export function stateOf(outputs: Outputs): object {
  return { version: 4, terraform_version: "1.0.0", serial: 1, lineage: "planning", outputs, resources: [] };
}

/** What comes before a reference where Terraform wants a list. */
const WANTS_LIST =
  /(?:\b(?:element|length|concat|tolist|toset|flatten|distinct|sort|slice|one|index|contains)\(|\bjoin\([^()]*, ?|\bin )$/;

/**
 * Outputs that stand in for those of a configuration outside the app. There is a text for each output the
 * stack refers to, or a list of one text where the reference picks an element or is worked on as a list.
 *
 * @param remote name of the remote state in the stack
 */
export function standInOutputs(configuration: StackConfiguration, remote: string): Outputs {
  const pattern = new RegExp(
    `data\\.terraform_remote_state\\.${remote}\\.outputs(?:\\.|\\[\\\\*")([\\w-]+)(?:\\\\*"\\])?(\\[\\d)?`,
    "g",
  );
  const text = JSON.stringify(configuration);
  const outputs: Record<string, { value: unknown; type: unknown }> = {};
  for (const { 1: name, 2: index, index: at } of text.matchAll(pattern)) {
    if (name === undefined) continue;
    const value = standIn(`${remote}-${name}`);
    const isList = index !== undefined || WANTS_LIST.test(text.slice(Math.max(0, at - 40), at));
    outputs[name] = isList ? { value: [value], type: ["list", "string"] } : { value, type: "string" };
  }
  return outputs;
}
