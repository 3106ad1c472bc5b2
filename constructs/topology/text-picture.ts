import pc from "picocolors";
import { ROLE_WORDS, type MachinesView, type RegionView } from "./region-view";

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
    ...tree(region.machines.map((each) => [machinesTitle(each), each.workloads.map(workloadText)])),
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
  return [name, what, address, places.join(" ")]
    .filter((part) => part !== undefined && part !== "")
    .join("  ");
}

export function workloadText({ role, name, copies, port }: MachinesView["workloads"][number]): string {
  return `${copies === undefined ? "" : `${copies} x `}${name ?? ROLE_WORDS[role]}${port === undefined ? "" : ` :${port}`}`;
}
