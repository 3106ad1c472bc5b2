import { Construct } from "constructs";
import {
  type Block,
  type Failover,
  type HasFailover,
  type HasInstances,
  servicePool,
  series,
} from "../availability";
import type { IConsul, MaxUnavailable } from "../dns";
import { checkSwitching } from "../dns/check-switching";
import { type HostProfilePart, type IHost, processesOn, textContent } from "../host";
import type { HasTopology, TopologyElement } from "../topology";
import { containerGuard } from "./container-guard";
import {
  ECR_HELPER,
  needsCredentials,
  type RegistryAccess,
  RUNTIME_PATHS,
  runtimeFiles,
} from "./container-runtime";
import { containerLimits, containerUnit, containerUnitName, containerUnitPath } from "./container-unit";
import { type DatabaseAccess, withDatabase } from "./database-access";
import { refuseWrongSecrets, secretFiles, type ServiceSecrets } from "./service-secrets";
import { refuseWrongTasks, type ServiceTasks } from "./service-task";
import {
  fetched,
  type HostTask,
  taskAtBoot,
  taskBootUnitName,
  taskFile,
  taskRelease,
  taskTimer,
} from "./task-files";
import { TASK_PATHS, taskProgram } from "./task-program";

export interface ContainerServiceProps {
  /** DNS label under which service discovery knows it. */
  readonly name: string;
  /** Where it runs: one instance on each host. */
  readonly hosts: readonly IHost[];
  /** Service discovery that knows an instance for as long as it is healthy and not on its way out. */
  readonly consul: IConsul;
  /** Region that it runs in; it is told of it as `TRICLOUD_REGION`. */
  readonly region: string;
  /** Image with its registry, by digest: `registry.example.com/web@sha256:...`. */
  readonly image: string;
  /** What its hosts need to get it. @default - nothing: it is there for everybody */
  readonly registry?: RegistryAccess;
  /** TCP port that it takes HTTP requests on, 1024 to 65535; it is told of it as `PORT`. */
  readonly port: number;
  /** Path that answers 200 to 299 while an instance can do its job. */
  readonly healthPath: string;
  /** How long a new instance may take until it does, in seconds. @default 60 */
  readonly startSeconds?: number;
  /** How long an instance on its way out waits for its callers' connections to close, in seconds. @default 30 */
  readonly drainSeconds?: number;
  /** Environment of the container. @default {} */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * What it finds as `/run/secrets/NAME`, by name: expressions of sensitive values. A changed one is a release.
   * @default {}
   */
  readonly secrets?: Readonly<Record<string, string>>;
  /**
   * Database that it finds as `/run/secrets/database-url`, and in parts beside it; other values are a release.
   * @default - none
   */
  readonly database?: DatabaseAccess | undefined;
  /** Addresses that it opens no connection to: what tells its host who it is. @default - it may reach all that its host does */
  readonly deniedAddresses?: readonly string[];
  /** Memory that one instance may take, in megabytes. @default 512 */
  readonly memoryMegabytes?: number;
  /** Processors' time that one instance may take, in processors. @default 1 */
  readonly cpus?: number;
  /**
   * What its image does besides, with another command: before each release, or at times, once on one of the hosts. It
   * has the service's environment, secrets, limits and rights.
   * @default {}
   */
  readonly tasks?: ServiceTasks;
  /** Hosts of tasks that run at times. @default - its own */
  readonly taskHosts?: readonly IHost[];
  /**
   * Hosts whose instances may be replaced at once: a number, or a share such as "10%", rounded down to no less than one.
   * The next ones follow once all of these are healthy and known.
   * @default "25%"
   */
  readonly maxUnavailable?: MaxUnavailable;
  /** What an instance cannot do without on its host, besides the host: its resolver. @default - nothing */
  readonly needsOn?: (host: IHost) => Block;
}

/**
 * A service: the same container on each of several hosts, under podman as a systemd unit, known to service discovery. A
 * release fetches the image before it stops anything and replaces one batch of instances after another.
 */
export class ContainerService extends Construct implements HasInstances, HasFailover, HasTopology {
  /** Name under which service discovery knows it. */
  readonly serviceName: string;
  /** Port that takes requests. */
  readonly port: number;
  readonly instances: readonly Block[];
  /** All that the container finds in `/run/secrets`. */
  private readonly secrets: ServiceSecrets;

  /** @throws Error when there is no host or no image by digest, a secret is a literal or called as a part of the
   *   database, or the service is malformed or known already */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: ContainerServiceProps,
  ) {
    super(scope, id);
    const { name, hosts, consul, needsOn, secrets = {} } = props;
    if (hosts.length === 0) throw new Error(`service ${name}: expected at least one host, got: none`);
    if (!/@sha256:[0-9a-f]{64}$/.test(props.image)) {
      throw new Error(
        `service ${name}: image must be one by digest, REGISTRY/REPOSITORY@sha256:..., got: ${JSON.stringify(props.image)}`,
      );
    }
    refuseWrongSecrets(name, secrets);
    this.secrets = withDatabase(name, secrets, props.database);
    refuseWrongTasks(name, props.tasks ?? {});
    this.serviceName = name;
    this.port = props.port;
    this.instances = hosts.flatMap((host) =>
      processesOn(host, name).map((process) =>
        needsOn === undefined ? process : series(process, needsOn(host)),
      ),
    );
    consul.addService({
      name,
      port: props.port,
      hosts,
      maxUnavailable: props.maxUnavailable,
      leaves: true,
      checks: [
        {
          http: `http://127.0.0.1:${props.port}${props.healthPath}`,
          intervalSeconds: CHECK_SECONDS.interval,
          timeoutSeconds: CHECK_SECONDS.timeout,
        },
      ],
    });
    const isTimed = ({ every }: HostTask): boolean => every !== undefined;
    const tasks: readonly HostTask[] = this.hostTasks();
    const first = tasks.filter((task) => !isTimed(task));
    const atBoot = this.runsBeforeActivation ? [] : first;
    for (const host of hosts) host.addToProfile(this.sharedPart());
    // A new machine comes to its tasks before it comes to the service.
    for (const task of atBoot) this.addTask(task, hosts, taskAtBoot(task));
    const part = this.servicePart(atBoot);
    for (const host of hosts) host.addToProfile(part);
    for (const task of tasks.filter(isTimed)) this.addTask(task, this.taskHosts, taskTimer(task));
    if (this.runsBeforeActivation) for (const task of first) this.runFirst(task);
  }

  /** One instance is enough; service discovery takes its time to name a failed one no more. */
  get availability(): Block {
    return this.pool.availability;
  }

  get failover(): Failover | undefined {
    return this.pool.failover;
  }

  get topology(): readonly TopologyElement[] {
    const on = this.props.hosts.map(({ hostName }) => hostName);
    return [{ kind: "workload", role: "application", name: this.serviceName, on, port: this.port }];
  }

  private get pool() {
    const ttl = this.props.consul.serviceTtlSeconds(this.serviceName);
    return servicePool(this, this.instances, checkSwitching(CHECK_SECONDS, ttl));
  }

  /** What the hosts of its containers and of its tasks have in common. */
  private sharedPart(): HostProfilePart {
    const { name, consul, registry = {} } = this.props;
    const guard = containerGuard({
      tokenFile: consul.agentTokenFile,
      hasCredentials: needsCredentials(registry),
    });
    return {
      packages: ["curl", "iproute2", "podman", ...(registry.ecr?.length ? [ECR_HELPER.package] : [])],
      files: [
        ...runtimeFiles(registry),
        { path: RUNTIME_PATHS.guard, content: textContent(guard), mode: "0755" },
        ...secretFiles(name, this.secrets),
      ],
      services: [
        // Before the services themselves, so that it is taken back after them.
        { name: "tricloud-services.service", reads: [RUNTIME_PATHS.stateUnit] },
      ],
    };
  }

  /** @param first tasks that a machine sees to before the service starts there */
  private servicePart(first: readonly HostTask[]): HostProfilePart {
    const { name, image, port, healthPath, consul, startSeconds = 60, drainSeconds = 30 } = this.props;
    const unit = containerUnit({
      name,
      image,
      port,
      healthPath,
      startSeconds,
      drainSeconds,
      namedSeconds: consul.serviceTtlSeconds(name) + NAMED_MARGIN_SECONDS,
      env: this.variables,
      secrets: Object.keys(this.secrets),
      limits: this.limits,
      after: first.map(taskBootUnitName),
    });
    const unitPath = containerUnitPath(name);
    return {
      files: [{ path: unitPath, content: textContent(unit) }],
      services: [
        {
          name: containerUnitName(name),
          reads: [unitPath, ...secretFiles(name, this.secrets).map(({ path }) => path)],
          verify: fetched({ image }),
          health: { command: `${RUNTIME_PATHS.guard} known ${name}`, timeoutSeconds: KNOWN_SECONDS },
        },
      ],
    };
  }

  private get variables(): Readonly<Record<string, string>> {
    const { env = {}, port, region } = this.props;
    return { ...env, PORT: String(port), TRICLOUD_REGION: region };
  }

  private get limits(): string[] {
    const { memoryMegabytes = 512, cpus = 1, deniedAddresses = [] } = this.props;
    return containerLimits({ memoryMegabytes, cpus, deniedAddresses });
  }

  private get taskHosts(): readonly IHost[] {
    const { hosts, taskHosts = [] } = this.props;
    return taskHosts.length > 0 ? taskHosts : hosts;
  }

  /** Machines of a group come by themselves: nobody can run anything on one of them before all of them change. */
  private get runsBeforeActivation(): boolean {
    return this.props.hosts[0]!.runBeforeActivation !== undefined;
  }

  private hostTasks(): HostTask[] {
    const { name: service, image, tasks = {} } = this.props;
    return Object.entries(tasks).map(([name, task]) => ({
      ...{ ...task, service, name, image, env: this.variables, limits: this.limits },
      secrets: Object.keys(this.secrets),
    }));
  }

  private addTask(
    task: HostTask,
    hosts: readonly IHost[],
    { files = [], services = [] }: HostProfilePart,
  ): void {
    const program = textContent(taskProgram(this.props.consul.allowLocks(hosts)));
    for (const host of hosts) {
      host.addToProfile(this.sharedPart());
      host.addToProfile({
        packages: ["tzdata"],
        files: [{ path: TASK_PATHS.program, content: program, mode: "0755" }, taskFile(task), ...files],
        services,
      });
    }
  }

  /** On one host: which one is no matter, as long as it stays the same. */
  private runFirst(task: HostTask): void {
    const { hosts } = this.props;
    const host = hosts[0]!;
    this.addTask(task, [host], {});
    const key = taskRelease(task);
    host.runBeforeActivation!({
      scope: this,
      id: `task-${task.name}`,
      command: `${TASK_PATHS.program} release ${task.service} ${task.name} ${key}`,
      key,
      fellows: [...hosts, ...this.taskHosts],
    });
  }
}

/** How Consul finds out that an instance is not healthy. */
const CHECK_SECONDS = { interval: 2, timeout: 1 };

/** How much longer than an answer may be kept a resolver may go on giving it. */
const NAMED_MARGIN_SECONDS = 2;

/** In which discovery must see that an instance is back: some checks. */
const KNOWN_SECONDS = 60;
