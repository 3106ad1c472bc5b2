import type { Box } from "../../../constructs/topology/drawing";
import { TEXTS, type TextKind, textWidth } from "../../../constructs/topology/text-width";

export interface Drawn extends Box {
  readonly shape: string;
}

export interface Written extends Box {
  readonly content: string;
}

export interface DrawnLine {
  readonly shape: string;
  readonly from: string;
  readonly to: string;
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

/** What a picture shows, read from its SVG. */
export interface DrawnPicture {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Drawn[];
  readonly texts: readonly Written[];
  readonly lines: readonly DrawnLine[];
}

export function drawnPicture(svg: string): DrawnPicture {
  const [, width, height] = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(svg) ?? [];
  return {
    width: Number(width),
    height: Number(height),
    boxes: elements(svg, "rect").map(({ attributes }) => ({
      shape: attributes["class"]!,
      ...numbers(attributes, ["x", "y", "width", "height"]),
    })),
    texts: elements(svg, "text").map(({ attributes, content }) => written(attributes, unescaped(content))),
    lines: elements(svg, "line").map(({ attributes }) => ({
      shape: attributes["class"]!,
      from: unescaped(attributes["data-from"]!),
      to: unescaped(attributes["data-to"]!),
      ...numbers(attributes, ["x1", "y1", "x2", "y2"]),
    })),
  };
}

type Attributes = Readonly<Record<string, string>>;

function written(attributes: Attributes, content: string): Written {
  const kind = attributes["class"] as TextKind;
  const { size } = TEXTS[kind];
  const { x, y } = numbers(attributes, ["x", "y"]);
  // A line of text reaches from its capitals to what hangs below its base line.
  return { content, x, y: y - 0.8 * size, width: textWidth(content, kind), height: size };
}

function elements(svg: string, name: string): { attributes: Attributes; content: string }[] {
  return [...svg.matchAll(new RegExp(`<${name} ([^>]*?)/?>(?:([^<]*)</${name}>)?`, "g"))].map((found) => ({
    attributes: Object.fromEntries(
      [...found[1]!.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key!, value!]),
    ),
    content: found[2] ?? "",
  }));
}

function numbers<K extends string>(attributes: Attributes, names: readonly K[]): Record<K, number> {
  return Object.fromEntries(
    names.map((name) => {
      const value = Number(attributes[name] ?? NaN);
      if (!Number.isFinite(value)) throw new Error(`${name} is no number: ${JSON.stringify(attributes)}`);
      return [name, value];
    }),
  ) as Record<K, number>;
}

const unescaped = (text: string): string =>
  text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&");
