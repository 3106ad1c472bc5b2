import { createServer, type Server } from "node:http";
import { type AddressInfo } from "node:net";
import { type Ended, SystemsManager } from "../../testbed/ec2/systems-manager.cjs";

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
export class GroupReloadService {
  static async start(machines: readonly MadeUpMachine[]): Promise<GroupReloadService> {
    const service = new GroupReloadService(machines);
    await new Promise<void>((resolve) => service.server.listen(0, "127.0.0.1", resolve));
    return service;
  }

  /** Called at each look at the group. */
  onLook: () => void = () => undefined;
  /** Machines in the order in which each was told. */
  readonly order: string[] = [];
  private readonly server: Server;

  private constructor(private readonly machines: readonly MadeUpMachine[]) {
    const find = (id: string) => machines.find((machine) => machine.id === id);
    const manager = new SystemsManager(
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
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const target = request.headers["x-amz-target"];
        const body = Buffer.concat(chunks).toString();
        if (target === undefined)
          return void response.writeHead(200, { "content-type": "text/xml" }).end(this.groups());
        const detail = JSON.parse(body) as Record<string, unknown>;
        const { problem, body: answer } = manager.answer(String(target).split(".")[1]!, detail);
        response
          .writeHead(problem === undefined ? 200 : 400, { "content-type": "application/x-amz-json-1.1" })
          .end(
            JSON.stringify(
              problem === undefined ? answer : { __type: problem.code, message: problem.message },
            ),
          );
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.close();
  }

  private groups(): string {
    this.onLook();
    const members = this.machines
      .map(
        ({ id, state }) =>
          `<member><InstanceId>${id}</InstanceId><LifecycleState>${state}</LifecycleState></member>`,
      )
      .join("");
    return `<DescribeAutoScalingGroupsResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><DescribeAutoScalingGroupsResult><AutoScalingGroups><member><AutoScalingGroupName>us-proxy</AutoScalingGroupName><Instances>${members}</Instances></member></AutoScalingGroups></DescribeAutoScalingGroupsResult></DescribeAutoScalingGroupsResponse>`;
  }
}
