// Has all machines of an auto-scaling group take a file as they run: one first, all others once that one has. Runs where
// Terraform runs, as `node group-reload.mjs`, with the task in the environment: TRICLOUD_RELOAD (JSON). It needs the AWS
// CLI, and whatever that reads.
//
// Task: { group, what, program, boundSeconds, pollSeconds?, deliverySeconds? }. Each machine runs the program, which ends
// with 0 where the machine serves by the file `what`, with 1 where it refuses it, and with another code where it could not
// be tried; it is then tried again until the time is up.

import { setTimeout as sleep } from "node:timers/promises";
import { askAws, AwsCliError } from "./ask-aws.cjs";
import { runOnMachines } from "./run-command.cjs";

const task = JSON.parse(process.env["TRICLOUD_RELOAD"]);
const { group, what, program, boundSeconds, pollSeconds = 2, deliverySeconds } = task;

const say = (text) => process.stdout.write(`${group}: ${text}\n`);
const warn = (text) => process.stderr.write(`${group}: ${text}\n`);

async function aws(words) {
  try {
    return await askAws(words, { timeoutMs: 180_000 });
  } catch (error) {
    if (isNotInstalled(error))
      error.message = `the AWS CLI is needed to have machines take ${what}: put aws on PATH and deploy again`;
    else error.message = lastLine(error.message);
    throw error;
  }
}

/** There is no way to ask AWS at all then. */
const isNotInstalled = (error) => error instanceof AwsCliError && error.why === "not installed";

const lastLine = (text) => text.trim().split("\n").at(-1);

/** The group's machines that are to stay, with the state each is in. */
async function machines() {
  const { AutoScalingGroups: groups } = await aws([
    ...["autoscaling", "describe-auto-scaling-groups", "--auto-scaling-group-names", group],
  ]);
  return new Map(
    (groups[0]?.Instances ?? [])
      .filter(({ LifecycleState }) => !/^(Terminat|Detach)/.test(LifecycleState))
      .map(({ InstanceId, LifecycleState }) => [InstanceId, LifecycleState]),
  );
}

const isUp = (state) => state === "InService" || state === "Standby";

/** What machines have said that have taken the file, by their ids, and why others have not. */
const taken = new Map();
const lacks = new Map();

/** @returns those that refuse */
async function tell(ids) {
  const refusing = [];
  await runOnMachines(aws, ids, program, {
    what: `${group}: ${what}`,
    pollMs: pollSeconds * 1000,
    deliverySeconds,
    onOutcome: (id, { code, said }) => {
      if (code === 0) {
        taken.set(id, lastLine(said));
        say(`${id}: ${lastLine(said)}`);
        return;
      }
      lacks.set(id, said || `the program ended with ${code}`);
      if (code === 1) {
        refusing.push(id);
        warn(`${id} refuses ${what}: ${said}`);
      }
    },
  });
  return refusing;
}

async function main() {
  const until = Date.now() + boundSeconds * 1000;
  // Machines that are launched from now on boot with the newest file.
  let concerned;
  for (let turn = 0; ; await sleep(pollSeconds * 1000)) {
    let present;
    try {
      present = await machines();
    } catch (error) {
      if (isNotInstalled(error) || Date.now() >= until) throw error;
      continue;
    }
    concerned ??= [...present.keys()];
    const waiting = concerned.filter((id) => present.has(id) && !taken.has(id));
    if (waiting.length === 0) break;
    const [ready, coming] = [true, false].map((up) => waiting.filter((id) => isUp(present.get(id)) === up));
    for (const id of coming) lacks.set(id, `it is ${present.get(id)}`);
    if (ready.length > 0 && taken.size === 0) {
      // Where one is out of reach, another one is the first.
      const first = ready[turn++ % ready.length];
      say(`${what}: ${first} goes first`);
      if ((await tell([first])).length > 0) throw new Error(`${what} is refused; no other machine was told`);
      if (taken.has(first)) ready.splice(ready.indexOf(first), 1);
    }
    if (ready.length > 0 && taken.size > 0) {
      const refusing = await tell(ready);
      if (refusing.length > 0)
        throw new Error(
          `${what} is in force on ${taken.size} of ${concerned.length} machines, others refuse it`,
        );
    }
    if (Date.now() < until) continue;
    const left = waiting.filter((id) => !taken.has(id));
    if (left.length === 0) break;
    for (const id of left)
      warn(`${id} has not taken ${what}: ${lacks.get(id) ?? "no other one has before it"}`);
    throw new Error(
      `${left.length} of ${concerned.length} machines have not taken ${what} in ${boundSeconds} s`,
    );
  }
  const answers = [...taken.values()];
  for (const answer of new Set(answers)) {
    const count = answers.filter((each) => each === answer).length;
    say(`${count} of ${answers.length} machines: ${answer}`);
  }
}

try {
  await main();
} catch (error) {
  warn(error.message);
  process.exitCode = 1;
}
