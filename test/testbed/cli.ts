import { Testbed } from "./testbed";

const USAGE = `usage: node .testbed/build/cli.js prepare | up HOST... | down
  prepare   make and fetch what testbeds keep between runs
  up        boot these hosts and a far site, and leave them running
  down      end what was left running`;

async function main([command, ...names]: readonly string[]): Promise<void> {
  switch (command) {
    case "prepare":
      await Testbed.prepare(console.log);
      return;
    case "up": {
      if (names.length === 0) throw new Error(USAGE);
      const testbed = await Testbed.boot({
        hosts: names,
        far: { names: ["api.example.test"] },
        onStep: console.log,
      });
      testbed.keep();
      for (const host of testbed.hosts) console.log(`${host.name}: ssh ${host.sshArguments().join(" ")}`);
      return;
    }
    case "down":
      console.log(`ended: ${await Testbed.removeRuns("all")}`);
      return;
    default:
      throw new Error(USAGE);
  }
}

main(process.argv.slice(2)).catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
