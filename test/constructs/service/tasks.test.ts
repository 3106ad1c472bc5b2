import { TerraformStack, TerraformVariable, Testing } from "cdktf";
import { DedicatedServer } from "../../../constructs/dedicated";
import { ConsulCluster } from "../../../constructs/dns";
import type { IHost } from "../../../constructs/host";
import { ContainerService, type ContainerServiceProps, type ServiceTasks } from "../../../constructs/service";
import { RecordingHost } from "../dns/recording-host";
import { hostKeyOf } from "../../stacks/values/regions/region-values";

const image = (digit: string) => `registry.example.com/web@sha256:${digit.repeat(64)}`;
const TASK = (name: string) => `/etc/tricloud/services/tasks/web.${name}`;
const UNIT = (name: string) => `/etc/systemd/system/tricloud-task-web.${name}`;

const MIGRATE: ServiceTasks = { migrate: { command: ["migrate", "it's"], when: "before-release" } };
const REPORT: ServiceTasks = {
  report: { command: ["report"], every: "03:00 Asia/Tokyo", timeoutSeconds: 60 },
};

/** A service on two hosts, which come up by themselves, and a host for tasks. */
function region(changes: Partial<ContainerServiceProps>, { acl = false, withUtil = false } = {}) {
  const stack = new TerraformStack(Testing.app(), "jp");
  const [servers, hosts, util] = [
    [1, 2, 3].map((number) => new RecordingHost(stack, `jp-${number}`)),
    [4, 5].map((number) => new RecordingHost(stack, `jp-${number}`)),
    new RecordingHost(stack, "jp-6"),
  ];
  const consul = new ConsulCluster(stack, "consul", {
    servers,
    agents: [...hosts, util],
    datacenter: "jp",
    acl,
  });
  const secret = new TerraformVariable(stack, "secret", { sensitive: true }).stringValue;
  new ContainerService(stack, "web", {
    ...{ name: "web", hosts, consul, region: "jp", image: image("1"), port: 8080, healthPath: "/healthz" },
    secrets: { "session-key": secret },
    taskHosts: withUtil ? [util] : [],
    ...changes,
  });
  return { stack, hosts, util, consul };
}

const paths = (host: RecordingHost) => host.profile.files.map(({ path }) => path);

describe("a task that runs at times", () => {
  it("has the image, the rights and the secrets of its service, and another command", () => {
    // GIVEN / WHEN
    const { hosts } = region({ tasks: REPORT, env: { GREETING: "it's" }, memoryMegabytes: 128, cpus: 0.5 });
    // THEN
    const text = hosts[0]!.file(TASK("report"));
    for (const part of [
      `Image=${image("1")}\n`,
      "period=86400\nseconds=60\n",
      "properties='MemoryMax=128M CPUQuota=50% TasksMax=4096'",
      "exec podman run --rm",
      "--read-only --cap-drop=all",
      "--security-opt=no-new-privileges --user=2",
      "--env 'GREETING=it'\\''s'",
      "--env 'PORT=8080'",
      '--volume "${STAGED-}/etc/tricloud/services/secrets/web/session-key:/run/secrets/session-key:ro,',
      `--entrypoint '["report"]' "$Image"`,
    ])
      expect(text).toContain(part);
  });

  it("has a turn on each of its service's hosts, or on those for tasks alone", () => {
    // GIVEN
    const own = region({ tasks: REPORT });
    // WHEN there is a host for tasks
    const { hosts, util } = region({ tasks: REPORT }, { withUtil: true, acl: true });
    // THEN that one has all of it, and a token for turns
    for (const host of [...own.hosts, util]) {
      expect(host.file(UNIT("report.timer"))).toContain("OnCalendar=*-*-* 03:00:00 Asia/Tokyo\n");
      expect(host.profile.services.map(({ name }) => name)).toContain("tricloud-task-web.report.timer");
    }
    expect(paths(util)).toContain("/etc/tricloud/consul-lock-token");
    // AND none of the service
    expect(paths(util)).not.toContain("/etc/containers/systemd/tricloud-service-web.container");
    expect(paths(hosts[0]!)).not.toContain(TASK("report"));
  });

  it("is refused where its zone is not known, before anything is changed", () => {
    const { hosts } = region({ tasks: REPORT });
    const timer = hosts[0]!.profile.services.find(({ name }) => name.endsWith(".timer"));
    expect(timer!.verify).toContain("systemd-analyze calendar '*-*-* 03:00:00 Asia/Tokyo' &&");
  });
});

describe("a task before releases", () => {
  it("is seen to by each new machine of a group before the service starts there", () => {
    // GIVEN hosts that nobody can run anything on before they are up WHEN
    const { hosts } = region({ tasks: MIGRATE });
    // THEN
    for (const host of hosts) {
      const services = host.profile.services.map(({ name }) => name);
      const [task, service] = ["tricloud-task-web.migrate.service", "tricloud-service-web.service"];
      expect(services.indexOf(task)).toBeGreaterThan(-1);
      expect(services.indexOf(task)).toBeLessThan(services.indexOf(service));
      expect(host.file("/etc/containers/systemd/tricloud-service-web.container")).toContain(
        `After=${task}\nRequires=${task}\n`,
      );
      expect(host.file(UNIT("migrate.service"))).toContain("exec web migrate boot");
    }
  });

  /** The resources of a region on dedicated servers, of a service on four of them. */
  function deployed(changes: Partial<ContainerServiceProps> = {}) {
    const stack = new TerraformStack(Testing.app(), "jp");
    const servers = [1, 2, 3, 4, 5].map(
      (number) =>
        new DedicatedServer(stack, `jp-${number}`, {
          ...{ name: `jp-${number}`, address: `10.10.0.${number}`, site: "jp" },
          hostKey: hostKeyOf(number),
        }),
    );
    const consul = new ConsulCluster(stack, "consul", {
      ...{ servers: servers.slice(0, 3), agents: servers, datacenter: "jp" },
    });
    const hosts: readonly IHost[] = servers.slice(1);
    new ContainerService(stack, "web", {
      ...{ name: "web", hosts, consul, region: "jp", image: image("1"), port: 8080, healthPath: "/healthz" },
      tasks: MIGRATE,
      ...changes,
    });
    const resources = (JSON.parse(Testing.synth(stack)) as Synthesised).resource.terraform_data;
    const named = (pattern: RegExp) => Object.entries(resources).filter(([name]) => pattern.test(name));
    return { runs: named(/task-migrate/), activations: named(/_activation_|_joining_/) };
  }
  interface Synthesised {
    readonly resource: {
      readonly terraform_data: Record<
        string,
        {
          readonly depends_on: readonly string[];
          readonly triggers_replace: { readonly run: string };
          readonly provisioner: readonly { readonly "local-exec": { readonly command: string } }[];
        }
      >;
    };
  }

  it("runs on one dedicated server once all have the release, and before any of them is activated", () => {
    // GIVEN / WHEN
    const { runs, activations } = deployed();
    // THEN it runs once, after all deliveries to the service's servers
    expect(runs).toHaveLength(1);
    const [name, run] = runs[0]!;
    expect(run.depends_on.filter((each) => each.includes("_delivery_"))).toHaveLength(4);
    expect(run.provisioner[0]!["local-exec"].command).toMatch(
      /prepare '\/usr\/local\/lib\/tricloud\/service-task release web migrate [0-9a-f]{16}'$/,
    );
    // AND all that activates one of them comes after it
    const waiting = activations.filter(([, { depends_on: after }]) =>
      after.includes(`terraform_data.${name}`),
    );
    const own = activations.filter(([each]) => !each.startsWith("jp-1_"));
    expect(own.length).toBeGreaterThanOrEqual(6);
    expect(waiting.map(([each]) => each)).toEqual(own.map(([each]) => each));
  });

  it("runs again for another image, environment or command, and for nothing else", () => {
    const key = (changes?: Partial<ContainerServiceProps>) =>
      deployed(changes).runs[0]![1].triggers_replace.run;
    const first = key();
    expect([key({ memoryMegabytes: 64 }), key({ drainSeconds: 1 })]).toEqual([first, first]);
    const others = [
      key({ image: image("2") }),
      key({ env: { A: "1" } }),
      key({ tasks: { migrate: { ...MIGRATE["migrate"]!, command: ["other"] } } }),
    ];
    expect(new Set([first, ...others]).size).toBe(4);
  });

  it("is refused when it is malformed", () => {
    expect(() => region({ tasks: { migrate: { command: [], when: "before-release" } } })).toThrow(
      "service web: task migrate: command: expected a program, and arguments where it takes any, got: []",
    );
  });
});
