import { TEXTS, type TextKind, textWidth } from "./text-width";

/** Colours of what is drawn, by class: fill and line, in light and in dark surroundings. */
const COLOURS = {
  page: { light: ["#ffffff"], dark: ["#0d1117"] },
  region: { light: ["#f6f8fa", "#57606a"], dark: ["#161b22", "#8b949e"] },
  machines: { light: ["#ffffff", "#8c959f"], dark: ["#0d1117", "#6e7681"] },
  store: { light: ["#fff8f0", "#bc7b3e"], dark: ["#221a12", "#b5803f"] },
  front: { light: ["#ffd8b5"], dark: ["#7a3a0c"] },
  gateway: { light: ["#ffd0e4"], dark: ["#6b2148"] },
  proxy: { light: ["#b6e3ff"], dark: ["#12436d"] },
  resolver: { light: ["#d8f5d0"], dark: ["#1b4721"] },
  discovery: { light: ["#ffdf9e"], dark: ["#63460b"] },
  agent: { light: ["#fff1d6"], dark: ["#41351d"] },
  application: { light: ["#e7dcff"], dark: ["#4a3580"] },
  call: { light: ["none", "#0969da"], dark: ["none", "#58a6ff"] },
  federation: { light: ["none", "#8250df"], dark: ["none", "#bc8cff"] },
  lifeline: { light: ["none", "#afb8c1"], dark: ["none", "#484f58"] },
  head: { light: ["#0969da"], dark: ["#58a6ff"] },
  title: { light: ["#1f2328"], dark: ["#f0f6fc"] },
  name: { light: ["#1f2328"], dark: ["#f0f6fc"] },
  small: { light: ["#424a53"], dark: ["#c9d1d9"] },
} as const;

export type Shape = Exclude<keyof typeof COLOURS, TextKind>;

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Parts of a picture, in the order in which they are painted. */
export class Drawing {
  private readonly parts: string[] = [];

  box(shape: Shape, { x, y, width, height }: Box, radius = 6): void {
    this.parts.push(
      `<rect class="${shape}" x="${x}" y="${y}" width="${width}" height="${height}" rx="${radius}" />`,
    );
  }

  /** @param y its base line */
  text(kind: TextKind, content: string, x: number, y: number): void {
    this.parts.push(`<text class="${kind}" x="${x}" y="${y}">${escaped(content)}</text>`);
  }

  /** @param x its middle */
  centred(kind: TextKind, content: string, x: number, y: number): void {
    this.text(kind, content, Math.round(x - textWidth(content, kind) / 2), y);
  }

  /** A straight line between two things that have names. */
  line(
    shape: Shape,
    from: readonly [x: number, y: number],
    to: readonly [x: number, y: number],
    names: readonly [from: string, to: string],
  ): void {
    this.parts.push(
      `<line class="${shape}" x1="${from[0]}" y1="${from[1]}" x2="${to[0]}" y2="${to[1]}" data-from="${escaped(names[0])}" data-to="${escaped(names[1])}" />`,
    );
  }

  /** The head of an arrow that ends there. */
  head(x: number, y: number, direction: 1 | -1): void {
    const back = x - 9 * direction;
    this.parts.push(`<path class="head" d="M${x} ${y}L${back} ${y - 5}L${back} ${y + 5}z" />`);
  }

  /** The whole as one self-contained SVG document. */
  document(title: string, width: number, height: number): string {
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="Helvetica, Arial, sans-serif">`,
      `<title>${escaped(title)}</title>`,
      `<style>`,
      ...style("light"),
      ...Object.entries(TEXTS).map(
        ([kind, { size, bold }]) => `.${kind} { font-size: ${size}px${bold ? "; font-weight: 600" : ""} }`,
      ),
      ".call, .federation { stroke-width: 2 } .federation, .lifeline { stroke-dasharray: 4 4 }",
      "@media (prefers-color-scheme: dark) {",
      ...style("dark"),
      "}",
      "</style>",
      `<rect class="page" x="0" y="0" width="${width}" height="${height}" rx="12" />`,
      ...this.parts,
      "</svg>",
      "",
    ].join("\n");
  }
}

const style = (surroundings: "light" | "dark"): string[] =>
  Object.entries(COLOURS).map(([name, colours]) => {
    const [fill, stroke] = colours[surroundings];
    return `.${name} { fill: ${fill}${stroke === undefined ? "" : `; stroke: ${stroke}`} }`;
  });

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
