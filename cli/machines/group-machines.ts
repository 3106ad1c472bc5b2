import { askAws } from "../../constructs/aws/reload/ask-aws.cjs";
import { type Outcome, runOnMachines } from "../../constructs/aws/reload/run-command.cjs";
import { answerOf, type HostAnswer } from "../../planning/hosts/host-command";
import type { StackGroup } from "../../planning/matters/stack-groups";
import { tellOfAws } from "../aws-cli";
import { packedProgram, unpacked } from "./packed-program";

/** A machine of a group, as Auto Scaling knows it. */
export interface GroupMachine {
  readonly group: StackGroup;
  readonly id: string;
  readonly zone: string;
  /** Where it is in its life: `InService`. */
  readonly state: string;
  readonly isHealthy: boolean;
}

/** What a program has come to on a machine. */
export interface AnswerOfMachine {
  readonly machine: GroupMachine;
  readonly answer: HostAnswer & { readonly complaints: string };
  /** Bytes of the beginning of what it printed that are left out. */
  readonly leftOut: number;
  /** Whether it may have begun there. */
  readonly began: boolean;
}

/** For people: `i-0123 (us-east-1a)`. */
export const nameOfMachine = ({ id, zone }: Pick<GroupMachine, "id" | "zone">): string => `${id} (${zone})`;

export const isInService = ({ state }: GroupMachine): boolean => state === "InService" || state === "Standby";

/** A group as AWS describes it, as far as it is looked into. */
export interface DescribedGroup {
  readonly AutoScalingGroupName: string;
  readonly DesiredCapacity: number;
  readonly Instances?: readonly DescribedMachine[];
}

export interface DescribedMachine {
  readonly InstanceId: string;
  readonly AvailabilityZone: string;
  readonly LifecycleState: string;
  readonly HealthStatus: string;
  readonly LaunchTemplate?: { readonly Version?: string };
}

/**
 * What AWS says of groups of one region.
 *
 * @throws Error with what the AWS CLI says
 */
export async function described(groups: readonly StackGroup[]): Promise<readonly DescribedGroup[]> {
  const { AutoScalingGroups: found } = await tellOfAws<{ AutoScalingGroups: readonly DescribedGroup[] }>(
    groups[0]!.awsRegion,
    [
      ...["autoscaling", "describe-auto-scaling-groups", "--auto-scaling-group-names"],
      ...groups.map(({ name }) => name),
    ],
  );
  return found;
}

/**
 * The machines of groups, but those that are on their way out.
 *
 * @throws Error with what the AWS CLI says
 */
export async function machinesOf(groups: readonly StackGroup[]): Promise<GroupMachine[]> {
  return (await described(groups)).flatMap(({ AutoScalingGroupName: name, Instances = [] }) =>
    Instances.filter(({ LifecycleState: state }) => !/^(Terminat|Detach)/.test(state)).map((each) => ({
      group: groups.find((group) => group.name === name)!,
      ...{ id: each.InstanceId, zone: each.AvailabilityZone, state: each.LifecycleState },
      isHealthy: each.HealthStatus === "Healthy",
    })),
  );
}

/** Systems Manager takes no less. Nobody waits for a machine that is out of reach, unlike in a deploy. */
const REACH_SECONDS = 30;

/**
 * Has machines of one region of AWS run a bash program as root, all at once, by Run Command of Systems Manager.
 *
 * @param how `what` it is for, for whoever looks at the account's commands; how long it may run, 120 s unless given
 */
export async function onMachines(
  machines: readonly GroupMachine[],
  program: string,
  how: { readonly what: string; readonly runSeconds?: number },
): Promise<AnswerOfMachine[]> {
  if (machines.length === 0) return [];
  const { awsRegion } = machines[0]!.group;
  const outcomes = await runOnMachines(
    (words) => askAws(words, { awsRegion }),
    machines.map(({ id }) => id),
    packedProgram(program),
    { ...how, pollMs: 1000, deliverySeconds: REACH_SECONDS },
  );
  return machines.map((machine) => answerOfMachine(machine, outcomes.get(machine.id)!));
}

function answerOfMachine(machine: GroupMachine, { code, said, began }: Outcome): AnswerOfMachine {
  const printed = code === null ? undefined : unpacked(said);
  if (printed !== undefined) {
    const { stdout, stderr, leftOut } = printed;
    return { machine, answer: { ...answerOf(code, stdout, stderr), complaints: stderr }, leftOut, began };
  }
  const why = lastLineOf(said) || `it has ended with ${code}`;
  const lastLine = isInService(machine) ? why : `it is ${machine.state}: ${why}`;
  return { machine, answer: { code: null, said: "", complaints: "", lastLine }, leftOut: 0, began };
}

const lastLineOf = (text: string): string => text.trim().split("\n").at(-1)!;
