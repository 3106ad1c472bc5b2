import { Drawing } from "./drawing";
import { ELSEWHERE, linkStrip, type Participant } from "./link-strip";
import type { Link } from "./links";
import { Column } from "./region-panel";
import type { RegionView } from "./region-view";
import { wrapped } from "./text-width";

const GAP = 16;
/** Of a region among others. */
const PANEL = 264;
/** Of each half of a picture of one region. */
const HALF = 400;
/** Between the lines of regions that are no panel here. */
const PITCH = 120;

/** One region with all that is known of it, or several side by side with what leads from one to another. */
export const svgPicture = (regions: readonly RegionView[]): string =>
  regions.length === 1 ? oneRegion(regions[0]!) : severalRegions(regions);

function severalRegions(regions: readonly RegionView[]): string {
  const drawing = new Drawing();
  const panels = regions.map((region, index) => ({ region, x: GAP + index * (PANEL + GAP) }));
  const bottom = panelBottom(
    panels.map(
      ({ region, x }) =>
        (on: Drawing) =>
          regionColumn(on, region, x, PANEL),
    ),
  );
  for (const { region, x } of panels) {
    drawing.box("region", { x, y: GAP, width: PANEL, height: bottom - GAP }, 10);
    regionColumn(drawing, region, x, PANEL);
  }
  const inside = panels.map(({ region, x }) => ({ name: region.region, x: x + PANEL / 2 }));
  const links = [...new Set(regions.flatMap((region) => region.links))];
  const right = GAP + Math.max(1, regions.length) * (PANEL + GAP);
  return withLinks(drawing, "What is deployed where", inside, links, { bottom, right });
}

function oneRegion(region: RegionView): string {
  const drawing = new Drawing();
  const [left, right] = [GAP, 2 * GAP + HALF];
  const columns = [
    (on: Drawing) => regionColumn(on, region, left, HALF),
    (on: Drawing) => namesColumn(on, region, right),
  ];
  const bottom = panelBottom(columns);
  drawing.box("region", { x: GAP, y: GAP, width: 2 * HALF + GAP, height: bottom - GAP }, 10);
  for (const draw of columns) draw(drawing);
  const inside = [{ name: region.region, x: GAP + HALF / 2 }];
  return withLinks(drawing, `What is deployed in ${region.region}`, inside, region.links, {
    bottom,
    right: 3 * GAP + 2 * HALF,
  });
}

function regionColumn(drawing: Drawing, region: RegionView, x: number, width: number): number {
  const column = new Column(drawing, x, width, GAP + 4);
  column.region(region, width === HALF);
  return column.y;
}

function namesColumn(drawing: Drawing, region: RegionView, x: number): number {
  const column = new Column(drawing, x, HALF, GAP + 4);
  column.names(region);
  return column.y;
}

/** Where the longest of some columns ends, before any of them is drawn. */
const panelBottom = (columns: readonly ((on: Drawing) => number)[]): number =>
  Math.max(GAP + 80, ...columns.map((draw) => draw(new Drawing()))) + 14;

/** Adds the lines between what is drawn and what is not: other regions, and whatever else calls end at. */
function withLinks(
  drawing: Drawing,
  title: string,
  regions: readonly Omit<Participant, "top">[],
  links: readonly Link[],
  { bottom, right }: { readonly bottom: number; readonly right: number },
): string {
  if (links.length === 0) return drawing.document(title, right, bottom + GAP);
  const others = [...new Set(links.flatMap(({ from, to = ELSEWHERE }) => [from, to]))]
    .filter((name) => !regions.some((each) => each.name === name))
    .sort((one, other) => Number(one === ELSEWHERE) - Number(other === ELSEWHERE))
    .map((name) => wrapped(name, "name", PITCH - GAP).map((line) => ({ name, line })));
  const alone = regions.length === 1;
  const lines = Math.max(0, ...others.map(({ length }) => length));
  // Beside the panels there is room for what they are called, beneath one that is as wide as the picture there is not.
  const top = alone ? bottom + lines * LABEL_LINE + 10 : bottom;
  const first = alone ? regions[0]!.x + 2.5 * PITCH : right + PITCH / 2 - GAP;
  const outside = others.map((label, index) => {
    const x = first + index * PITCH;
    label.forEach(({ line }, at) =>
      drawing.centred("name", line, x, top - 6 - (label.length - 1 - at) * LABEL_LINE),
    );
    return { name: label[0]!.name, x, top };
  });
  const inside = regions.map((region) => ({ ...region, top: bottom }));
  const end = linkStrip(drawing, [...inside, ...outside], links);
  const width = Math.max(right, ...outside.map(({ x }) => x + PITCH / 2));
  return drawing.document(title, width, end + GAP);
}

const LABEL_LINE = 16;
