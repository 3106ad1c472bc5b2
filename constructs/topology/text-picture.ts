import pc from "picocolors";
import type { Store } from "./elements";
import { ELSEWHERE } from "./link-strip";
import { listed, type MachinesView } from "./machine-groups";
import { ROLE_WORDS, type RegionView } from "./region-view";

type Colours = ReturnType<typeof pc.createColors>;

/** The regions as text, a tree each. */
export function textPicture(
  regions: readonly RegionView[],
  colours: Colours = pc.createColors(false),
): string {
  return regions.map((region) => regionText(region, colours)).join("\n");
}

function regionText(region: RegionView, { bold, dim, blue }: Colours): string {
  const lines = [
    `${bold(region.region)} ${dim(`(${region.stacks.length === 1 ? "stack" : "stacks"} ${region.stacks.join(", ")})`)}`,
    ...tree([
      ...region.machines.map((each) => [machinesTitle(each), each.workloads.map(workloadText)] as const),
      ...region.stores.map((store) => [`${store.name}  ${storeText(store)}`, []] as const),
    ]),
  ];
  if (region.entrances.length > 0) {
    lines.push(
      "  entrances",
      ...region.entrances.map(({ name, type, to, port }) => `    ${name}: ${type}, port ${port} -> ${to}`),
    );
  }
  if (region.names.length > 0) {
    const width = Math.max(...region.names.map(({ name }) => name.length));
    lines.push(
      "  names",
      ...region.names.map(
        ({ name, leadsTo, answeredBy }) =>
          `    ${name.padEnd(width)} -> ${leadsTo} ${dim(`(${answeredBy})`)}`,
      ),
    );
  }
  if (region.calls.length > 0) {
    lines.push("  calls", ...region.calls.map(({ from, to }) => `    ${from} -> ${to}`));
  }
  if (region.links.length > 0) {
    lines.push(
      "  beyond the region",
      ...region.links.map(
        (link) => `    ${link.from} ${link.kind === "call" ? "->" : "--"} ${linkText(link)}`,
      ),
    );
  }
  if (region.path.length > 0) {
    lines.push(
      "  a request to another cloud",
      ...region.path.map((step, index) => `    ${blue(String(index + 1))} ${step}`),
    );
  }
  return `${lines.join("\n")}\n`;
}

function tree(nodes: readonly (readonly [title: string, leaves: readonly string[]])[]): string[] {
  return nodes.flatMap(([title, leaves], index) => {
    const last = index === nodes.length - 1;
    return [
      `  ${last ? "└─" : "├─"} ${title}`,
      ...leaves.map((leaf, at) => `  ${last ? " " : "│"}  ${at === leaves.length - 1 ? "└─" : "├─"} ${leaf}`),
    ];
  });
}

export function machinesTitle({ name, count, type, places, address }: MachinesView): string {
  const what = count === 1 ? type : `${count} x ${type}`;
  return [name, what, address, listed(places, 3)]
    .filter((part) => part !== undefined && part !== "")
    .join("  ");
}

const linkText = ({ kind, to = ELSEWHERE, carries }: RegionView["links"][number]): string => {
  const carried = carries.join(", ");
  return kind === "call"
    ? `${to}: ${carried}`
    : `${to}: ${["Consul federation", carried].filter((part) => part !== "").join(", ")}`;
};

/** What a database or cache is, in words. */
export const storeText = ({ role, type, copies }: Store): string =>
  [role, type, ...(copies === undefined ? [] : [copies === 1 ? "one machine" : `${copies} machines`])].join(
    ", ",
  );

export function workloadText({ role, name, copies, port }: MachinesView["workloads"][number]): string {
  const what =
    role === "application" ? (name ?? ROLE_WORDS[role]) : [ROLE_WORDS[role], name].join(" ").trim();
  return `${copies === undefined ? "" : `${copies} x `}${what}${port === undefined ? "" : ` :${port}`}`;
}
