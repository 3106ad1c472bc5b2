import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import {
  atLeast,
  type Block,
  component,
  type Evaluation,
  evaluate,
  parallel,
  percent,
  series,
} from "../constructs/availability";
import { readFaultTree } from "../test/constructs/availability/open-psa";

/*
 * How far the availability engine reaches: `script/bench availability [DIRECTORY OF FAULT TREES]`. The published fault
 * trees and compositions of 300 components, each with everything that `evaluate` gives (exact result, bounds, cut
 * sets, importance). Prints wall and processor time of one run after one to warm up.
 */

const directory = process.argv[2] ?? join(process.cwd(), "../shared/faulttrees");

/** A repeatable stand-in for chance. */
function generator(seed: number): () => number {
  return () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

/** Three hundred machines in three zones of one region, in twenty tiers of which each needs ten of fifteen. */
function tiers(): Block {
  const zones = ["a", "b", "c"].map((zone) => component(`zone ${zone}`, { availability: 0.999 }));
  const machine = (tier: number, index: number): Block =>
    series(zones[index % 3] as Block, component(`m${tier}.${index}`, { availability: 0.995 }));
  return series(
    component("region", { availability: 0.9999 }),
    ...Array.from({ length: 20 }, (_, tier) =>
      atLeast(10, ...Array.from({ length: 15 }, (_, index) => machine(tier, index))),
    ),
  );
}

/** Three hundred components under random gates, of which about a third also stand in a second place `reach` on. */
function entangled(reach: number): Block {
  const random = generator(7);
  let level: Block[] = Array.from({ length: 300 }, (_, index) =>
    component(`c${index}`, { unavailability: 0.001 + random() / 20 }),
  );
  const leaves = level;
  while (level.length > 1) {
    const next: Block[] = [];
    for (let at = 0; at < level.length; at += 3) {
      const parts = level.slice(at, at + 3);
      if (level === leaves) parts.push(leaves[(at + Math.floor(random() * reach)) % leaves.length] as Block);
      const choice = random();
      next.push(
        choice < 0.3 ? parallel(...parts) : choice < 0.9 ? series(...parts) : atLeast(2, ...parts, ...parts),
      );
    }
    level = next;
  }
  return level[0] as Block;
}

function measure(name: string, blocks: readonly Block[]): void {
  const run = (): Evaluation[] => blocks.map((block) => evaluate(block));
  run();
  const started = process.cpuUsage();
  const clock = performance.now();
  const results = run();
  const wall = performance.now() - clock;
  const { user, system } = process.cpuUsage(started);
  const components = results.reduce((sum, result) => sum + result.components.length, 0);
  const exact = results.filter((result) => result.exact).length;
  console.log(
    `${name.padEnd(36)} ${String(components).padStart(5)} components, ${exact} of ${blocks.length} exact: ` +
      `${wall.toFixed(0)} ms wall, ${((user + system) / 1000).toFixed(0)} ms processor`,
  );
  for (const result of results) {
    if (result.exact) continue;
    const { lower, upper } = result.independent;
    console.log(`  ${result.reason}: ${percent(lower)} to ${percent(upper)}`);
  }
}

if (existsSync(directory)) {
  const files = readdirSync(directory).filter((file) => file.endsWith(".xml"));
  measure(
    `${files.length} published fault trees`,
    files.map((file) => readFaultTree(join(directory, file))),
  );
} else console.log(`published fault trees: left out, ${directory} is not on this machine`);
measure("20 tiers of 15 machines, 3 zones", [tiers()]);
measure("300 components, entangled nearby", [entangled(40)]);
measure("300 components, entangled anywhere", [entangled(300)]);
