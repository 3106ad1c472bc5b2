import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { DedicatedRegionInput } from "../stacks/values/regions";
import { hostKeyOf } from "../test/stacks/values/regions/region-values";

/*
 * Time and memory of synthesis as a whole process: `script/bench synth`. Runs are interleaved with a bare `node -e 0`
 * so that a slow moment of the machine shows in both.
 */

const RUNS = 7;
const DEDICATED_HOSTS = 300;

interface Run {
  readonly seconds: number;
  /** Of all its threads, user and system. */
  readonly cpuSeconds: number;
  readonly peakMegabytes: number;
}

interface Case {
  readonly name: string;
  readonly arguments: readonly string[];
  readonly regions?: string;
  readonly target?: string;
}

/** Makes the child write what it used to standard error as it exits: CPU in microseconds, memory in kibibytes. */
const REPORT_USE = `process.on("exit", () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  process.stderr.write("used " + (userCPUTime + systemCPUTime) + " " + maxRSS);
})`;

async function measure(each: Case, scratch: string): Promise<Run> {
  const outdir = mkdtempSync(join(scratch, "out-"));
  const started = process.hrtime.bigint();
  const { stderr } = await promisify(execFile)(
    process.execPath,
    ["-r", join(scratch, "report-use.js"), ...each.arguments],
    {
      env: { ...process.env, CDKTF_OUTDIR: outdir, ...(each.regions && { TRICLOUD_REGIONS: each.regions }) },
    },
  );
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  const [, cpu, peak] = /used (\d+) (\d+)/.exec(stderr) ?? [];
  return { seconds, cpuSeconds: Number(cpu) / 1e6, peakMegabytes: (Number(peak) * 1024) / 1e6 };
}

function largeRegion(): DedicatedRegionInput {
  return {
    name: "large",
    platform: "dedicated",
    cidr: "10.200.0.0/16",
    servers: Array.from({ length: DEDICATED_HOSTS }, (_, index) => ({
      name: `host-${index + 1}`,
      address: `10.200.${1 + Math.floor(index / 250)}.${1 + (index % 250)}`,
      hostKey: hostKeyOf(index),
      roles: index < 5 ? ["consul-server"] : index < 50 ? ["proxy"] : ["app"],
    })),
    proxy: { allow: ["*.example.com"] },
    dns: { forwarders: ["10.200.0.2"] },
  };
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function main(): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), "tricloud-bench-"));
  try {
    writeFileSync(join(scratch, "report-use.js"), REPORT_USE);
    const regions = mkdtempSync(join(scratch, "regions-"));
    writeFileSync(join(regions, "large.json"), JSON.stringify(largeRegion()));
    const program = resolve("dist/main.js");
    const cases: Case[] = [
      { name: "node alone", arguments: ["-e", "0"] },
      { name: "all stacks", arguments: [program], target: "at most 1.0 s, 200 MB" },
      { name: `${DEDICATED_HOSTS} dedicated hosts`, arguments: [program], regions, target: "at most 3 s" },
    ];
    const runs = new Map(cases.map((each) => [each, [] as Run[]]));
    for (let run = 0; run <= RUNS; run++) {
      for (const each of cases) {
        const result = await measure(each, scratch);
        // The first round fills the disk cache.
        if (run > 0) runs.get(each)!.push(result);
      }
    }
    const rows = cases.map((each) => {
      const seconds = runs.get(each)!.map((run) => run.seconds);
      return {
        case: each.name,
        "median s": Number(median(seconds).toFixed(2)),
        "least s": Number(Math.min(...seconds).toFixed(2)),
        "most s": Number(Math.max(...seconds).toFixed(2)),
        "median CPU s": Number(median(runs.get(each)!.map((run) => run.cpuSeconds)).toFixed(2)),
        "peak MB": Math.round(Math.max(...runs.get(each)!.map((run) => run.peakMegabytes))),
        target: each.target ?? "",
      };
    });
    if (process.argv.includes("--json")) console.log(JSON.stringify(rows, undefined, 2));
    else console.table(rows);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

void main();
