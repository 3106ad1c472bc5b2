import { MadeUpAws, type MadeUpCall, Refusal } from "./made-up-aws";

interface Machine {
  readonly id: string;
  version: string;
}

interface Refresh {
  readonly id: string;
  readonly version: string;
  status: string;
  reason: string;
}

interface Failure {
  readonly machine: string;
  readonly message: string;
}

/**
 * Auto Scaling with one group, as far as instance refreshes go, and CloudWatch Logs with what its machines have said.
 * Each look at a refresh moves it on by one machine. As in AWS a group has its refreshes one at a time, is given the new
 * version at the very end, and goes back to the version that it has saved.
 */
export class AutoScalingService {
  static async start(groupName: string): Promise<AutoScalingService> {
    const service = new AutoScalingService(groupName);
    service.aws = await MadeUpAws.start((call) => service.take(call));
    return service;
  }

  /** Version that the group has saved. */
  version = "1";
  readonly machines: Machine[] = ["i-0a", "i-0b", "i-0c"].map((id) => ({ id, version: "1" }));
  readonly refreshes: Refresh[] = [];
  /** Versions whose machines give up at this step. */
  readonly broken = new Map<string, string>();
  /** Names of the calls, in their order. */
  readonly calls: string[] = [];
  /** Every so manieth call is not answered. */
  failEvery = Infinity;

  private readonly failures: Failure[] = [];
  private readonly words = new Map<string, string>();
  private launched = 0;
  private aws!: MadeUpAws;

  private constructor(private readonly groupName: string) {}

  private take({ action, isJson, form, detail }: MadeUpCall): unknown {
    if (isJson) {
      const { logStreamNames = [] } = detail as { logStreamNames?: string[] };
      const events = logStreamNames.flatMap((name) => {
        const message = this.words.get(name);
        return message === undefined ? [] : [{ message, logStreamName: name, timestamp: 0 }];
      });
      return { events };
    }
    this.calls.push(action);
    return this.calls.length % this.failEvery === 0
      ? new Refusal(503, "ServiceUnavailable", "try again")
      : this.answer(action, form);
  }

  get url(): string {
    return this.aws.url;
  }

  stop(): void {
    this.aws.stop();
  }

  /** A refresh that somebody else has begun. */
  begin(version: string): Refresh {
    const refresh = { id: `refresh-${this.refreshes.length + 1}`, version, status: "InProgress", reason: "" };
    this.refreshes.unshift(refresh);
    return refresh;
  }

  private get underWay(): Refresh | undefined {
    return this.refreshes.find(({ status }) => /InProgress|Pending|Cancelling/.test(status));
  }

  private answer(action: string, form: Readonly<Record<string, string>>): string | Refusal {
    switch (action) {
      case "DescribeAutoScalingGroups":
        return `<AutoScalingGroups><member><AutoScalingGroupName>${this.groupName}</AutoScalingGroupName>
          <LaunchTemplate><LaunchTemplateId>lt-1</LaunchTemplateId><Version>${this.version}</Version></LaunchTemplate>
          <Instances>${this.machines.map(({ id, version }) => `<member><InstanceId>${id}</InstanceId><LaunchTemplate><LaunchTemplateId>lt-1</LaunchTemplateId><Version>${version}</Version></LaunchTemplate></member>`).join("")}</Instances>
          </member></AutoScalingGroups>`;
      case "StartInstanceRefresh": {
        if (this.underWay !== undefined) {
          return new Refusal(400, "InstanceRefreshInProgress", "An Instance Refresh is already in progress");
        }
        const version = form["DesiredConfiguration.LaunchTemplate.Version"];
        if (version === undefined && form["Preferences.AutoRollback"] === "true") {
          return new Refusal(400, "ValidationError", "AutoRollback needs a desired configuration");
        }
        return `<InstanceRefreshId>${this.begin(version ?? this.version).id}</InstanceRefreshId>`;
      }
      case "RollbackInstanceRefresh":
      case "CancelInstanceRefresh": {
        const refresh = this.underWay;
        if (refresh?.status !== "InProgress") {
          return new Refusal(400, "ActiveInstanceRefreshNotFound", "No in progress or pending refresh found");
        }
        refresh.status = action === "RollbackInstanceRefresh" ? "RollbackInProgress" : "Cancelling";
        return `<InstanceRefreshId>${refresh.id}</InstanceRefreshId>`;
      }
      case "DescribeInstanceRefreshes": {
        if (this.underWay !== undefined) this.moveOn(this.underWay);
        const id = form["InstanceRefreshIds.member.1"];
        return `<InstanceRefreshes>${this.refreshes
          .filter((refresh) => id === undefined || refresh.id === id)
          .map(({ id: one, version, status, reason }) => {
            const done = this.machines.filter((machine) => machine.version === version).length;
            return `<member><InstanceRefreshId>${one}</InstanceRefreshId><Status>${status}</Status><StatusReason>${reason}</StatusReason><PercentageComplete>${Math.floor((100 * done) / this.machines.length)}</PercentageComplete><StartTime>2026-01-01T00:00:00Z</StartTime><DesiredConfiguration><LaunchTemplate><LaunchTemplateId>lt-1</LaunchTemplateId><Version>${version}</Version></LaunchTemplate></DesiredConfiguration></member>`;
          })
          .join("")}</InstanceRefreshes>`;
      }
      case "DescribeScalingActivities":
        return `<Activities>${this.failures.map(({ machine, message }, index) => `<member><ActivityId>${index}</ActivityId><Description>Launching a new EC2 instance: ${machine}.  Status Reason: ${message}</Description><StatusCode>Cancelled</StatusCode><StatusMessage>${message}</StatusMessage><StartTime>2026-01-01T00:01:00Z</StartTime><Cause>refresh</Cause></member>`).join("")}</Activities>`;
      default:
        return new Refusal(400, "InvalidAction", `no action ${action}`);
    }
  }

  private moveOn(refresh: Refresh): void {
    if (refresh.status === "Cancelling") {
      refresh.status = "Cancelled";
      return;
    }
    const target = refresh.status === "RollbackInProgress" ? this.version : refresh.version;
    const step = this.broken.get(target);
    if (step !== undefined) {
      const machine = `i-new${(this.launched += 1)}`;
      this.failures.push({ machine, message: "Lifecycle action was completed with ABANDON" });
      this.words.set(machine, `tricloud: failed at ${step}`);
      return;
    }
    const old = this.machines.find(({ version }) => version !== target);
    if (old !== undefined) {
      old.version = target;
      return;
    }
    const back = refresh.status === "RollbackInProgress";
    refresh.status = back ? "RollbackSuccessful" : "Successful";
    refresh.reason = back ? "Rolled back" : "";
    if (!back) this.version = target;
  }
}
