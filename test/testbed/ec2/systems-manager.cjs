/**
 * Run Command and parameters of Systems Manager, as unkind as it is: what was sent arrives late and not at machines that are out of reach,
 * is not to be found at first, has its output cut off, and who asks often is sent away.
 * https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html
 * https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetCommandInvocation.html
 */
const { randomUUID } = require("node:crypto");
const { setTimeout: sleep } = require("node:timers/promises");

const [OUTPUT, ERRORS] = [24_000, 8_000];
/** So many parameters come in one answer. */
const PAGE = 10;

/** An answer that is none. */
const refused = (code, message) => ({ problem: { code, status: 400, message } });

class SystemsManager {
  /**
   * @param machines { state(id): "online" | "offline" | undefined for one whose agent was never heard of,
   *   run(id, script): Promise<{ code, stdout, stderr }> }
   * @param secondMs what counts as a second
   * @param throttleEvery every so manieth call is sent away
   */
  constructor(machines, { secondMs = 1000, throttleEvery = 7 } = {}) {
    Object.assign(this, { machines, secondMs, throttleEvery });
    /** By command and instance. */
    this.invocations = new Map();
    /** Values by name. */
    this.parameters = new Map();
    this.calls = 0;
  }

  /** @returns { body } or { problem: { code, status, message } } */
  answer(action, detail) {
    if (++this.calls % this.throttleEvery === 0) return refused("ThrottlingException", "Rate exceeded");
    switch (action) {
      case "SendCommand":
        return this.send(detail);
      case "ListCommandInvocations":
        return { body: { CommandInvocations: this.listed(detail.CommandId) } };
      case "GetCommandInvocation":
        return this.invocation(detail);
      case "PutParameter":
        return this.put(detail);
      case "DeleteParameter":
        return this.parameters.delete(detail.Name)
          ? { body: {} }
          : refused("ParameterNotFound", `Parameter ${detail.Name} not found.`);
      case "GetParametersByPath":
        return this.below(detail);
      default:
        return refused("UnknownOperationException", `no operation ${action}`);
    }
  }

  put({ Name = "", Value = "", Type, Overwrite = false }) {
    if (
      !/^\/[\w./-]{1,1000}$/.test(Name) ||
      /^\/(aws|ssm)/i.test(Name) ||
      Value === "" ||
      Value.length > 4096
    )
      return refused("ValidationException", `no parameter ${Name}: ${Value}`);
    if (this.parameters.has(Name) && !Overwrite)
      return refused("ParameterAlreadyExists", "The parameter already exists.");
    if (Type !== "String") return refused("ValidationException", `type ${Type}`);
    this.parameters.set(Name, Value);
    return { body: { Version: 1, Tier: "Standard" } };
  }

  below({ Path, NextToken = "0" }) {
    const found = [...this.parameters].filter(
      ([name]) => name.startsWith(`${Path}/`) && !name.slice(Path.length + 1).includes("/"),
    );
    const from = Number(NextToken);
    const Parameters = found
      .slice(from, from + PAGE)
      .map(([Name, Value]) => ({ Name, Value, Type: "String", Version: 1 }));
    return { body: { Parameters, ...(from + PAGE < found.length && { NextToken: String(from + PAGE) }) } };
  }

  send({ DocumentName, InstanceIds = [], Parameters = {}, TimeoutSeconds = 3600, Comment = "" }) {
    const unknown = InstanceIds.filter((id) => this.machines.state(id) === undefined);
    if (unknown.length > 0)
      return refused("InvalidInstanceId", `Instances [[${unknown.join(", ")}]] not in a valid state`);
    if (DocumentName !== "AWS-RunShellScript")
      return refused("InvalidDocument", `no document ${DocumentName}`);
    const wrong = Object.keys(Parameters).filter((name) => !["commands", "executionTimeout"].includes(name));
    if (wrong.length > 0 || !Array.isArray(Parameters.commands))
      return refused("InvalidParameters", `parameters ${wrong.join(", ")} of ${DocumentName}`);
    if (InstanceIds.length < 1 || InstanceIds.length > 50 || TimeoutSeconds < 30 || Comment.length > 100)
      return refused("ValidationException", "a field of the command is too long or too short");
    const CommandId = randomUUID();
    for (const id of InstanceIds) this.begin(CommandId, id, Parameters, TimeoutSeconds);
    return { body: { Command: { CommandId, DocumentName, InstanceIds, Status: "Pending" } } };
  }

  begin(command, id, parameters, seconds) {
    const invocation = {
      ...{
        CommandId: command,
        InstanceId: id,
        Status: "Pending",
        StatusDetails: "Pending",
        ResponseCode: -1,
      },
      ...{ StandardOutputContent: "", StandardErrorContent: "" },
    };
    const until = Date.now() + seconds * this.secondMs;
    const script = parameters.commands.join("\n");
    const end = (Status, StatusDetails, more = {}) =>
      Object.assign(invocation, { Status, StatusDetails, ...more });
    const deliver = async () => {
      await sleep((0.2 + Math.random()) * this.secondMs);
      this.invocations.set(`${command} ${id}`, invocation);
      await sleep((0.2 + Math.random()) * this.secondMs);
      while (this.machines.state(id) !== "online") {
        if (Date.now() >= until) return end("TimedOut", "DeliveryTimedOut");
        end("Delayed", "Delayed");
        await sleep(this.secondMs);
      }
      end("InProgress", "InProgress");
      const { code, stdout, stderr } = await this.machines.run(id, script);
      return end(code === 0 ? "Success" : "Failed", code === 0 ? "Success" : "Failed", {
        ResponseCode: code,
        StandardOutputContent: stdout.slice(0, OUTPUT),
        StandardErrorContent: (code === 0
          ? stderr
          : `${stderr}failed to run commands: exit status ${code}`
        ).slice(0, ERRORS),
      });
    };
    // The machine is gone while it ran.
    deliver().catch(({ message }) => end("Failed", "Failed", { StandardErrorContent: message }));
  }

  listed(command) {
    return [...this.invocations.values()]
      .filter(({ CommandId }) => CommandId === command)
      .map(({ CommandId, InstanceId, Status, StatusDetails }) => ({
        ...{ CommandId, InstanceId, Status, StatusDetails },
      }));
  }

  invocation({ CommandId, InstanceId }) {
    const found = this.invocations.get(`${CommandId} ${InstanceId}`);
    if (found === undefined) return refused("InvocationDoesNotExist", "");
    return { body: { ...found } };
  }
}

module.exports = { SystemsManager };
