import { readFileSync } from "node:fs";
import { atLeast, type Block, component, parallel, series } from "../../../constructs/availability";

/**
 * The block whose failure is the top event of an Open-PSA fault tree: any failing is a series, all failing is
 * parallel, at least k of n failing is at least n-k+1 working. Reads the elements used by the Aralia trees.
 */
export function readFaultTree(file: string): Block {
  const gates = new Map<string, { kind: string; k: number; children: [type: string, name: string][] }>();
  const figures = new Map<string, number>();
  let gate = "";
  let event = "";
  for (const [, tag = "", text = ""] of readFileSync(file, "utf8").matchAll(/<(\/?[a-z-]+)([^>]*)>/g)) {
    const attribute = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(text)?.[1] ?? "";
    if (tag === "define-gate") gate = attribute("name");
    else if (tag === "and" || tag === "or" || tag === "atleast") {
      gates.set(gate, { kind: tag, k: Number(attribute("min")), children: [] });
    } else if (tag === "gate" || tag === "basic-event")
      gates.get(gate)?.children.push([tag, attribute("name")]);
    else if (tag === "define-basic-event") event = attribute("name");
    else if (tag === "float") figures.set(event, Number(attribute("value")));
    else if (!/^(\/|opsa-mef|define-fault-tree|model-data)/.test(tag)) throw new Error(`${file}: <${tag}>`);
  }

  const built = new Map<string, Block>();
  const block = ([type, name]: [string, string]): Block => {
    const known = built.get(`${type} ${name}`);
    if (known !== undefined) return known;
    const made =
      type === "gate" ? gateBlock(name) : component(name, { unavailability: figures.get(name) as number });
    built.set(`${type} ${name}`, made);
    return made;
  };
  const gateBlock = (name: string): Block => {
    const { kind, k, children } = gates.get(name) as NonNullable<ReturnType<typeof gates.get>>;
    const blocks = children.map(block);
    if (kind === "or") return series(...blocks);
    if (kind === "and") return parallel(...blocks);
    return atLeast(blocks.length - k + 1, ...blocks);
  };

  const referenced = new Set(
    [...gates.values()].flatMap(({ children }) => children.map((child) => child.join(" "))),
  );
  const tops = [...gates.keys()].filter((name) => !referenced.has(`gate ${name}`));
  if (tops.length !== 1 || tops[0] === undefined) throw new Error(`${file}: top events ${tops.join(", ")}`);
  return gateBlock(tops[0]);
}
