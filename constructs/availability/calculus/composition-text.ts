import type { Block } from "./block";
import { alike, sharedIds } from "./alike";
import { allShown, presentation, type Shown } from "./presentation";

/**
 * A block in words: `a × b` needs both, `(a | b)` one of them, `2 of (a, b, c)` two. Where more than a few
 * branches have the same shape and figures, the first stands for all: `2 of 5 like web-1`. What is shared too often
 * to be written out each time has a name: `part 1 × a, where part 1 = …`.
 */
export function compositionText(block: Block): string {
  const shown = presentation(block);
  const shared = sharedIds(allShown(shown));
  const parts = [...shown.parts].map(([name, part]) => `${name} = ${text(part, shared, false)}`);
  const whole = text(shown.whole, shared, false);
  return parts.length === 0 ? whole : `${whole}, where ${parts.join("; ")}`;
}

function text(shown: Shown, shared: ReadonlySet<string>, inner: boolean): string {
  switch (shown.type) {
    case "component":
      return shown.about.label ?? shown.id;
    case "remote":
      return `${shown.stack}/${shown.service}`;
    case "named":
      return shown.name;
    case "series": {
      const all = shown.blocks.map((part) => text(part, shared, true)).join(" × ");
      return inner ? `(${all})` : all;
    }
    case "branches":
      return branchesText(shown.k, shown.blocks, shared);
  }
}

function branchesText(k: number, blocks: readonly Shown[], shared: ReadonlySet<string>): string {
  const groups = alike(blocks, shared);
  const needed = k === 1 ? "any" : String(k);
  if (groups.length === blocks.length) {
    return k === 1
      ? `(${blocks.map((part) => text(part, shared, true)).join(" | ")})`
      : `${k} of (${blocks.map((part) => text(part, shared, false)).join(", ")})`;
  }
  const kinds = groups.map(({ first, count }) => `${count} like ${text(first, shared, true)}`);
  return kinds.length === 1 ? `${needed} of ${kinds[0]}` : `${needed} of (${kinds.join(", ")})`;
}
