import { alike, sharedIds } from "../calculus/alike";
import { percent } from "../calculus/percent";
import { allShown, presentation, type Shown } from "../calculus/presentation";
import type { ComponentResult, ServiceAvailability } from "../collect/availability-run";
import { restored } from "../collect/stored-block";
import { duration } from "./figures";
import { markup } from "./markup";

const BOX = { width: 190, height: 48 };
const SERIES_GAP = 26;
const BRANCH_GAP = 14;
const FORK = 28;
const MARGIN = 14;
const LABEL_CHARACTERS = 27;
const CAPTION_HEIGHT = 18;
const WIDEST_LINE = 1120;
const LINE_GAP = 26;
/** A wide diagram shrinks to this share of its size before it has to be scrolled. */
const SMALLEST = 0.7;

/** A piece of the diagram: its size, where the line runs through it, and how to draw it at a place. */
interface Piece {
  readonly width: number;
  readonly height: number;
  /** Height of the line, from the top. */
  readonly line: number;
  readonly draw: (x: number, y: number) => string;
}

/** Beyond this many boxes a picture tells nobody anything. */
const MOST_BOXES = 500;

/**
 * A service's required composition as a reliability block diagram: a way from left to right that avoids all
 * that is down means the service is up. Colours are classes, for the page to give.
 *
 * @returns an SVG element, and one more for each part that has a name in it
 */
export function blockDiagram(service: ServiceAvailability): string {
  const shown = presentation(restored(service.requires, service.parts));
  const drawing = new Drawing(service, sharedIds(allShown(shown)));
  const pictures = [...shown.parts].map(
    ([name, part]) => `<h4>${markup(name)}</h4>${drawing.picture(part, name)}`,
  );
  return drawing.picture(shown.whole, service.composition) + pictures.join("");
}

function drawn(
  part: Piece & { readonly lastLine: number; readonly lastWidth: number },
  title: string,
): string {
  const width = part.width + 2 * (MARGIN + SERIES_GAP);
  const height = part.height + 2 * MARGIN;
  const first = MARGIN + part.line;
  const last = MARGIN + part.lastLine;
  const right = MARGIN + SERIES_GAP + part.lastWidth;
  return [
    `<svg role="img" viewBox="0 0 ${width} ${height}" style="max-width:${width}px;min-width:${Math.round(width * SMALLEST)}px">`,
    `<title>${markup(title)}</title>`,
    wire(MARGIN, first, MARGIN + SERIES_GAP, first),
    wire(right, last, right + SERIES_GAP, last),
    `<circle class="end" cx="${MARGIN}" cy="${first}" r="5"/>`,
    `<circle class="end" cx="${right + SERIES_GAP}" cy="${last}" r="5"/>`,
    part.draw(MARGIN + SERIES_GAP, MARGIN),
    "</svg>",
  ].join("");
}

class Drawing {
  private readonly results: ReadonlyMap<string, ComponentResult>;
  private readonly single: ReadonlySet<string>;

  constructor(
    service: ServiceAvailability,
    /** Ids of the components that stand in several places. */
    private readonly shared: ReadonlySet<string>,
  ) {
    this.results = new Map(service.components.map((one) => [one.id, one]));
    this.single = new Set(service.singlePoints);
  }

  picture(shown: Shown, title: string): string {
    const boxes = this.boxes(shown);
    if (boxes > MOST_BOXES) return `<p>${boxes} boxes: too many to draw. ${markup(title)}</p>`;
    const parts = shown.type === "series" ? shown.blocks : [shown];
    return drawn(lines(parts.map((part) => this.piece(part))), title);
  }

  private boxes(shown: Shown): number {
    if (shown.type !== "series" && shown.type !== "branches") return 1;
    const parts =
      shown.type === "series" ? shown.blocks : alike(shown.blocks, this.shared).map(({ first }) => first);
    return parts.reduce((sum, part) => sum + this.boxes(part), 0);
  }

  private piece(shown: Shown): Piece {
    switch (shown.type) {
      case "component":
        return this.component(shown.id);
      case "remote":
        return box("remote", `${shown.stack}/${shown.service}`, "", `${shown.stack}/${shown.service}`);
      case "named":
        return box("part", shown.name, "", `${shown.name}, drawn below`);
      case "series":
        return row(shown.blocks.map((part) => this.piece(part)));
      case "branches":
        return this.branches(shown.blocks, shown.k);
    }
  }

  private branches(blocks: readonly Shown[], k: number): Piece {
    const kinds = alike(blocks, this.shared);
    const caption = `${k === 1 ? "any" : String(k)} of ${blocks.length}`;
    if (kinds.length === 1)
      return stack([this.piece((kinds[0] as (typeof kinds)[0]).first)], `${caption} like this`);
    const pieces = kinds.map(({ first, count }) => {
      const piece = this.piece(first);
      return count === 1 ? piece : captioned(piece, `${count} like this`);
    });
    return stack(pieces, caption);
  }

  private component(id: string): Piece {
    const result = this.results.get(id);
    if (result === undefined) return box("part", id, "", id);
    const shared = this.shared.has(id);
    const classes = ["part", this.single.has(id) ? "single" : "", shared ? "shared" : ""]
      .filter(Boolean)
      .join(" ");
    const share = Math.min(1, Math.max(0, result.importance?.criticality ?? 0));
    return box(
      classes,
      result.label,
      percent(result.availability, result.unavailability),
      this.hover(result, shared),
      share,
    );
  }

  private hover(
    { id, kind, source, effectiveDate, plane, importance, availability, unavailability }: ComponentResult,
    shared: boolean,
  ): string {
    return [
      id,
      `${percent(availability, unavailability)} (${kind}${effectiveDate === null ? "" : `, ${effectiveDate}`})`,
      source === null ? undefined : source,
      plane === "control" ? "control plane" : undefined,
      importance === null ? undefined : `costs ${duration(importance.minutesPerYear)} a year`,
      importance === null ? undefined : `Birnbaum importance ${importance.birnbaum.toPrecision(3)}`,
      this.single.has(id) ? "single point of failure" : undefined,
      shared ? "stands in several places and counts once" : undefined,
    ]
      .filter((line) => line !== undefined)
      .join("\n");
  }
}

function box(classes: string, label: string, figure: string, hover: string, heat = 0): Piece {
  const { width, height } = BOX;
  const middle = width / 2;
  return {
    width,
    height,
    line: height / 2,
    draw: (x, y) =>
      `<g class="${classes}" transform="translate(${x} ${y})"><title>${markup(hover)}</title>` +
      `<rect class="back" width="${width}" height="${height}" rx="6"/>` +
      `<rect class="heat" width="${width}" height="${height}" rx="6" opacity="${heat.toFixed(3)}"/>` +
      `<rect class="edge" width="${width}" height="${height}" rx="6"/>` +
      `<text class="label" x="${middle}" y="${figure === "" ? 29 : 21}">${markup(cut(label))}</text>` +
      (figure === "" ? "" : `<text class="figure" x="${middle}" y="38">${markup(figure)}</text>`) +
      `</g>`,
  };
}

function captioned(piece: Piece, caption: string): Piece {
  const { width, height, line } = piece;
  return {
    width,
    height: height + CAPTION_HEIGHT,
    line: line + CAPTION_HEIGHT,
    draw: (x, y) =>
      `<text class="caption" x="${x + width / 2}" y="${y + 11}">${markup(caption)}</text>` +
      piece.draw(x, y + CAPTION_HEIGHT),
  };
}

function row(pieces: readonly Piece[]): Piece {
  const line = Math.max(...pieces.map((piece) => piece.line));
  const below = Math.max(...pieces.map(({ height, line: own }) => height - own));
  const width = pieces.reduce((sum, piece) => sum + piece.width, 0) + SERIES_GAP * (pieces.length - 1);
  return {
    width,
    height: line + below,
    line,
    draw: (x, y) => {
      let at = x;
      return pieces
        .map((piece, index) => {
          const start = at;
          at += piece.width + SERIES_GAP;
          const link = index === 0 ? "" : wire(start - SERIES_GAP, y + line, start, y + line);
          return link + piece.draw(start, y + line - piece.line);
        })
        .join("");
    },
  };
}

/** What is needed one after the other, broken into lines like text where it gets too wide. */
function lines(pieces: readonly Piece[]): Piece & { readonly lastLine: number; readonly lastWidth: number } {
  const broken: Piece[][] = [[]];
  let used = 0;
  for (const piece of pieces) {
    if (used > 0 && used + piece.width > WIDEST_LINE) {
      broken.push([]);
      used = 0;
    }
    broken.at(-1)?.push(piece);
    used += piece.width + SERIES_GAP;
  }
  const rows = broken.map(row);
  const tops: number[] = [];
  let height = 0;
  for (const each of rows) {
    tops.push(height);
    height += each.height + LINE_GAP;
  }
  const lastRow = rows.at(-1) as Piece;
  return {
    width: Math.max(...rows.map((each) => each.width)),
    height: height - LINE_GAP,
    line: (rows[0] as Piece).line,
    lastLine: (tops.at(-1) as number) + lastRow.line,
    lastWidth: lastRow.width,
    draw: (x, y) =>
      rows
        .map((each, index) => {
          const top = y + (tops[index] as number);
          const next = rows[index + 1];
          if (next === undefined) return each.draw(x, top);
          const right = x + each.width + SERIES_GAP / 2;
          const left = x - SERIES_GAP / 2;
          const between = top + each.height + LINE_GAP / 2;
          const nextLine = y + (tops[index + 1] as number) + next.line;
          const turn = `M${x + each.width} ${top + each.line}H${right}V${between}H${left}V${nextLine}H${x}`;
          return `${each.draw(x, top)}<path class="wire" d="${turn}"/>`;
        })
        .join(""),
  };
}

function stack(pieces: readonly Piece[], caption: string): Piece {
  const inner = Math.max(...pieces.map(({ width }) => width));
  const height =
    CAPTION_HEIGHT + pieces.reduce((sum, piece) => sum + piece.height, 0) + BRANCH_GAP * (pieces.length - 1);
  const line = (CAPTION_HEIGHT + height) / 2;
  const width = inner + 2 * FORK;
  return {
    width,
    height,
    line,
    draw: (x, y) => {
      let top = y + CAPTION_HEIGHT;
      const drawn = pieces.map((piece) => {
        const left = x + FORK + (inner - piece.width) / 2;
        const at = top + piece.line;
        const branch =
          fork(x, y + line, left, at) +
          fork(x + width, y + line, left + piece.width, at) +
          piece.draw(left, top);
        top += piece.height + BRANCH_GAP;
        return branch;
      });
      const text = `<text class="caption" x="${x + width / 2}" y="${y + 11}">${markup(caption)}</text>`;
      return drawn.join("") + text;
    },
  };
}

const wire = (x1: number, y1: number, x2: number, y2: number): string =>
  `<path class="wire" d="M${x1} ${y1}L${x2} ${y2}"/>`;

/** From a fork to the side of a branch: across half way, up or down, across again. */
function fork(x: number, y: number, toX: number, toY: number): string {
  const corner = x + (Math.sign(toX - x) * FORK) / 2;
  return `<path class="wire" d="M${x} ${y}H${corner}V${toY}H${toX}"/>`;
}

const cut = (label: string): string =>
  label.length <= LABEL_CHARACTERS ? label : `${label.slice(0, LABEL_CHARACTERS - 1)}…`;
