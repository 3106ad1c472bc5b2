// check-arrows.mjs [ROOT]: whether imports between folders run one way, and whether README's picture shows them.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import ts from "typescript";

const ROOMS = [
  "certificates",
  "cli",
  "constructs",
  "gateway",
  "gateways",
  "main.ts",
  "names",
  "planning",
  "proxy",
  "regions",
  "services",
  "stacks",
];
const root = process.argv[2] ?? ".";

const filesIn = (path) =>
  readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesIn(join(path, entry.name)) : [join(path, entry.name)],
  );
const files = ROOMS.map((room) => join(root, room))
  .filter(existsSync)
  .flatMap((room) => (room.endsWith(".ts") ? [room] : filesIn(room)))
  .filter((file) => file.endsWith(".ts"));
const known = new Set(files);

/** Folders that hold folders: each file in one stands for itself, since what begins and what all share lie there. */
const outer = new Set(files.map((file) => dirname(dirname(file))));
const nodeOf = (file) => (outer.has(dirname(file)) ? file : dirname(file));
const roomOf = (file) => relative(root, file).split("/")[0].replace(/\.ts$/, "");

/** By node: the nodes that it imports, and by which import of a file. */
const arrows = new Map();
const rooms = new Set();
for (const from of files) {
  for (const { fileName } of ts.preProcessFile(readFileSync(from, "utf8")).importedFiles) {
    const target = join(dirname(from), fileName);
    const to = [`${target}.ts`, join(target, "index.ts")].find((file) => known.has(file));
    if (!fileName.startsWith(".") || to === undefined) continue;
    if (roomOf(from) !== roomOf(to)) rooms.add(`${roomOf(from)} --> ${roomOf(to)}`);
    if (nodeOf(from) === nodeOf(to)) continue;
    if (!arrows.has(nodeOf(from))) arrows.set(nodeOf(from), new Map());
    arrows
      .get(nodeOf(from))
      .set(nodeOf(to), [from, to].map((file) => relative(root, file)).join(" imports "));
  }
}

/** The shortest way from a node to itself, as imports. */
function circleFrom(start) {
  const ways = [...(arrows.get(start) ?? [])].map(([to, step]) => ({ at: to, steps: [step] }));
  const seen = new Set();
  for (const { at, steps } of ways) {
    if (at === start) return steps;
    if (seen.has(at)) continue;
    seen.add(at);
    for (const [to, step] of arrows.get(at) ?? []) ways.push({ at: to, steps: [...steps, step] });
  }
  return undefined;
}

const problems = [];
const told = new Set();
for (const node of arrows.keys()) {
  const circle = circleFrom(node);
  const key = circle?.toSorted().join();
  if (circle === undefined || told.has(key)) continue;
  told.add(key);
  problems.push(`imports of folders run in a circle:\n  ${circle.join("\n  ")}`);
}

const readme = join(root, "README.md");
const drawn = existsSync(readme)
  ? new Set(
      readFileSync(readme, "utf8")
        .match(/^ *[\w.]+ --> [\w.]+$/gm)
        ?.map((line) => line.trim()),
    )
  : rooms;
for (const arrow of rooms) if (!drawn.has(arrow)) problems.push(`README's picture lacks ${arrow}`);
for (const arrow of drawn) {
  if (!rooms.has(arrow)) problems.push(`README's picture has ${arrow}, which no file imports`);
}

for (const problem of problems) console.error(`error: ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;
