import type { Drawing, Shape } from "./drawing";
import { listed, type MachinesView } from "./machine-groups";
import type { RegionView } from "./region-view";
import { storeText, workloadText } from "./text-picture";
import { type TextKind, textWidth, wrapped } from "./text-width";
import type { Store, WorkloadRole } from "./elements";

const LINE = 18;
const BADGE = 22;
const INSET = 14;

const SHAPES: Readonly<Record<WorkloadRole, Shape>> = {
  front: "front",
  gateway: "gateway",
  proxy: "proxy",
  resolver: "resolver",
  "discovery-server": "discovery",
  "discovery-agent": "agent",
  application: "application",
};

/** A part of a picture in which one thing comes under another. */
export class Column {
  constructor(
    private readonly drawing: Drawing,
    private readonly x: number,
    private readonly width: number,
    public y: number,
  ) {}

  /** What a region is made of; addresses where there is room for details. */
  region(region: RegionView, detailed: boolean): void {
    this.text("title", region.region);
    this.text("small", `${region.stacks.length === 1 ? "stack" : "stacks"} ${region.stacks.join(", ")}`);
    for (const { name, type, to, port } of region.entrances)
      this.boxed("machines", `entrance ${name}`, `${type}, port ${port} \u2192 ${to}`, []);
    for (const each of region.machines) this.machines(detailed ? each : withoutAddress(each));
    for (const each of region.stores) this.store(each);
    this.section(
      "Calls within the region",
      region.calls.filter(({ to }) => isHere(region, to)).map(({ from, to }) => `${from} \u2192 ${to}`),
    );
  }

  /** Where names lead, and the way of one request. */
  names(region: RegionView): void {
    const targets = new Map<string, string[]>();
    for (const { name, leadsTo } of region.names)
      targets.set(leadsTo, [...(targets.get(leadsTo) ?? []), name]);
    this.section(
      "Names",
      [...targets].map(([leadsTo, names]) => `${names.join(", ")} \u2192 ${leadsTo}`),
    );
    this.section(
      "A request to another cloud",
      region.path.map((step, index) => `${index + 1}. ${step}`),
    );
  }

  private section(title: string, entries: readonly string[]): void {
    if (entries.length === 0) return;
    this.y += 12;
    this.text("name", title);
    for (const entry of entries) this.text("small", entry);
  }

  private text(kind: TextKind, content: string): void {
    for (const line of wrapped(content, kind, this.width - 2 * INSET)) {
      this.y += kind === "title" ? LINE + 6 : LINE;
      this.drawing.text(kind, line, this.x + INSET, this.y - 4);
    }
  }

  private machines({ name, count, type, address, places, workloads }: MachinesView): void {
    const details = [count === 1 ? type : `${count} x ${type}`, address, listed(places, 3)];
    this.boxed(
      "machines",
      name,
      details.filter((part) => part !== undefined && part !== "").join(", "),
      workloads,
    );
  }

  private store(store: Store): void {
    this.boxed("store", store.name, storeText(store), []);
  }

  private boxed(shape: Shape, name: string, details: string, workloads: MachinesView["workloads"]): void {
    const box = { x: this.x + INSET, y: this.y + 8, width: this.width - 2 * INSET };
    const room = box.width - 2 * INSET;
    const names = wrapped(name, "name", room);
    const lines = wrapped(details, "small", room);
    const rows = badgeRows(workloads, room);
    const height =
      (names.length + lines.length) * LINE + rows.length * (BADGE + 4) + (rows.length > 0 ? 14 : 10);
    this.drawing.box(shape, { ...box, height });
    let y = box.y + 4;
    for (const line of names) this.drawing.text("name", line, box.x + INSET, (y += LINE) - 4);
    for (const line of lines) this.drawing.text("small", line, box.x + INSET, (y += LINE) - 4);
    y += 5;
    for (const row of rows) {
      let x = box.x + INSET;
      for (const { label, shape: badge, width } of row) {
        this.drawing.box(badge, { x, y, width, height: BADGE }, 4);
        this.drawing.text("small", label, x + 8, y + 15);
        x += width + 6;
      }
      y += BADGE + 4;
    }
    this.y = box.y + height;
  }
}

const withoutAddress = ({ address: _, ...rest }: MachinesView): MachinesView => rest;

const isHere = ({ machines }: RegionView, service: string): boolean =>
  machines.some(({ workloads }) => workloads.some(({ name }) => name === service));

interface Badge {
  readonly label: string;
  readonly shape: Shape;
  readonly width: number;
}

/** In rows that fit; a label that is wider than a row by itself is cut. */
function badgeRows(workloads: MachinesView["workloads"], room: number): Badge[][] {
  const rows: Badge[][] = [];
  let used = Infinity;
  for (const workload of workloads) {
    const label = cut(workloadText(workload), room - 17);
    const badge = {
      label,
      shape: SHAPES[workload.role],
      width: Math.ceil(textWidth(label, "small")) + 16,
    };
    if (used + badge.width > room) {
      rows.push([]);
      used = 0;
    }
    rows.at(-1)?.push(badge);
    used += badge.width + 6;
  }
  return rows;
}

/** A text, or as much of it as there is room for. */
function cut(text: string, room: number): string {
  if (textWidth(text, "small") <= room) return text;
  let length = text.length - 1;
  while (length > 0 && textWidth(`${text.slice(0, length)}\u2026`, "small") > room) length--;
  return `${text.slice(0, length)}\u2026`;
}
