import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { readStacks } from "../planning/stack/synthesized-stacks";

/*
 * Time of planning as a whole process, Terraform's included: `npm run build && script/bench plan`. Synthesis comes
 * before the clock starts. Prints minimum, median and maximum of some runs after one to warm up; runs of a bare
 * `node -e 0` between them show how slow the machine was meanwhile.
 */

const RUNS = 3;
const run = promisify(execFile);

async function seconds(args: readonly string[]): Promise<number> {
  const started = process.hrtime.bigint();
  await run(process.execPath, [...args], { maxBuffer: 256 * 1024 * 1024 });
  return Number(process.hrtime.bigint() - started) / 1e9;
}

function summary(figures: readonly number[]): string {
  const sorted = [...figures].sort((a, b) => a - b);
  const at = (index: number): string => `${(sorted[index] ?? NaN).toFixed(2)} s`.padStart(9);
  return `${at(0)}${at(Math.floor(sorted.length / 2))}${at(sorted.length - 1)}`;
}

async function main(): Promise<void> {
  const out = mkdtempSync(join(tmpdir(), "tricloud-bench-plan-"));
  try {
    await run(process.execPath, [resolve("dist/main.js")], { env: { ...process.env, CDKTF_OUTDIR: out } });
    const program = [resolve("dist/cli/main.js"), "plan", "--out", out, "--state", join(out, "no-states")];
    const names = readStacks(out).map(({ name }) => name);
    const cases = [
      { name: "bare node", args: ["-e", "0"] },
      { name: `all: ${names.join(" ")}`, args: program },
      ...names.map((name) => ({ name, args: [...program, name] })),
    ];
    const figures = new Map<string, number[]>(cases.map(({ name }) => [name, []]));
    for (let round = 0; round <= RUNS; round += 1) {
      for (const { name, args } of cases) {
        const figure = await seconds(args);
        if (round > 0) figures.get(name)?.push(figure);
      }
    }
    console.log(`${"".padEnd(28)}${"min".padStart(9)}${"median".padStart(9)}${"max".padStart(9)}`);
    for (const [name, values] of figures) console.log(`${name.padEnd(28)}${summary(values)}`);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
