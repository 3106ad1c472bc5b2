import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Cluster } from "./cluster/cluster";
import { WorkloadsDeployment } from "./cluster/workloads-deployment";
import { Testbed, TESTBED_DIRECTORY } from "./testbed";
import { UK_CLUSTER, UK_ORIGIN } from "./uk-region";

const USAGE = "usage: script/cluster up [--empty] | down | kubectl ARGUMENT... | prepare";

/** Where a cluster that was left running says how it is asked. */
const KUBECTL = join(TESTBED_DIRECTORY, "cluster-kubectl.json");

async function up(empty: boolean): Promise<void> {
  const obstacle = Testbed.obstacle() ?? Cluster.obstacle();
  if (obstacle !== undefined) throw new Error(obstacle);
  const testbed = await Testbed.boot({
    hosts: [],
    far: { names: [UK_ORIGIN] },
    cluster: UK_CLUSTER,
    onStep: console.log,
  });
  try {
    if (!empty) await applyWorkloads(testbed);
    testbed.keep();
    writeFileSync(KUBECTL, JSON.stringify(testbed.cluster.kubectlCommand));
  } catch (error) {
    await testbed.stop();
    throw error;
  }
  console.log(`kubeconfig: ${testbed.cluster.kubeconfig}`);
}

async function applyWorkloads(testbed: Testbed): Promise<void> {
  const workloads = await WorkloadsDeployment.create(testbed, (moment, step) => {
    if (moment === "before") console.log(step);
  });
  try {
    await workloads.deploy();
  } finally {
    workloads.close();
  }
}

async function main([command, ...args]: readonly string[]): Promise<void> {
  switch (command) {
    case "prepare": {
      const obstacle = Testbed.obstacle() ?? Cluster.obstacle();
      if (obstacle === undefined) await Testbed.prepareCluster(console.log);
      else console.log(`left out: ${obstacle}`);
      return;
    }
    case "up":
      return up(args[0] === "--empty");
    case "down":
      console.log(`ended: ${await Testbed.removeRuns("all")}`);
      return;
    case "kubectl": {
      const [program, ...before] = JSON.parse(readFileSync(KUBECTL, "utf8")) as [string, ...string[]];
      process.exitCode = spawnSync(program, [...before, ...args], { stdio: "inherit" }).status ?? 1;
      return;
    }
    default:
      throw new Error(USAGE);
  }
}

main(process.argv.slice(2)).catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
