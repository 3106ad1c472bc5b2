import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Coverage } from "./coverage";
import { Finding, GuidedSearch, numbers } from "./guided-search";
import { TARGETS } from "./targets";

/*
 * Fuzzes what reads bytes of peers, guided by which code they have run: `npm run fuzz`, options `-- --seconds 60
 * --seed 1 TARGET...`. What has led on is kept in .testbed/fuzz for the next time; an input that something is wrong
 * with is written there too, and ends it with 1.
 */

const KEPT = ".testbed/fuzz";
const usage = `usage: npm run fuzz -- [--seconds N] [--seed N] [TARGET...], TARGET being one of: ${Object.keys(TARGETS).join(", ")}`;

async function main(): Promise<void> {
  const { values, positionals } = given();
  if (values.help) return console.log(usage);
  const seconds = numberOf("--seconds", values.seconds);
  const seed = values.seed === undefined ? Date.now() % 1_000_000 : numberOf("--seed", values.seed);
  for (const name of positionals)
    if (TARGETS[name] === undefined) throw new Error(`there is no target ${name}\n${usage}`);
  // This program is one script, which all of it is in.
  const coverage = new Coverage((url) => url.endsWith(__filename));
  for (const name of positionals.length > 0 ? positionals : Object.keys(TARGETS))
    await fuzz(name, coverage, seconds, seed);
  coverage.stop();
}

function given() {
  try {
    return parseArgs({
      options: {
        seconds: { type: "string", default: "60" },
        seed: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${usage}`, { cause: error });
  }
}

async function fuzz(name: string, coverage: Coverage, seconds: number, seed: number): Promise<void> {
  // What another target has run leads this one on all the same.
  coverage.forget();
  const directory = join(KEPT, name);
  mkdirSync(directory, { recursive: true });
  const search = new GuidedSearch(TARGETS[name]!, coverage, numbers(seed));
  const known = readdirSync(directory).map((file) => readFileSync(join(directory, file)));
  const write = (input: Buffer): string => {
    const file = join(directory, createHash("sha256").update(input).digest("hex").slice(0, 16));
    writeFileSync(file, input);
    return file;
  };
  try {
    await search.begin(known);
    const end = Date.now() + seconds * 1000;
    while (Date.now() < end) for (const input of await search.step()) write(input);
    console.log(
      `${name}: nothing found by ${search.tried} inputs (seed ${seed}); ${search.kept.length} lead on`,
    );
  } catch (error) {
    if (!(error instanceof Finding)) throw error;
    const file = write(error.input);
    console.error(`${name}: ${file} (seed ${seed}): ${JSON.stringify(error.input.toString("latin1"))}`);
    console.error(error.cause);
    process.exit(1);
  }
}

function numberOf(option: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`${option}: ${text} is not a number above 0\n${usage}`);
  return value;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(2);
});
