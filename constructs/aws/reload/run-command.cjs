/**
 * Programs on machines, by Run Command of AWS Systems Manager. What is sent comes to a machine late or never, and what it
 * has come to has to be asked for.
 * https://docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html
 */
const { setTimeout: sleep } = require("node:timers/promises");

/** So many machines may be told by one call. */
const MOST_TOGETHER = 50;
/** How long a program may run by default, and Systems Manager may take to notice that it has not ended. */
const RUN_SECONDS = 120;
const NOTICE_SECONDS = 30;
const ENDED = new Set(["Success", "Failed", "TimedOut", "Cancelled"]);
/** Of these it is certain that they have not come to the machine. */
const NEVER_BEGAN = new Set(["DeliveryTimedOut", "Undeliverable"]);

async function runOnMachines(aws, ids, program, how) {
  const { what, pollMs = 2000, deliverySeconds = 60, runSeconds = RUN_SECONDS } = how;
  const { onOutcome = () => undefined } = how;
  const outcomes = new Map();
  const learn = (id, outcome) => {
    outcomes.set(id, outcome);
    onOutcome(id, outcome);
  };
  const parameters = JSON.stringify({
    commands: program.split("\n"),
    executionTimeout: [String(runSeconds)],
  });
  const send = async (together) => {
    try {
      const { Command } = await aws([
        ...["ssm", "send-command", "--document-name", "AWS-RunShellScript", "--instance-ids", ...together],
        ...["--parameters", parameters, "--comment", what.slice(0, 100)],
        ...["--timeout-seconds", String(deliverySeconds)],
      ]);
      await follow(Command.CommandId, together);
    } catch (error) {
      // One that Systems Manager does not know keeps it from all of them.
      if (together.length > 1 && error.message.includes("InvalidInstanceId"))
        return void (await Promise.all(together.map((id) => send([id]))));
      const began = !error.message.includes("InvalidInstanceId");
      for (const id of together) if (!outcomes.has(id)) learn(id, { code: null, said: error.message, began });
    }
  };
  const follow = async (command, together) => {
    const until = Date.now() + (deliverySeconds + runSeconds + NOTICE_SECONDS) * 1000;
    let unheard = "";
    for (let waiting = together; ;) {
      await sleep(pollMs);
      // One answer for all of them; a machine may be missing in it for a while. None is no news of the machines.
      const { CommandInvocations: found } = await aws([
        ...["ssm", "list-command-invocations", "--command-id", command],
      ]).catch((error) => {
        // Who may not ask now may not later.
        if (error.message.includes("AccessDenied")) throw error;
        unheard = `: ${error.message}`;
        return { CommandInvocations: [] };
      });
      const over = new Set(
        found.filter(({ Status }) => ENDED.has(Status)).map(({ InstanceId }) => InstanceId),
      );
      for (const id of waiting.filter((one) => over.has(one))) {
        const outcome = await outcomeOf(aws, command, id).catch(() => undefined);
        if (outcome !== undefined) learn(id, outcome);
      }
      waiting = waiting.filter((id) => !outcomes.has(id));
      if (waiting.length === 0) return;
      if (Date.now() >= until) {
        for (const id of waiting)
          learn(id, { code: null, said: `the command has not ended in time${unheard}`, began: true });
        return;
      }
    }
  };
  const parts = Array.from({ length: Math.ceil(ids.length / MOST_TOGETHER) }, (_, index) =>
    ids.slice(index * MOST_TOGETHER, (index + 1) * MOST_TOGETHER),
  );
  for (const together of parts) await send(together);
  return outcomes;
}

async function outcomeOf(aws, command, id) {
  const answer = await aws(["ssm", "get-command-invocation", "--command-id", command, "--instance-id", id]);
  const { Status, StatusDetails, ResponseCode, StandardOutputContent, StandardErrorContent } = answer;
  // What did not run, or was ended, has no code of its own.
  const hasEnded = Status === "Success" || (Status === "Failed" && ResponseCode > 0);
  const said = [StandardOutputContent, ...(Status === "Success" ? [] : [StandardErrorContent])]
    .map((text) => (text ?? "").trim())
    .find((text) => text !== "");
  return hasEnded
    ? { code: ResponseCode, said: said ?? "", began: true }
    : {
        code: null,
        said: [`the command is ${StatusDetails}`, said].filter(Boolean).join(": "),
        began: !NEVER_BEGAN.has(StatusDetails),
      };
}

module.exports = { runOnMachines };
