import { type Ended, SystemsManager } from "../../testbed/ec2/systems-manager.cjs";
import { MadeUpAws, type MadeUpCall, Refusal } from "./made-up-aws";

/** A machine of a made-up group. */
export interface MadeUpMachine {
  readonly id: string;
  /** Where it is in its life, as Auto Scaling says it. */
  state: string;
  /** Undefined where its agent was never heard of. */
  agent: "online" | "offline" | undefined;
  /** What a script comes to there. */
  readonly answer: (script: string) => Ended;
  /** Scripts that it has run. */
  readonly ran: string[];
}

/** Auto Scaling with one group, and Systems Manager, at one address. */
export class GroupService {
  static async start(
    machines: readonly MadeUpMachine[],
    { group = "us-proxy" }: { readonly group?: string } = {},
  ): Promise<GroupService> {
    const service = new GroupService(machines, group);
    service.aws = await MadeUpAws.start((call) => service.answer(call));
    return service;
  }

  /** Called at each look at the group. */
  onLook: () => void = () => undefined;
  /** Machines in the order in which each was told. */
  readonly order: string[] = [];
  /** Actions that the caller may not do. */
  readonly denied = new Set<string>();
  /** Called actions, and what was said in each. */
  readonly calls: MadeUpCall[] = [];
  private aws!: MadeUpAws;
  private readonly manager: SystemsManager;

  private constructor(
    private readonly machines: readonly MadeUpMachine[],
    private readonly group: string,
  ) {
    const find = (id: string) => machines.find((machine) => machine.id === id);
    this.manager = new SystemsManager(
      {
        state: (id) => find(id)?.agent,
        run: async (id, script) => {
          const machine = find(id)!;
          machine.ran.push(script);
          this.order.push(id);
          return machine.answer(script);
        },
      },
      { secondMs: 10 },
    );
  }

  get url(): string {
    return this.aws.url;
  }

  stop(): void {
    this.aws.stop();
  }

  /** Values of parameters, by name. */
  get parameters(): ReadonlyMap<string, string> {
    return this.manager.parameters;
  }

  private answer(call: MadeUpCall): unknown {
    const { action, isJson, form, detail } = call;
    this.calls.push(call);
    if (this.denied.has(action))
      return new Refusal(400, "AccessDeniedException", `you may not perform ${action}`);
    if (!isJson) return this.groups(Object.values(form).includes(this.group));
    const { problem, body } = this.manager.answer(action, detail);
    return problem === undefined ? body : new Refusal(400, problem.code, problem.message);
  }

  private groups(isAsked: boolean): string {
    this.onLook();
    const members = this.machines.map(
      ({ id, state }) =>
        `<member><InstanceId>${id}</InstanceId><AvailabilityZone>us-east-1a</AvailabilityZone><LifecycleState>${state}</LifecycleState><HealthStatus>Healthy</HealthStatus></member>`,
    );
    return isAsked
      ? `<AutoScalingGroups><member><AutoScalingGroupName>${this.group}</AutoScalingGroupName><Instances>${members.join("")}</Instances></member></AutoScalingGroups>`
      : "<AutoScalingGroups/>";
  }
}
