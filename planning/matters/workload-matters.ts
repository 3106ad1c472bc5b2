import { createHash } from "node:crypto";
import { type ResourceChange } from "../plan/plan-json";
import { type BlocksByType, type StackConfiguration } from "../stack/synthesized-stacks";
import { fileChanges, type HeldFile } from "./contents";
import { type Matter } from "./matter";
import { holdsExpression, textOfTemplate } from "./template";

type Files = ReadonlyMap<string, HeldFile>;

const CONFIG_MAP = "kubernetes_config_map_v1";
const WORKLOADS: ReadonlyArray<readonly [type: string, kind: string]> = [
  ["kubernetes_deployment_v1", "Deployment"],
  ["kubernetes_daemon_set_v1", "DaemonSet"],
  ["kubernetes_stateful_set_v1", "StatefulSet"],
  ["kubernetes_cron_job_v1", "CronJob"],
];

/**
 * What a plan does to config maps, and to the workloads that mount them.
 *
 * @param base the configuration that counts as deployed; without one the plan says what is
 */
export function workloadMatters(
  configuration: StackConfiguration,
  changes: readonly ResourceChange[],
  base: StackConfiguration | undefined,
): Matter[] {
  return changes.flatMap(({ address, type, change }): Matter[] => {
    const name = address.slice(address.indexOf(".") + 1);
    const isChanged = change.actions.some((action) => action === "create" || action === "update");
    if (type !== CONFIG_MAP || !isChanged) return [];
    const after = configuredFiles(configuration, name) ?? new Map<string, HeldFile>();
    const mounted = workloadsWith(configuration, name);
    const place = mounted.map((one) => one.place).join(", ") || `config map ${name}`;
    if (change.before === null || change.before === undefined) {
      return [{ place, changes: [{ what: `gets ${[...after.keys()].join(", ")}` }], effects: [] }];
    }
    const before = configuredFiles(base, name) ?? deployedFiles(change.before["data"], after);
    // What keeps its name is read again by the pods that have it.
    const isReadAgain = change.actions.every((action) => action === "update");
    const seconds = isReadAgain ? 0 : mounted.reduce((sum, one) => sum + one.seconds, 0);
    return [
      {
        place,
        changes: fileChanges(before, after),
        effects: mounted.map(({ pods, effect }) =>
          isReadAgain ? `${pods} reload, one before the others` : effect,
        ),
        atLeastSeconds: seconds > 0 ? seconds : undefined,
      },
    ];
  });
}

function configuredFiles(configuration: StackConfiguration | undefined, name: string): Files | undefined {
  const data = configuration?.resource?.[CONFIG_MAP]?.[name]?.["data"];
  if (data === undefined) return undefined;
  return new Map(
    Object.entries(data as Record<string, string>).map(([key, value]) => [key, configuredFile(value)]),
  );
}

/** A file that is read when Terraform runs is an asset, which nobody reads. */
function configuredFile(value: string): HeldFile {
  const [, asset] = /^\$\{file\("(.*)"\)\}$/.exec(value) ?? [];
  if (asset !== undefined)
    return { attributes: "", kind: "asset", version: asset.split("/").at(-2) ?? asset };
  if (holdsExpression(value)) return { attributes: "", kind: "secret", version: value };
  const text = textOfTemplate(value);
  return { attributes: "", kind: "text", version: text, text };
}

/** The same keys of what is deployed; an asset is told from another by its digest, which its configured path holds. */
function deployedFiles(data: unknown, after: Files): Files {
  return new Map(
    Object.entries((data ?? {}) as Record<string, string>).map(([key, text]): [string, HeldFile] => {
      const kind = after.get(key)?.kind ?? (text.length > LONGEST_TEXT ? "asset" : "text");
      return kind === "text"
        ? [key, { attributes: "", kind, version: text, text }]
        : [key, { attributes: "", kind, version: createHash("sha256").update(text).digest("hex") }];
    }),
  );
}

const LONGEST_TEXT = 64 * 1024;

interface Mounting {
  readonly place: string;
  /** Who mounts it, as `3 pods`. */
  readonly pods: string;
  /** What becomes of them where they mount another one. */
  readonly effect: string;
  readonly seconds: number;
}

function workloadsWith({ resource = {} }: StackConfiguration, configMap: string): Mounting[] {
  return WORKLOADS.flatMap(([type, kind]) =>
    Object.values(resource[type] ?? {}).flatMap((block) => {
      if (!JSON.stringify(block).includes(`${CONFIG_MAP}.${configMap}.`)) return [];
      return [mounting(kind, block)];
    }),
  );
}

interface WorkloadSpec {
  readonly replicas?: string | number;
  readonly min_ready_seconds?: string | number;
  readonly strategy?: {
    readonly type?: string;
    readonly rolling_update?: { readonly max_surge?: string; readonly max_unavailable?: string };
  };
}

function mounting(kind: string, block: BlocksByType[string][string]): Mounting {
  const { name } = block["metadata"] as { readonly name: string };
  if (kind === "CronJob") return { place: name, pods: "its pods", effect: "its next run has it", seconds: 0 };
  const { replicas, min_ready_seconds: ready = 0, strategy } = (block["spec"] ?? {}) as WorkloadSpec;
  const pods = kind === "DaemonSet" ? "its pod on every node" : `${Number(replicas ?? 1)} pods`;
  if (strategy?.type === "Recreate")
    return { place: name, pods, effect: "all pods are replaced at once", seconds: 0 };
  const { max_surge: surge = "1", max_unavailable: unavailable = "0" } = strategy?.rolling_update ?? {};
  const together = Math.max(1, Number.parseInt(surge, 10) + Number.parseInt(unavailable, 10));
  // A share in percent is of a number that the cluster knows.
  const isShare = /%/.test(`${surge}${unavailable}`);
  const batches = kind === "DaemonSet" || isShare ? 1 : Math.ceil(Number(replicas ?? 1) / together);
  return {
    place: name,
    pods,
    effect: `${pods} ${kind === "DaemonSet" ? "is" : "are"} replaced, ${isShare ? `${surge} more and ${unavailable} fewer` : together} at a time`,
    seconds: batches * Number(ready),
  };
}
