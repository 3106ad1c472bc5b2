import { createHash } from "node:crypto";
import { keptPath } from "../../constructs/aws/kept-for-machines";
import { BUNDLE_PATH, CONFIG_PATH, DRAINED } from "../../constructs/proxy/host-paths";
import { groupsOf, type StackGroup } from "../../planning/matters/stack-groups";
import { readStacks, selectStacks } from "../../planning/stack/synthesized-stacks";
import { AwsCliError, tellOfAws } from "../aws-cli";
import type { AnswerOfProxy } from "../cluster-proxies";
import {
  type AnswerOfMachine,
  type GroupMachine,
  machinesOf,
  nameOfMachine,
  onMachines,
} from "./group-machines";

/** The proxies of a region on EC2, as whoever may send their machines commands has these run programs. */
export class GroupProxies {
  private constructor(private readonly groups: readonly StackGroup[]) {}

  /**
   * @param out the app's output directory
   * @returns undefined where the region has no groups of machines
   * @throws Error where it has some without proxies
   */
  static of(out: string, region: string): GroupProxies | undefined {
    const groups = groupsOf(selectStacks(readStacks(out), [region])[0]!.configuration);
    if (groups.length === 0) return undefined;
    const proxies = groups.filter(({ contents }) => contents.files.has(CONFIG_PATH));
    if (proxies.length === 0) throw new Error(`region "${region}" has no proxies on its machines`);
    return new GroupProxies(proxies);
  }

  /** Has each proxy's machine run a bash program as root. @throws Error where there is no machine */
  async ask(program: string, what: string): Promise<AnswerOfProxy[]> {
    return (await onMachines(await this.machines(), program, { what })).map(answerOfProxy);
  }

  /**
   * Has the machines that are there take an origin out or let it back, and has those that are to come know it.
   *
   * @param origin as a proxy keeps it: `https://api.example.com:443`
   */
  async drain(run: "drain" | "undrain", origin: string): Promise<AnswerOfProxy[]> {
    const program = `exec node ${BUNDLE_PATH} ${run} '${origin}' --config ${CONFIG_PATH}`;
    const tell = (machines: readonly GroupMachine[]) =>
      onMachines(machines, program, { what: `${run} ${origin}` });
    const isDone = ({ answer }: AnswerOfMachine) => answer.code === 0;
    let told: readonly AnswerOfMachine[] = [];
    if (run === "drain") {
      told = await tell(await this.machines());
      // What none of them would drain is kept for none.
      if (!told.some(isDone)) return told.map(answerOfProxy);
    }
    await this.keep(origin, run === "drain");
    // Some may have started since, without knowing it.
    const done = new Map(told.filter(isDone).map((each) => [each.machine.id, each]));
    const machines = await this.machines();
    const rest = await tell(machines.filter(({ id }) => !done.has(id)));
    const answers = new Map([...done.values(), ...rest].map((each) => [each.machine.id, each]));
    return machines.map(({ id }) => answerOfProxy(answers.get(id)!));
  }

  private async machines(): Promise<GroupMachine[]> {
    const machines = await machinesOf(this.groups);
    if (machines.length > 0) return machines;
    throw new Error(`no machine of ${this.groups.map(({ name }) => name).join(", ")} is there`);
  }

  /** Has machines that start later know whether an origin is drained. */
  private async keep(origin: string, isDrained: boolean): Promise<void> {
    const key = createHash("sha256").update(origin).digest("hex").slice(0, 16);
    for (const { name: groupName, awsRegion } of this.groups) {
      const name = `${keptPath({ groupName, name: DRAINED })}/${key}`;
      if (isDrained)
        await tellOfAws(awsRegion, [
          ...["ssm", "put-parameter", "--name", name, "--type", "String", "--overwrite"],
          // By its file the CLI of old would fetch what is at the address.
          ...["--cli-input-json", JSON.stringify({ Value: origin })],
        ]);
      else
        await tellOfAws(awsRegion, ["ssm", "delete-parameter", "--name", name]).catch((error: Error) => {
          if (!(error.cause instanceof AwsCliError && error.message.includes("ParameterNotFound")))
            throw error;
        });
    }
  }
}

function answerOfProxy({ machine, answer, leftOut }: AnswerOfMachine): AnswerOfProxy {
  const { code, said, lastLine } = answer;
  const host = nameOfMachine(machine);
  return leftOut === 0
    ? { host, code, said, lastLine }
    : { host, code: null, said: "", lastLine: "what it answers is too long for Systems Manager" };
}
