import { type Attributes, type ResourceChange } from "../plan/plan-json";
import { changedAttributes } from "../plan/summary";
import { type StackConfiguration } from "../stack/synthesized-stacks";
import { pathOf } from "../../constructs/aws/reloaded-file";
import {
  type Change,
  type Contents,
  fileChanges,
  type HeldFile,
  packageChanges,
  serviceName,
} from "./contents";
import { textOf } from "./host-document";
import { type Matter, turnsOf } from "./matter";
import { bucketTexts, objectTexts, templateText } from "./stack-groups";
import { resolvedBy, textOfTemplate } from "./template";
import { decodeUserData, readUserData } from "./user-data";

type Block = Readonly<Record<string, unknown>>;

/**
 * What a plan does to groups of machines on EC2: what differs in their launch templates, and how their machines are
 * replaced for it; and which files machines take as they run.
 *
 * @param base the configuration that counts as deployed; without one the plan says what is
 */
export function groupMatters(
  configuration: StackConfiguration,
  changes: readonly ResourceChange[],
  base: StackConfiguration | undefined,
): Matter[] {
  const groups = Object.values(configuration.resource?.["aws_autoscaling_group"] ?? {});
  const found = changes.flatMap((change) => {
    const template = change.type === "aws_launch_template" ? nameOf(change.address) : undefined;
    if (template === undefined || !changesSomething(change)) return [];
    const group = groups.find((one) => JSON.stringify(one["launch_template"]).includes(`.${template}.`));
    return group === undefined ? [] : [{ template, group, change }];
  });
  const orders = new Map(found.map(({ template }) => [template, orderOf(configuration, template)]));
  const turns = turnsOf(orders.values());
  const replaced = new Set(found.map(({ group }) => String(group["name"])));
  const replacing = found
    .sort((one, other) => (orders.get(one.template) ?? 0) - (orders.get(other.template) ?? 0))
    .map(({ template, group, change }) => {
      const after = afterContents(configuration, template, change, base !== undefined);
      const place = String(group["name"]);
      const turn = {
        what: "group",
        number: turns.get(orders.get(template) ?? 0) ?? 1,
        of: turns.size,
      } as const;
      const { count, machines } = sizeOf(group);
      if (change.change.actions.length === 1 && change.change.actions[0] === "create") {
        const services = after.services.map(({ name }) => serviceName(name)).join(", ");
        return {
          place,
          changes: [{ what: `is set up: ${machines}, services ${services}` }],
          effects: [],
          turn,
        };
      }
      const before =
        base === undefined
          ? readUserData(decoded(change.change.before), deployedTexts(changes))
          : readUserData(textOfTemplate(templateText(base, template) ?? ""), bucketTexts(base));
      const together = replacedTogether(group, count);
      return {
        place,
        changes: [
          ...otherChanges(change),
          ...packageChanges(before.packages, after.packages),
          ...fileChanges(before.files, after.files),
          ...serviceChanges(before, after),
        ],
        effects: [`${machines} are replaced, ${together} at a time`],
        turn,
        atLeastSeconds:
          Math.ceil(count / together) * Number(group["default_instance_warmup"] ?? 0) || undefined,
      };
    });
  return [...replacing, ...reloadMatters(configuration, changes, base, replaced)];
}

const nameOf = (address: string): string => address.slice(address.indexOf(".") + 1);

const changesSomething = ({ change: { actions } }: ResourceChange): boolean =>
  actions.includes("create") || actions.includes("update");

/** Machines that the policy lets the group have beyond its size. */
function replacedTogether(group: Block, count: number): number {
  const policy = group["instance_maintenance_policy"] as Block | undefined;
  const room = Number(policy?.["max_healthy_percentage"] ?? 100) - 100;
  return Math.max(1, Math.floor((count * room) / 100));
}

/** How many roll-outs come before that of the template's group. */
function orderOf({ resource = {} }: StackConfiguration, template: string): number {
  const rollouts = resource["terraform_data"] ?? {};
  const own = Object.keys(rollouts).find((name) =>
    JSON.stringify(rollouts[name]?.["triggers_replace"] ?? {}).includes(`aws_launch_template.${template}.`),
  );
  const seen = new Set<string>();
  const visit = (address: string): void => {
    const [type = "", name = ""] = [address.slice(0, address.indexOf(".")), nameOf(address)];
    for (const next of (resource[type]?.[name]?.["depends_on"] ?? []) as readonly string[]) {
      if (seen.has(next)) continue;
      seen.add(next);
      visit(next);
    }
  };
  if (own !== undefined) visit(`terraform_data.${own}`);
  return [...seen].filter((address) => address.startsWith("terraform_data.")).length;
}

function afterContents(
  configuration: StackConfiguration,
  template: string,
  { change }: ResourceChange,
  byBase: boolean,
): Contents {
  const text = templateText(configuration, template) ?? "";
  const fetched = bucketTexts(configuration);
  if (byBase) return readUserData(textOfTemplate(text), fetched);
  const known = decoded(change.after);
  return readUserData(known === "" ? resolvedBy(decoded(change.before), text) : known, fetched);
}

/** Texts in the bucket as it is, by SHA-256 and by key. */
const deployedTexts = (changes: readonly ResourceChange[]): ReadonlyMap<string, string> =>
  objectTexts(
    changes.filter(({ type }) => type === "aws_s3_object").map(({ change }) => change.before),
    (text) => text,
  );

/**
 * Files that machines take as they run. Of groups whose machines are replaced the others tell.
 *
 * @param replaced names of those groups
 */
function reloadMatters(
  configuration: StackConfiguration,
  changes: readonly ResourceChange[],
  base: StackConfiguration | undefined,
  replaced: ReadonlySet<string>,
): Matter[] {
  const { resource = {} } = configuration;
  const steps = Object.values(resource["terraform_data"] ?? {}).map((step) => JSON.stringify(step));
  return changes.flatMap((change): Matter[] => {
    if (change.type !== "aws_s3_object" || !changesSomething(change)) return [];
    const step = steps.find((text) => text.includes(`\${${change.address}.version_id}`));
    const [, place = ""] = /TRICLOUD_RELOAD":"\{\\"group\\":\\"([^"\\]+)/.exec(step ?? "") ?? [];
    const group = Object.values(resource["aws_autoscaling_group"] ?? {}).find(({ name }) => name === place);
    if (group === undefined || replaced.has(place)) return [];
    const { key = "" } = change.change.after as { readonly key?: string };
    const side = (text: unknown): ReadonlyMap<string, HeldFile> =>
      new Map(typeof text === "string" ? [[pathOf(key), textOf("", text)]] : []);
    const before = base === undefined ? change.change.before?.["content"] : bucketTexts(base).get(key);
    const { machines } = sizeOf(group);
    return [
      {
        place,
        changes: fileChanges(side(before), side(bucketTexts(configuration).get(key))),
        effects: [`${machines} reload, one before the others`],
      },
    ];
  });
}

/** Of a group that follows its load, which is left the size that it has, the smallest. */
function sizeOf(group: Block): { readonly count: number; readonly machines: string } {
  const desired = group["desired_capacity"] as number | undefined;
  const count = desired ?? Number(group["min_size"]);
  return { count, machines: `${desired === undefined ? "at least " : ""}${count} machines` };
}

function decoded(attributes: Attributes | null | undefined): string {
  const encoded = attributes?.["user_data"];
  return typeof encoded === "string" ? decodeUserData(encoded) : "";
}

/** Attributes besides the user data, with their values where these are short. */
function otherChanges(change: ResourceChange): Change[] {
  return changedAttributes(change)
    .filter((name) => !TOLD_OTHERWISE.includes(name))
    .map((name) => {
      const [before, after] = [change.change.before?.[name], change.change.after?.[name]];
      const isShort = [before, after].every(
        (value) => typeof value === "string" || typeof value === "number",
      );
      return { what: isShort ? `${name} ${String(before)} becomes ${String(after)}` : `${name} changes` };
    });
}

/** The user data is told file by file; the versions count what else is told. */
const TOLD_OTHERWISE = ["user_data", "latest_version", "default_version", "user_data_base64"];

function serviceChanges(before: Contents, after: Contents): Change[] {
  const names = [...new Set([...before.services, ...after.services].map(({ name }) => name))];
  return names.flatMap((name) => {
    const [old, young] = [before, after].map((side) => side.services.find((one) => one.name === name));
    if (old === undefined) return [{ what: `${serviceName(name)} is new` }];
    if (young === undefined) return [{ what: `${serviceName(name)} goes` }];
    return old.version === young.version ? [] : [{ what: `${name}'s commands change`, subject: name }];
  });
}
