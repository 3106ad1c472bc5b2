import { type ResourceChange } from "../plan/plan-json";
import { type StackConfiguration } from "../stack/synthesized-stacks";
import { type Contents, serviceName } from "./contents";
import { type Matter } from "./matter";
import { stepsOf } from "./stack-hosts";

/** A server that the configuration says good-bye to. */
interface Retirement {
  readonly name: string;
  /** Address of the resource that stands for it. */
  readonly address: string;
  /** A command that its host runs before anything else. */
  readonly before: string | undefined;
  /** Addresses of what comes before it. */
  readonly after: readonly string[];
}

/**
 * What a plan does to dedicated servers whose delivery it destroys and makes no other of. Terraform calls all of them
 * destroyed, of which one is emptied, the next given up as lost and a third only called something else.
 *
 * @param held what a host holds, by its name; without it, what stops there is not known
 */
export function departureMatters(
  configuration: StackConfiguration,
  changes: readonly ResourceChange[],
  held: ReadonlyMap<string, Contents>,
): Matter[] {
  const roster = rosterOf(configuration, changes);
  const retirements = retirementsOf(configuration).filter(({ address }) => isMade(changes, address));
  const matters = changes.filter(isGone).flatMap((change): Matter[] => {
    const machine = machineOf(change);
    const name = roster?.before.get(machine) ?? nameIn(change.address);
    if (retirements.some((one) => one.name === name)) return [];
    return [{ place: name, changes: [{ what: departure(name, machine, roster) }], effects: [] }];
  });
  const departures = retirements
    .sort((one, other) => one.after.length - other.after.length)
    .map((one, index) => ({
      place: one.name,
      changes: [{ what: "is retired once all that changes on the servers that stay is in place" }],
      effects: [
        ...(one.before === undefined ? [] : [`runs ${one.before}`]),
        ...(held.get(one.name)?.services ?? []).map(({ name }) => `${serviceName(name)} stops`),
        "all that was put on it is taken back",
      ],
      turn: { what: "retirement", number: index + 1, of: retirements.length } as const,
    }));
  return [...matters, ...departures];
}

function departure(name: string, machine: string, roster: Roster | undefined): string {
  if (roster === undefined) return "is delivered to no longer: nothing is done to it, and it goes on serving";
  const renamed = roster.now.find((one) => one.machine === machine && one.name !== name);
  if (renamed !== undefined) return `is called ${renamed.name} from now on: nothing is taken off it`;
  if (roster.now.some((one) => one.name === name && one.machine === machine))
    return "is given up as lost: nothing is done to it";
  return "disappears without having been retired: the deploy is refused before anything reaches a host";
}

interface Roster {
  /** Names by machine: address and fingerprints. */
  readonly before: ReadonlyMap<string, string>;
  /** All that the configuration names, retired ones included. */
  readonly now: ReadonlyArray<{ readonly name: string; readonly machine: string }>;
}

/** The list of machines that a stack keeps, where it keeps one. */
function rosterOf(configuration: StackConfiguration, changes: readonly ResourceChange[]): Roster | undefined {
  for (const [resource, block] of Object.entries(configuration.resource?.["terraform_data"] ?? {})) {
    for (const { environment } of stepsOf(block["provisioner"], "server-roster.sh")) {
      const text = typeof environment === "string" ? undefined : environment["TRICLOUD_SERVERS_NOW"];
      if (text === undefined) continue;
      const before = triggersBefore(changes.find(({ address }) => address === `terraform_data.${resource}`));
      return {
        before: new Map(Object.entries(before)),
        now: text.split("\n").map((line) => {
          const at = line.indexOf(" ");
          return { name: line.slice(0, at), machine: line.slice(at + 1) };
        }),
      };
    }
  }
  return undefined;
}

function retirementsOf(configuration: StackConfiguration): Retirement[] {
  const blocks = Object.entries(configuration.resource?.["terraform_data"] ?? {});
  const dependencies = new Map(
    blocks.map(([resource, block]) => [
      `terraform_data.${resource}`,
      (block["depends_on"] ?? []) as readonly string[],
    ]),
  );
  /** All that must have happened before, whether it is named or comes with what is named. */
  const earlier = (address: string, seen = new Set<string>()): string[] => {
    for (const one of dependencies.get(address) ?? []) {
      if (seen.has(one)) continue;
      seen.add(one);
      earlier(one, seen);
    }
    return [...seen];
  };
  return blocks.flatMap(([resource, block]) =>
    stepsOf(block["provisioner"], "ssh-step.sh")
      .filter((step) => step.when !== "destroy" && / remove( |$)/.test(step.command))
      .map(({ command, environment }) => ({
        name: (typeof environment === "string" ? undefined : environment["TRICLOUD_HOST_NAME"]) ?? resource,
        address: `terraform_data.${resource}`,
        before: / remove '(.*)'$/.exec(command)?.[1],
        after: earlier(`terraform_data.${resource}`),
      })),
  );
}

const isMade = (changes: readonly ResourceChange[], address: string): boolean =>
  changes.some((one) => one.address === address && one.change.actions.includes("create"));

const isGone = ({ address, change: { actions } }: ResourceChange): boolean =>
  /^terraform_data\..*_delivery_[0-9A-F]+$/.test(address) && actions.length === 1 && actions[0] === "delete";

const triggersBefore = (change: ResourceChange | undefined): Readonly<Record<string, string>> =>
  (change?.change.before?.["triggers_replace"] ?? {}) as Readonly<Record<string, string>>;

function machineOf(delivery: ResourceChange): string {
  const { address = "", "host key": hostKey = "" } = triggersBefore(delivery);
  return `${address} ${hostKey}`;
}

const nameIn = (address: string): string =>
  address.replace(/^terraform_data\./, "").replace(/_delivery_[0-9A-F]+$/, "");
