import type { Machines, Workload, WorkloadRole } from "./elements";

/** Machines that are alike, with all that runs on them. */
export interface MachinesView extends Omit<Machines, "kind"> {
  readonly workloads: readonly Workload[];
}

/**
 * Machines that differ in nothing but name, address and place become one; services may be on some of them only, which
 * then say on how many. However many machines there are, there are no more groups than sorts of machines.
 */
export function machineGroups(
  machines: readonly Machines[],
  workloads: readonly Workload[],
): readonly MachinesView[] {
  const groups = new Map<string, Machines[]>();
  for (const each of machines) {
    const roles = on(workloads, each).map(({ role }) => role);
    // What is several machines already stays by itself: its name means something.
    const key = JSON.stringify(each.count > 1 ? [each.name] : [each.type, [...new Set(roles)].sort()]);
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [...groups.values()].map((members) => groupView(members, workloads));
}

/** What machines are there for comes before what they all have. */
const ROLES: readonly WorkloadRole[] = [
  "application",
  "front",
  "gateway",
  "proxy",
  "discovery-server",
  "discovery-agent",
  "resolver",
];

const on = (workloads: readonly Workload[], { name }: Machines): Workload[] =>
  workloads.filter(({ on: names }) => names.length === 0 || names.includes(name));

function groupView(members: readonly Machines[], workloads: readonly Workload[]): MachinesView {
  const [first] = members as [Machines];
  const here = workloads.filter((workload) => members.some((each) => on([workload], each).length > 0));
  // A server is an agent too; saying so twice tells nothing.
  const isServer = here.some(({ role }) => role === "discovery-server");
  const isNamed = here.some(({ role, name }) => role === "application" && name !== undefined);
  const shown = here.filter(
    ({ role, name }) =>
      !(isServer && role === "discovery-agent") && !(isNamed && role === "application" && name === undefined),
  );
  const addresses = members.flatMap(({ address }) => address ?? []);
  return {
    name: listed(runs(members.map(({ name }) => name)), 4),
    count: members.reduce((sum, { count }) => sum + count, 0),
    type: first.type,
    places: [...new Set(members.flatMap(({ places }) => places))],
    ...(addresses.length === 0 ? {} : { address: listed(addresses, 3) }),
    workloads: unique(shown)
      .map((workload) => counted(workload, members))
      .sort((one, other) => ROLES.indexOf(one.role) - ROLES.indexOf(other.role)),
  };
}

/** The same program may be known to several constructs: to one that runs it and one that leads to it. */
function unique(workloads: readonly Workload[]): Workload[] {
  const byName = new Map<string, Workload>();
  for (const workload of workloads) {
    const { role, name, port } = workload;
    const key = JSON.stringify(role === "application" ? [role, name] : [role, name, port]);
    const known = byName.get(key) ?? workload;
    const anywhere = known.on.length === 0 || workload.on.length === 0;
    byName.set(key, { ...workload, ...known, on: anywhere ? [] : [...known.on, ...workload.on] });
  }
  return [...byName.values()];
}

function counted(workload: Workload, members: readonly Machines[]): Workload {
  const count = members.filter((each) => on([workload], each).length > 0).length;
  return workload.copies !== undefined || count === members.length
    ? workload
    : { ...workload, copies: count };
}

/** Texts with the rest of them as a number, when there are more than `most`. */
export function listed(texts: readonly string[], most: number): string {
  if (texts.length <= most) return texts.join(", ");
  return `${texts.slice(0, most - 1).join(", ")} and ${texts.length - most + 1} more`;
}

/** Names that differ by a number that counts on become `first to last`, from three of them. */
function runs(names: readonly string[]): string[] {
  const shown: string[] = [];
  for (let at = 0; at < names.length;) {
    let end = at;
    while (end + 1 < names.length && isNext(names[end]!, names[end + 1]!)) end++;
    if (end - at >= 2) shown.push(`${names[at]} to ${names[end]}`);
    else shown.push(...names.slice(at, end + 1));
    at = end + 1;
  }
  return shown;
}

function isNext(one: string, other: string): boolean {
  const [, stem, number] = /^(.*?)(\d+)$/.exec(one) ?? [];
  const [, otherStem, otherNumber] = /^(.*?)(\d+)$/.exec(other) ?? [];
  return number !== undefined && stem === otherStem && Number(number) + 1 === Number(otherNumber);
}
