import { until } from "../command";
import { type Call, type Problem } from "./aws";
import { type GroupPlan } from "./cloud";
import { type Instance } from "./instance";
import { TargetHealth } from "./target-health";

interface Percentages {
  readonly min_healthy_percentage: number;
  readonly max_healthy_percentage: number;
}

/** What the engine reads of `aws_autoscaling_group`; fields as Terraform names them. */
interface Settings {
  readonly desired_capacity: number;
  readonly health_check_type: "EC2" | "ELB";
  readonly health_check_grace_period: number;
  readonly initial_lifecycle_hook: readonly {
    readonly name: string;
    readonly heartbeat_timeout: number;
    readonly default_result: "ABANDON" | "CONTINUE";
  }[];
  readonly default_instance_warmup?: number;
  readonly instance_maintenance_policy?: Percentages;
  readonly instance_refresh?: { readonly preferences?: RefreshPreferences };
}

type RefreshPreferences = Partial<Percentages> & { readonly instance_warmup?: string };

export interface GroupEvent {
  readonly at: number;
  readonly what: "launched" | "in service" | "given up" | "unhealthy" | "replaced" | "terminated";
  readonly instance: string;
  readonly why?: string;
}

type State = "Pending:Wait" | "InService" | "Terminating";

interface Member {
  readonly instance: Instance;
  readonly version: number;
  readonly launchedAt: number;
  state: State;
  /** When it came into service. */
  since: number;
  readonly health: readonly TargetHealth[];
}

export interface GroupSurroundings {
  /** Makes a machine with the plan's user data and switches it on. */
  launch(plan: GroupPlan): Promise<Instance>;
}

/**
 * An auto-scaling group that does with its machines what AWS does, by the group's own settings: launch, wait at the
 * lifecycle hook, put in service, watch, replace, refresh.
 * https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html
 * https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-overview.html
 */
export class AutoScalingGroup {
  readonly events: GroupEvent[] = [];
  private members: Member[] = [];
  private version = 1;
  private refreshing = false;
  private timer: NodeJS.Timeout | undefined;
  private failure: Error | undefined;
  private launching = 0;

  constructor(
    private plan: GroupPlan,
    private readonly surroundings: GroupSurroundings,
  ) {}

  get name(): string {
    return this.plan.name;
  }

  private get settings(): Settings {
    return this.plan.settings as unknown as Settings;
  }

  private get hook() {
    const [hook] = this.settings.initial_lifecycle_hook;
    if (hook === undefined) throw new Error(`group ${this.name} has no lifecycle hook`);
    return hook;
  }

  /** What holds for replacing machines: a refresh's own preferences, or the group's, or AWS's. */
  private get manner() {
    const { instance_refresh, instance_maintenance_policy, ...settings } = this.settings;
    const asked: RefreshPreferences = { ...instance_maintenance_policy, ...instance_refresh?.preferences };
    const { min_healthy_percentage = 90, max_healthy_percentage = 100, instance_warmup } = asked;
    const { default_instance_warmup, health_check_grace_period } = settings;
    const warmUp = Number(instance_warmup ?? default_instance_warmup ?? health_check_grace_period);
    return { min_healthy_percentage, max_healthy_percentage, warmUp };
  }

  /** How long load balancers let a machine end what it has under way. */
  private get drainSeconds(): number {
    return Math.max(0, ...this.plan.targets.map((list) => Number(list.deregistration_delay)));
  }

  /** All its machines and where each is in its life, as AWS tells. */
  get states(): readonly { readonly id: string; readonly zone: string; readonly state: State }[] {
    return this.members.map(({ instance: { id, zone }, state }) => ({ id, zone, state }));
  }

  /** Machines in service, oldest first. */
  get inService(): Instance[] {
    return this.members.filter(({ state }) => state === "InService").map(({ instance }) => instance);
  }

  /** Launches the first machines, and returns when as many as are desired are in service. */
  async start(): Promise<void> {
    this.timer = setInterval(() => this.act(), 250);
    await this.settled();
  }

  /** Takes a new plan as `terraform apply` does: what machines boot with has changed, so that all are replaced. */
  update(plan: GroupPlan): void {
    const isNew = plan.userData !== this.plan.userData;
    this.plan = plan;
    if (!isNew) return;
    this.version++;
    this.refreshing = true;
  }

  /** Returns when all that are desired are in service, none more is there, and no refresh is under way. */
  async settled(): Promise<void> {
    // Each machine of a refresh may take as long as the hook lets it, and its warm-up.
    const { desired_capacity } = this.settings;
    const each = this.hook.heartbeat_timeout + this.manner.warmUp + this.drainSeconds + 60;
    await until(`group ${this.name} is settled`, each * (desired_capacity + 1) * 1000, async () => {
      if (this.failure !== undefined) throw this.failure;
      const isWhole = this.members.length === desired_capacity && this.inService.length === desired_capacity;
      return (isWhole && !this.refreshing) || undefined;
    });
  }

  /** Judges an instance's call about its lifecycle, and acts on it. Undefined when it is another group's. */
  complete(call: Call): Problem | "done" | undefined {
    const { AutoScalingGroupName, LifecycleHookName, InstanceId = "", LifecycleActionResult } = call;
    if (AutoScalingGroupName !== this.name) return undefined;
    const member = this.members.find(({ instance }) => instance.id === InstanceId);
    if (member?.state !== "Pending:Wait" || LifecycleHookName !== this.hook.name) {
      const message = `No active Lifecycle Action found with instance ID ${InstanceId}`;
      return { code: "ValidationError", status: 400, message };
    }
    if (LifecycleActionResult === "CONTINUE") this.putInService(member);
    else this.remove(member, "given up", "ABANDON");
    return "done";
  }

  /** Lets go of the machines, which are another's to end. */
  stop(): void {
    clearInterval(this.timer);
  }

  private act(): void {
    this.endHooks();
    this.checkHealth();
    if (this.refreshing) this.refresh();
    this.fill();
  }

  private endHooks(): void {
    const { heartbeat_timeout, default_result } = this.hook;
    for (const member of this.members.filter(({ state }) => state === "Pending:Wait")) {
      if (Date.now() - member.launchedAt < heartbeat_timeout * 1000) continue;
      if (default_result === "CONTINUE") this.putInService(member);
      else this.remove(member, "given up", `no word within ${heartbeat_timeout} s`);
    }
  }

  private checkHealth(): void {
    const { health_check_grace_period, health_check_type } = this.settings;
    for (const member of this.members.filter(({ state }) => state === "InService")) {
      if (Date.now() - member.since < health_check_grace_period * 1000) continue;
      const isServing = member.health.every(({ isHealthy }) => isHealthy);
      if (!member.instance.host.isOn) this.remove(member, "unhealthy", "it is off");
      else if (health_check_type === "ELB" && !isServing)
        this.remove(member, "unhealthy", "it does not serve");
    }
  }

  /** One step of a rolling refresh: takes machines of an older version away as far as the percentages let it. */
  private refresh(): void {
    const { desired_capacity } = this.settings;
    const { warmUp, min_healthy_percentage } = this.manner;
    const warm = this.members.filter(
      ({ state, since, version }) =>
        state === "InService" && (version !== this.version || Date.now() - since >= warmUp * 1000),
    );
    const old = warm.filter(({ version }) => version !== this.version);
    const [next] = old;
    const isWhole = warm.length >= desired_capacity;
    if (next === undefined && isWhole) {
      this.refreshing = false;
    } else if (
      next !== undefined &&
      warm.length - 1 >= Math.ceil((desired_capacity * min_healthy_percentage) / 100)
    ) {
      this.remove(next, "replaced");
    }
  }

  /** Launches what is missing; in a refresh that may have more than are desired, those first. */
  private fill(): void {
    const { desired_capacity } = this.settings;
    const most = Math.floor((desired_capacity * this.manner.max_healthy_percentage) / 100);
    const staying = this.members.filter(({ state }) => state !== "Terminating");
    const old = staying.filter(({ version }) => version !== this.version).length;
    const surplus = this.refreshing ? Math.min(most - desired_capacity, old) : 0;
    const present = staying.length + this.launching;
    for (let missing = desired_capacity + surplus - present; missing > 0; missing--) this.launch();
  }

  private launch(): void {
    const { version } = this;
    this.launching++;
    this.surroundings
      .launch(this.plan)
      .then((instance) => {
        const health = this.plan.targets.map((list) => new TargetHealth(list, instance.host.address));
        this.members.push({
          instance,
          version,
          health,
          launchedAt: Date.now(),
          since: 0,
          state: "Pending:Wait",
        });
        this.note("launched", instance);
      })
      .catch((error: Error) => void (this.failure ??= error))
      .finally(() => this.launching--);
  }

  private putInService(member: Member): void {
    member.state = "InService";
    member.since = Date.now();
    this.note("in service", member.instance);
  }

  private remove(member: Member, what: GroupEvent["what"], why?: string): void {
    const wasServing = member.state === "InService" && member.instance.host.isOn;
    member.state = "Terminating";
    this.note(what, member.instance, why);
    new Promise((resolve) => setTimeout(resolve, wasServing ? this.drainSeconds * 1000 : 0))
      .then(() => member.instance.terminate())
      .then(() => {
        this.members = this.members.filter((one) => one !== member);
        this.note("terminated", member.instance);
      })
      .catch((error: Error) => void (this.failure ??= error));
  }

  private note(what: GroupEvent["what"], { id }: Instance, why?: string): void {
    this.events.push({ at: Date.now(), what, instance: id, why });
  }
}
