import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type Provider, type ProviderDouble } from "../../../planning/double/provider-double";
import {
  decodeValue,
  encodeValue,
  isObject,
  type Value,
  type ValueObject,
} from "../../../planning/double/value";
import { ProviderDoubles } from "../../../planning/provider-doubles";
import { type Manifest } from "../../constructs/kubernetes/manifests";
import { readStacks } from "../../../planning/stack/synthesized-stacks";
import { type Cluster } from "./cluster";
import { type HashicorpChart } from "./hashicorp-chart";
import { type Helm } from "./helm";
import { StackOnCluster } from "./stack-on-cluster";

export interface ClusterProvidersProps {
  readonly cluster: Cluster;
  readonly helm: Helm;
  /** Installed where the stack installs Consul's. @default - what stands in for it */
  readonly chart?: HashicorpChart;
  /** The app's output directory, with the stack in it. */
  readonly out: string;
  readonly stack: string;
  /** What the google provider gives for a token. */
  readonly token: string;
  /** Values of the stack's variables, by name. */
  readonly variables: Readonly<Record<string, string>>;
  /** Changes that are under way. */
  readonly pending: Set<Promise<unknown>>;
  /** Told of each change of a resource before it is made, and once it is made and Terraform not told yet. */
  readonly onStep: (moment: "before" | "after", step: string) => Promise<void> | void;
}

interface Wire {
  readonly msgpack: Uint8Array;
}
interface ResourceCall {
  readonly type_name: string;
}
type ApplyCall = ResourceCall & { readonly prior_state: Wire; readonly planned_state: Wire };
type PlanCall = ResourceCall & { readonly prior_state: Wire };
type ReadCall = ResourceCall & { readonly current_state: Wire };
type ImportCall = ResourceCall & { readonly id: string };

/**
 * The kubernetes and helm providers as Terraform meets them, over a real cluster: an object that is there already
 * cannot be created, one that is gone is found gone, one that is imported is known by its name. Plans come from the
 * same doubles that offline plans come from; what becomes of them is done with kubectl and Helm.
 */
export async function serveClusterProviders(props: ClusterProvidersProps): Promise<ProviderDoubles> {
  const sockets = join(props.out, "..", "providers");
  mkdirSync(join(sockets, ".."), { recursive: true });
  const stacks = readStacks(props.out).filter(({ name }) => name === props.stack);
  const served = (provider: string, double: ProviderDouble): Provider => {
    if (provider === "google") return withToken(double, props.token);
    return onCluster(double, props);
  };
  return ProviderDoubles.start(stacks, [], sockets, [process.cwd()], served);
}

function onCluster(double: ProviderDouble, props: ClusterProvidersProps): Provider {
  const stack = () => new StackOnCluster(props, join(props.out, "stacks", props.stack));
  const methods = double.methods as unknown as Record<string, (call: never) => object>;
  const apply = methods["ApplyResourceChange"] as (call: ApplyCall) => object;
  const plan = methods["PlanResourceChange"] as (call: PlanCall) => object;
  /** What was imported, with the state that this gave. */
  const taken = new Map<string, Value>();
  const known = (type: string, identity: Identity) => JSON.stringify([type, identity]);
  return {
    methods: {
      ...double.methods,
      ReadResource: async ({ type_name, current_state }: ReadCall) => {
        const state = decodeValue(current_state.msgpack);
        const there = await stack().isThere(type_name, identityIn(state));
        return { new_state: there ? current_state : { msgpack: encodeValue(null) } };
      },
      // Where the real provider reads what the object is, all of it is said again; nothing is replaced by that.
      PlanResourceChange: (call: PlanCall) => {
        const prior = decodeValue(call.prior_state.msgpack);
        // It may have been changed since without Terraform's hearing of it: then its state is still the imported one.
        if (prior === null) return plan(call);
        const state = taken.get(known(call.type_name, identityIn(prior)));
        if (state === undefined || !isDeepStrictEqual(saidIn(state), saidIn(prior))) return plan(call);
        return { ...plan({ ...call, prior_state: { msgpack: encodeValue(null) } }), requires_replace: [] };
      },
      ApplyResourceChange: async (call: ApplyCall) => {
        const { type_name, prior_state, planned_state } = call;
        const [prior, planned] = [prior_state, planned_state].map(({ msgpack }) => decodeValue(msgpack));
        try {
          const name = identityIn(planned ?? prior ?? null);
          const change =
            planned === null
              ? stack().remove(type_name, name)
              : stack().make(type_name, name, prior === null, manifestIn(planned ?? null));
          props.pending.add(change);
          await change.finally(() => props.pending.delete(change));
        } catch (error) {
          const { message } = error as Error;
          return {
            new_state: prior_state,
            diagnostics: [{ severity: "ERROR", summary: message, detail: "" }],
          };
        }
        return apply(call);
      },
      ImportResourceState: async ({ type_name, id }: ImportCall) => {
        const identity = identityFrom(id);
        if (!(await stack().isThere(type_name, identity)))
          throw new Error(`Cannot import non-existent remote object: ${type_name} ${id}`);
        const state = imported(emptyState(double, type_name), id, identity);
        taken.set(known(type_name, identity), decodeValue(encodeValue(state)));
        return { imported_resources: [{ type_name, state: { msgpack: encodeValue(state) } }] };
      },
    } as Provider["methods"],
  };
}

/** Of an object or a release. */
export interface Identity {
  readonly kind?: string;
  readonly namespace?: string;
  readonly name: string;
}

const textIn = (value: Value | undefined): string | undefined =>
  typeof value === "string" ? value : undefined;

/**
 * What a state says: no value that is null or holds nothing (Terraform has its own way with blocks that are not there),
 * and the object that it may hold without its type.
 */
function saidIn(state: Value): Value {
  const whole =
    isObject(state) && "manifest" in state
      ? { ...state, manifest: (manifestIn(state) as unknown as Value | undefined) ?? null }
      : state;
  return withoutEmpty(whole);
}

function withoutEmpty(value: Value): Value {
  if (Array.isArray(value)) return value.map(withoutEmpty).filter(saysSomething);
  if (!isObject(value)) return value;
  const members = Object.entries(value).map(([name, each]) => [name, withoutEmpty(each)] as const);
  return Object.fromEntries(members.filter(([, each]) => saysSomething(each)));
}

const saysSomething = (value: Value): boolean =>
  value !== null && (isObject(value) || Array.isArray(value) ? Object.keys(value).length > 0 : true);

/** The object of a resource that is all of it, as Terraform has it. */
function manifestIn(state: Value): Manifest | undefined {
  if (!isObject(state)) throw new Error("a resource has no state");
  const [, manifest] = Array.isArray(state["manifest"]) ? state["manifest"] : [];
  return isObject(manifest) ? (manifest as unknown as Manifest) : undefined;
}

function identityIn(state: Value): Identity {
  if (!isObject(state)) throw new Error("a resource has no state");
  const manifest = manifestIn(state);
  if (manifest !== undefined) {
    const { metadata } = manifest;
    return {
      kind: manifest.kind,
      namespace: textIn(metadata["namespace"] as Value | undefined),
      name: String(metadata["name"]),
    };
  }
  const [metadata] = Array.isArray(state["metadata"]) ? state["metadata"] : [state];
  if (!isObject(metadata)) throw new Error("a resource has no metadata");
  return { namespace: textIn(metadata["namespace"]), name: String(metadata["name"]) };
}

/** As the providers take it: `NAME`, `NAMESPACE/NAME`, or `apiVersion=...,kind=...,namespace=...,name=...`. */
function identityFrom(id: string): Identity {
  if (id.includes("=")) {
    const told = Object.fromEntries(id.split(",").map((pair) => pair.split("=") as [string, string]));
    return { kind: told["kind"], namespace: told["namespace"], name: told["name"]! };
  }
  const parts = id.split("/");
  return { namespace: parts.length === 2 ? parts[0] : undefined, name: parts.at(-1)! };
}

/** All that a resource of the type has, with nothing in it. */
function emptyState(double: ProviderDouble, type_name: string): ValueObject {
  const methods = double.methods as unknown as Record<string, (call: object) => object>;
  const raw_state = { json: Buffer.from("{}") };
  const { upgraded_state } = methods["UpgradeResourceState"]!({ type_name, raw_state }) as {
    upgraded_state: Wire;
  };
  return decodeValue(upgraded_state.msgpack) as ValueObject;
}

function imported(state: ValueObject, id: string, { namespace, name }: Identity): ValueObject {
  if ("manifest" in state) return { ...state, manifest: manifestFrom(id) };
  const metadata: ValueObject = namespace === undefined ? { name } : { namespace, name };
  return {
    ...state,
    ...("id" in state ? { id } : {}),
    ...("metadata" in state ? { metadata: [{ ...members(METADATA), ...metadata }] } : metadata),
  };
}

/** In the protocol's form of a value that carries its type. */
function manifestFrom(id: string): Value {
  const told = Object.fromEntries(id.split(",").map((pair) => pair.split("=") as [string, string]));
  const { apiVersion, kind, ...metadata } = told;
  const texts = (of: object) => Object.fromEntries(Object.keys(of).map((key) => [key, "string"]));
  const type = ["object", { ...texts({ apiVersion, kind }), metadata: ["object", texts(metadata)] }];
  return [Buffer.from(JSON.stringify(type)), { apiVersion: apiVersion!, kind: kind!, metadata }];
}

const METADATA = ["annotations", "generate_name", "generation", "labels", "resource_version", "uid"];
const members = (names: readonly string[]): ValueObject =>
  Object.fromEntries(names.map((name) => [name, null]));

function withToken(double: ProviderDouble, token: string): Provider {
  const methods = double.methods as unknown as Record<string, (call: object) => object>;
  return {
    methods: {
      ...double.methods,
      ReadDataSource: (call: object) => {
        const { state } = methods["ReadDataSource"]!(call) as { state: Wire };
        const value = decodeValue(state.msgpack) as ValueObject;
        const known = "access_token" in value ? { ...value, access_token: token } : value;
        return { state: { msgpack: encodeValue(known) } };
      },
    } as Provider["methods"],
  };
}
