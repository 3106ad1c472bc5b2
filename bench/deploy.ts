import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Deployment, JP_ROLES, jpRegion, ORIGIN, run, Testbed } from "../test/testbed";

/*
 * A deploy that finds nothing to do, against Terraform's own start: `script/bench deploy`. Boots three virtual servers,
 * deploys JP once, then alternates a `cdktf deploy jp` without a change with `terraform init` and `apply` of nothing.
 */

const RUNS = 5;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - started) / 1e9;
}

async function main(): Promise<void> {
  const testbed = await Testbed.boot({
    hosts: Object.keys(JP_ROLES),
    far: { names: [ORIGIN] },
    onStep: console.error,
  });
  try {
    const deployment = new Deployment(join(testbed.directory, "deployment"));
    deployment.write(jpRegion(testbed));
    const deploy = async (): Promise<string> => {
      const { code, output } = await deployment.deploy("jp");
      if (code !== 0) throw new Error(`cdktf deploy jp failed:\n${output}`);
      return output;
    };
    console.error("first deploy");
    const first = await seconds(deploy);

    const empty = join(testbed.directory, "empty");
    mkdirSync(empty);
    writeFileSync(join(empty, "main.tf.json"), "{}");
    const terraform = process.env["TERRAFORM_BINARY_NAME"] ?? "terraform";
    const start = async (): Promise<void> => {
      await run(terraform, [`-chdir=${empty}`, "init"]);
      await run(terraform, [`-chdir=${empty}`, "apply", "-auto-approve"]);
    };
    const unchanged: number[] = [];
    const alone: number[] = [];
    for (let round = 0; round < RUNS; round++) {
      console.error(`round ${round + 1} of ${RUNS}`);
      alone.push(await seconds(start));
      unchanged.push(
        await seconds(async () => {
          const output = await deploy();
          if (/Creating\.\.\./.test(output)) throw new Error(`the deploy changed something:\n${output}`);
        }),
      );
    }
    const beyond = unchanged.map((value, round) => value - alone[round]!);
    const result = {
      "first deploy, s": Number(first.toFixed(1)),
      "deploy without a change, s": Number(median(unchanged).toFixed(2)),
      "Terraform alone, s": Number(median(alone).toFixed(2)),
      "beyond Terraform's start, s (target: at most 5)": Number(median(beyond).toFixed(2)),
    };
    if (process.argv.includes("--json")) console.log(JSON.stringify(result, undefined, 2));
    else console.table(result);
  } finally {
    await testbed.stop();
  }
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
