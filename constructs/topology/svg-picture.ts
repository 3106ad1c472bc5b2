import { type MachinesView, type RegionView } from "./region-view";
import { workloadText } from "./text-picture";
import type { WorkloadRole } from "./topology";

const PANEL = 400;
const GAP = 24;
const LINE = 20;
const BADGE = 24;
const INSET = 20;

const FILLS: Readonly<Record<WorkloadRole, string>> = {
  proxy: "proxy",
  resolver: "resolver",
  "discovery-server": "discovery",
  "discovery-agent": "agent",
  application: "application",
};

const STYLE = `
  .page { fill: #ffffff }
  .region { fill: #f6f8fa; stroke: #57606a; stroke-width: 1.5 }
  .machines { fill: #ffffff; stroke: #8c959f }
  .proxy { fill: #b6e3ff } .resolver { fill: #d8f5d0 } .discovery { fill: #ffdf9e } .agent { fill: #fff1d6 } .application { fill: #e7dcff }
  text { fill: #1f2328 } .title { font-size: 20px; font-weight: 700 } .name { font-weight: 600 }
  .small { font-size: 12px; fill: #57606a } .mono { font-family: ui-monospace, monospace; font-size: 12px }
  .step { fill: #0969da; font-weight: 700 }`;

/** A drawing that places one thing under another. */
class Column {
  private readonly parts: string[] = [];
  constructor(
    private readonly x: number,
    public y: number,
  ) {}

  text(content: string, className: string, indent = 0): void {
    this.y += LINE;
    this.parts.push(
      `<text class="${className}" x="${this.x + INSET + indent}" y="${this.y - 5}">${escaped(content)}</text>`,
    );
  }

  machines(each: MachinesView): void {
    const top = this.y + 8;
    const badges = badgeRows(each.workloads, PANEL - 4 * INSET);
    const details = wrapped(detailText(each), CHARACTERS - 4);
    const height = (1 + details.length) * LINE + 10 + badges.length * (BADGE + 4) + 6;
    this.parts.push(
      `<rect class="machines" x="${this.x + INSET}" y="${top}" width="${PANEL - 2 * INSET}" height="${height}" rx="6" />`,
    );
    this.y = top + 4;
    this.text(each.name, "name", 12);
    for (const line of details) this.text(line, "small", 12);
    this.y += 6;
    for (const row of badges) {
      let x = this.x + INSET + 12;
      for (const { label, className, width } of row) {
        this.parts.push(
          `<rect class="${className}" x="${x}" y="${this.y}" width="${width}" height="${BADGE}" rx="4" />`,
          `<text class="small" x="${x + 8}" y="${this.y + 16}">${escaped(label)}</text>`,
        );
        x += width + 6;
      }
      this.y += BADGE + 4;
    }
    this.y = top + height;
  }

  space(height: number): void {
    this.y += height;
  }

  get markup(): string {
    return this.parts.join("\n");
  }
}

/** The regions side by side as one self-contained SVG document. */
export function svgPicture(regions: readonly RegionView[]): string {
  const columns = regions.map((region, index) => {
    const x = GAP + index * (PANEL + GAP);
    return { x, column: regionColumn(region, x) };
  });
  const width = GAP + Math.max(1, regions.length) * (PANEL + GAP);
  const bottom = Math.max(GAP + 80, ...columns.map(({ column }) => column.y)) + GAP;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${bottom + GAP}" width="${width}" height="${bottom + GAP}" font-family="system-ui, sans-serif" font-size="14">`,
    `<title>What is deployed where</title>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="page" width="100%" height="100%" rx="12" />`,
    ...columns.flatMap(({ x, column }) => [
      `<rect class="region" x="${x}" y="${GAP}" width="${PANEL}" height="${bottom - GAP}" rx="10" />`,
      column.markup,
    ]),
    "</svg>",
    "",
  ].join("\n");
}

function regionColumn(region: RegionView, x: number): Column {
  const column = new Column(x, GAP + 12);
  column.text(region.region, "title");
  column.text(`stacks: ${region.stacks.join(", ")}`, "small");
  for (const each of region.machines) column.machines(each);
  section(column, "Entrances", region.entrances.length);
  for (const { name, type, to, port } of region.entrances) {
    column.text(`${name}, port ${port}`, "mono");
    column.text(`${type} to ${to}`, "small", 12);
  }
  section(column, "Names", region.names.length);
  for (const [leadsTo, names] of namesByTarget(region)) {
    for (const line of wrapped(names.join(" "), CHARACTERS)) column.text(line, "mono");
    for (const line of wrapped(`\u2192 ${leadsTo}`, CHARACTERS)) column.text(line, "mono", 12);
  }
  section(column, "A request to another cloud", region.path.length);
  region.path.forEach((step, index) => {
    const [first = "", ...rest] = wrapped(step, CHARACTERS);
    column.text(`${index + 1}  ${first}`, "small");
    for (const line of rest) column.text(line, "small", 16);
  });
  column.space(8);
  return column;
}

function namesByTarget({ names }: RegionView): Map<string, string[]> {
  const targets = new Map<string, string[]>();
  for (const { name, leadsTo } of names) targets.set(leadsTo, [...(targets.get(leadsTo) ?? []), name]);
  return targets;
}

function detailText({ count, type, address, places }: MachinesView): string {
  const parts = [count === 1 ? type : `${count} x ${type}`, address, places.join(" ")];
  return parts.filter((part) => part !== undefined && part !== "").join(", ");
}

function section(column: Column, title: string, entries: number): void {
  if (entries === 0) return;
  column.space(14);
  column.text(title, "name");
}

interface Badge {
  readonly label: string;
  readonly className: string;
  readonly width: number;
}

/** Roughly what a character of the small text takes; a browser may set it a little narrower. */
const CHARACTER = 6.8;
const CHARACTERS = Math.floor((PANEL - 3 * INSET) / CHARACTER);

function badgeRows(workloads: MachinesView["workloads"], width: number): Badge[][] {
  const rows: Badge[][] = [];
  let used = Infinity;
  for (const workload of workloads) {
    const label = workloadText(workload);
    const badge = { label, className: FILLS[workload.role], width: Math.ceil(label.length * CHARACTER) + 16 };
    if (used + badge.width > width) {
      rows.push([]);
      used = 0;
    }
    rows.at(-1)?.push(badge);
    used += badge.width + 6;
  }
  return rows;
}

function wrapped(text: string, characters: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? "";
    if (line !== "" && line.length + 1 + word.length > characters) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines;
}

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
