import { randomUUID } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { RunningService } from "../../cli/services/running-service";
import type { DedicatedRegionInput } from "../../stacks/values/regions";
import type { ServiceInput } from "../../stacks/values/services";
import {
  Deployment,
  ImageRegistry,
  jpRegion,
  ORIGIN,
  type Outcome,
  Testbed,
  type VirtualHost,
  until,
} from "../testbed";
import { makeCertificates } from "../testbed/certificates";
import { difference, snapshot } from "./host-snapshot";
import { placeLoad, postsRun, type ServiceLoad, startServiceLoad, throughFront } from "./calls-to-services";
import { succeeded } from "./succeeded";
import { describeOnVirtualHosts } from "./virtual-hosts";

/** jp-4 has a Consul agent that is no server, as most hosts of a service have. */
const ROLES: Readonly<Record<string, DedicatedRegionInput["servers"][number]["roles"]>> = {
  "jp-1": ["consul-server", "proxy"],
  "jp-2": ["consul-server", "app"],
  "jp-3": ["consul-server", "app"],
  "jp-4": ["app", "front"],
};
const FRONT = "jp-4";
const PUBLIC_NAME = "www.example.test";
const APPS = ["jp-2", "jp-3", "jp-4"];
const UNIT = "tricloud-service-web.service";
const PORT = 8080;

describeOnVirtualHosts("a service on JP's servers", () => {
  let testbed: Testbed;
  let registry: ImageRegistry;
  let deployment: Deployment;
  let untouched: Map<string, string[]>;
  const images: Record<string, string> = {};
  const environment: Record<string, string | undefined> = {};

  beforeAll(async () => {
    testbed = await Testbed.boot({ hosts: Object.keys(ROLES), containers: true, far: { names: [ORIGIN] } });
    registry = await ImageRegistry.start(testbed);
    for (const version of ["1", "2"])
      images[version] = await registry.push("web", { env: { VERSION: version } });
    for (const behaviour of ["crashes", "unhealthy"]) {
      images[behaviour] = await registry.push("web", { env: { VERSION: "3", BEHAVIOUR: behaviour } });
    }
    placeLoad(testbed.host("jp-1"));
    const ofFront = join(testbed.directory, "front");
    mkdirSync(ofFront);
    const certificates = makeCertificates(ofFront, [PUBLIC_NAME]);
    environment.TF_VAR_front_certificate = readFileSync(certificates.certificate, "utf8");
    environment.TF_VAR_front_key = readFileSync(certificates.key, "utf8");
    cpSync(certificates.authority, join(testbed.host("jp-1").root, AUTHORITY));
    // Where it takes its time until tokens are known, no agent is heard at first.
    for (const host of testbed.hosts) {
      await host.run(
        `mkdir -p ${TOKENS_DROP_IN} && cat >${TOKENS_DROP_IN}/late.conf <<'END'\n${LATE_TOKENS}END`,
      );
    }
    untouched = new Map();
    for (const host of testbed.hosts) untouched.set(host.name, await snapshot(host));

    deployment = new Deployment(join(testbed.directory, "deployment"));
    environment.TF_VAR_registry_credentials = registry.credentials;
    environment[SECRET] = randomUUID();
    const region = jpRegion(testbed);
    deployment.write({
      ...region,
      servers: region.servers.map((server) => ({ ...server, roles: ROLES[server.name]! })),
      registry: {
        address: registry.address,
        caCertificate: readFileSync(registry.authority, "utf8"),
        credentials: true,
      },
    });
  });

  afterAll(() => testbed?.stop());

  const deploy = (changes: Partial<ServiceInput>): Promise<Outcome> => {
    deployment.writeService({
      name: "web",
      image: images["1"]!,
      port: PORT,
      health: { path: "/healthz", startSeconds: 20 },
      env: { LOG_LEVEL: "in\"fo $HOME %h '\\" },
      secrets: ["session-key"],
      public: { hosts: [PUBLIC_NAME] },
      // What it calls of its own, through the proxies, is the load.
      calls: [`https://${ORIGIN}`, "web"],
      degradesWithout: ["web"],
      tasks: TASKS,
      in: { jp: {} },
      ...changes,
    });
    return deployment.deploy("jp", { env: environment });
  };
  const apps = () => APPS.map((name) => testbed.host(name));
  const each = async (ask: string) => Promise.all(apps().map((host) => host.run(ask)));
  /** What runs since when on each host. */
  const instances = () => each(`systemctl show -p MainPID,ActiveState,SubState ${UNIT}`);
  const ask = (host: VirtualHost, path: string) =>
    testbed.host("jp-1").run(`curl -fsS -m 10 http://${host.address}:${PORT}${path}`);
  const named = async () =>
    (await testbed.host("jp-1").run("getent ahostsv4 web.service.consul | awk '{ print $1 }' | sort -u"))
      .trim()
      .split("\n");

  /** Hosts that Consul knows to have the service, whether healthy yet or not. */
  const knownOf = async (service: string) =>
    [
      ...(
        await testbed
          .host("jp-1")
          .run(
            "sed 's/^/X-Consul-Token: /' /etc/tricloud/consul-agent-token | " +
              `curl -fsS -H @- http://127.0.0.1:8500/v1/catalog/service/${service}`,
          )
      ).matchAll(/"Node": *"([^"]*)"/g),
    ]
      .map(([, node]) => node)
      .sort();

  /** Once no resolver keeps an older answer. */
  const allNamed = () => {
    const all = apps().map(({ address }) => address);
    return until(
      "all instances named",
      60_000,
      async () => (await named()).join() === all.join() || undefined,
    );
  };

  it("is there after one deploy, on every host with its role, with no rights", async () => {
    // GIVEN an image, a port and a health path WHEN they are deployed
    const { output } = succeeded(await deploy({}));

    // THEN what comes before it has run once, with what the service is told and given, and no more rights
    expect(output.match(/migrated .*/g)).toEqual([
      `migrated to version 1 in jp with ${environment[SECRET]!.length} bytes and CapEff 0`,
    ]);
    expect(await testbed.host("jp-2").run("journalctl -q -o cat -u 'tricloud-task-web.migrate*'")).toContain(
      "migrated to version 1",
    );
    // AND all there is to find is known, however late the tokens were
    expect([await knownOf("web"), await knownOf("proxy")]).toEqual([APPS, ["jp-1"]]);
    // AND each host's instance is known by name, and has been told what the service says
    await allNamed();
    for (const host of apps()) {
      expect(await ask(host, "/")).toBe("version 1 in jp, LOG_LEVEL=in\"fo $HOME %h '\\\n");
      // AND it is nobody on its host, and can become nobody else
      const rights = await ask(host, "/rights");
      expect(rights).toMatch(/^Uid:\t(2\d{9})\t\1\t\1\t\1$/m);
      expect(rights).toMatch(/^CapEff:\t0+\nCapBnd:\t0+\nNoNewPrivs:\t1$/m);
    }
    // AND the proxies may call for it what it says it calls
    const status = `curl -s -m 10 -o /dev/null -w '%{http_code}' http://${ORIGIN}.ccnproxy-https/hc`;
    expect(await testbed.host("jp-4").run(status)).toBe("200");
    // AND give it by the one URL that it has everywhere, and nothing that nobody calls
    const calling = (name: string) =>
      testbed.host("jp-4").run(`curl -s -m 10 -w ' %{http_code}' http://${name}.ccnproxy-service/`);
    expect(await calling("web")).toMatch(/^version 1 in jp, .* 200$/s);
    expect(await calling("search")).toMatch(/ 403$/);
    // AND who comes from outside reaches it by its public name, over TLS
    expect(await knownOf("front")).toEqual([FRONT]);
    const outside = (options: string) =>
      testbed
        .host("jp-1")
        .run(
          `curl -sS -m 10 --cacert /${AUTHORITY} --resolve ${PUBLIC_NAME}:443:${testbed.host(FRONT).address} ${options} https://${PUBLIC_NAME}/`,
        );
    await until(
      "an instance known to the front",
      60_000,
      async () => (await outside("-o /dev/null -w '%{http_version} %{http_code}'")) === "2 200" || undefined,
    );
    expect(await outside("")).toContain("version 1 in jp");
    // AND nobody but the front may read its key
    const held = "stat -c '%a %U' /etc/tricloud/front/certificate.pem.key; ps -C haproxy -o user= | sort -u";
    expect(await testbed.host(FRONT).run(held)).toBe("400 haproxy\nhaproxy\n");
    // AND a second deploy finds nothing to do
    expect(succeeded(await deploy({})).output).toContain("No changes.");
  });

  it("is left alone when the registry is away, or has no such image, or the health path is another's", async () => {
    const before = await instances();

    // WHEN its second version is deployed while nobody can get it
    registry.goAway();
    const away = await deploy({ image: images["2"] });
    await registry.comeBack();
    // AND one that nobody has ever made
    const missing = await deploy({ image: `web@sha256:${"0".repeat(64)}` });

    // THEN each deploy fails, and says why
    for (const { code, output } of [away, missing]) {
      expect(code).not.toBe(0);
      expect(output).toContain(`the new configuration of ${UNIT} is refused; nothing was changed`);
    }
    expect(away.output).toContain("connection refused");
    expect(missing.output).toContain("manifest unknown");
    // AND nothing that runs was touched
    expect(await instances()).toEqual(before);
  });

  it("is left alone when the task before its release fails, until it succeeds", async () => {
    const before = await instances();

    // WHEN its second version goes out, which cannot be migrated to
    const failing = {
      ...TASKS,
      migrate: { ...TASKS["migrate"]!, command: perl("print qq(no table\\n); exit 3") },
    };
    const failed = await deploy({ image: images["2"], tasks: failing });
    // AND takes too long for it
    const late = await deploy({
      image: images["2"],
      tasks: { ...TASKS, migrate: { command: perl("sleep 60"), when: "before-release", timeoutSeconds: 1 } },
    });

    // THEN the deploy fails with what there is to say, and nothing that runs was touched
    expect([failed.code, late.code]).not.toContain(0);
    expect(failed.output).toMatch(/no table\n.*task migrate of service web has failed with exit status 3/s);
    expect(late.output).toContain("task migrate of service web has taken longer than 1 s, and was ended");
    expect(await instances()).toEqual(before);
    expect((await each(`${PODMAN} ps -a --format '{{.Names}}'`)).join("")).toBe("web\nweb\nweb\n");
    // AND the version before need not be migrated to again
    const { output } = succeeded(await deploy({}));
    expect(output).toContain("task migrate of service web has run for this release");
  });

  it("has a task run once in the region, though each of its hosts takes its turn, and whenever one asks", async () => {
    // WHEN the time has come on all hosts, and on one of them later on
    const report = "tricloud-task-web.report.service";
    await each(`systemctl start ${report}`);
    await testbed.host("jp-4").run(`systemctl start ${report}`);

    // THEN one has run it, and the others say who has
    const told = (await each(`journalctl -q -o cat _SYSTEMD_UNIT=${report} _TRANSPORT=stdout`))
      .join("")
      .trim()
      .split("\n")
      .sort();
    expect(told.filter((line) => line === "reported for 1")).toHaveLength(1);
    expect(told.filter((line) => /^it (is under way|has run) on jp-[234]$/.test(line))).toHaveLength(3);
    expect(told).toHaveLength(4);
    // AND that is to be measured there
    const figures = await each("cat /var/lib/tricloud-services/metrics/web.report.prom 2>/dev/null || true");
    expect(figures.filter((text) => text !== "")).toEqual([
      expect.stringMatching(
        /^tricloud_task_exit_status\{service="web",task="report"\} 0$(.|\n)*^tricloud_task_success_timestamp_seconds\{.*\} \d{10}$/m,
      ),
    ]);
    // AND all of them know when the next time is
    expect(await each(`systemctl show -P ActiveState ${report.replace("service", "timer")}`)).toEqual(
      Array<unknown>(3).fill("active\n"),
    );

    // WHEN somebody asks for it now, and for one that fails
    const run = (task: string) =>
      deployment.tricloud(["run", "web", task, "--region", "jp", "--out", "cdktf.out"]);
    const [again, wrong, unknown] = [await run("report"), await run("check"), await run("nothing")];

    // THEN it is shown what they print, and how they ended
    expect([again.code, again.stdout]).toEqual([0, "reported for 1\n"]);
    expect([wrong.code, wrong.stdout]).toEqual([
      7,
      "not in order\ntask check of service web has failed with exit status 7\n",
    ]);
    expect([unknown.code, unknown.output]).toEqual([
      2,
      'run: service web has no task "nothing" in region "jp": expected one of check, migrate, report\n',
    ]);

    // WHEN nobody can say whose turn it is
    const missed = await testbed
      .host("jp-4")
      .run(
        `systemctl stop consul; systemctl start ${report}; systemctl start consul; journalctl -q -o cat -n 1 _SYSTEMD_UNIT=${report}`,
      );
    // THEN it is missed, and that is said
    expect(missed).toContain("missed: Consul is away, which would say whose turn it is");
    await allNamed();
  });

  it("is left alone when its secret is missing, and shows that to nobody else", async () => {
    // GIVEN a service that has its secret
    const before = await instances();
    for (const host of apps()) expect(await ask(host, "/secret")).toBe(environment[SECRET]);

    // WHEN it is deployed where nobody gives one
    const value = environment[SECRET]!;
    environment[SECRET] = undefined;
    const { code, output } = await deploy({});
    environment[SECRET] = value;

    // THEN the deploy fails, and says which one
    expect(code).not.toBe(0);
    expect(output.replaceAll(/\s+/g, " ")).toContain("service web in region jp lacks its secret session-key");
    expect(await instances()).toEqual(before);
    // AND only the service's user may read it on its host
    const owners = await each("stat -c '%a %u %g' /etc/tricloud/services/secrets/web/session-key");
    const user = /^Uid:\t(\d+)/m.exec(await ask(apps()[0]!, "/rights"))![1]!;
    expect(owners).toEqual(Array<unknown>(3).fill(`400 ${user} ${user}\n`));
    // AND hosts that hold it so are as they shall be
    const drift = await deployment.tricloud(["drift", "jp", "--json"], { env: environment });
    expect({ code: drift.code, said: drift.code === 0 ? "" : drift.output }).toEqual({ code: 0, said: "" });
    // AND it is in nothing that was written or said, nor in what processes were told
    const files = readdirSync(deployment.directory, { recursive: true, withFileTypes: true });
    const written = files
      .filter((file) => file.isFile())
      .map((file) => readFileSync(join(file.parentPath, file.name), "utf8"));
    const said = await each(
      `${PODMAN} inspect web; systemctl cat ${UNIT}; journalctl -q --no-pager; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'`,
    );
    const digest = images["1"]!.split("@")[1]!;
    const encoded = Buffer.from(value).toString("base64");
    const tells = (text: string) => text.includes(value) || text.includes(encoded);
    expect(written.length).toBeGreaterThan(3);
    for (const text of said) expect(text).toContain(digest);
    expect([...written, ...said].filter(tells)).toEqual([]);
    // AND in no file that just anybody of the host may read, as the image's digest is (from where anybody may be, too)
    const readable = await each(
      "cd / && setpriv --reuid=65534 --regid=65534 --clear-groups find / -path /proc -prune -o -path /sys -prune -o " +
        `-type f -readable -cnewer /etc/hostname -exec grep -hoF -e ${value} -e ${encoded} -e ${digest} {} + 2>/dev/null | sort -u`,
    );
    expect(readable).toEqual(Array<unknown>(3).fill(`${digest}\n`));
  });

  it("is released under load without a failed request, and nothing runs twice", async () => {
    // GIVEN calls, a third of which must not be repeated, and one that takes its time on each host
    const load = startLoad();
    const slow = Promise.all(apps().map((host) => ask(host, "/slow")));

    // WHEN version two goes out
    succeeded(await deploy({ image: images["2"] }));
    const report = await load.end();

    // THEN every call was answered, and every POST ran once
    console.log(
      `release: ${report.gets} GET, ${report.posts.length} POST, by version ${JSON.stringify(report.versions)}, ` +
        `failed: ${report.failures.length}, run twice: ${(await ran()).twice}`,
    );
    expect(report.failures).toEqual([]);
    const { ids, twice } = await ran();
    expect(twice).toBe(0);
    expect(report.posts.filter((id) => !ids.has(id))).toEqual([]);
    expect(Object.keys(report.versions).sort()).toEqual(["1", "2"]);
    await slow;
    // AND the version that was is on no host any more
    for (const image of await each(`${PODMAN} images --format '{{.Digest}}'`)) {
      expect(image.trim()).toBe(digest("2"));
    }
    // AND that is what operators are shown
    const { code, web } = await shown();
    expect({ code, ...web }).toMatchObject({ code: 0, healthy: 3, wanted: 3, version: digest("2") });
    for (const { version, state, since } of web.instances) {
      expect({ version, state }).toEqual({ version: digest("2"), state: "healthy" });
      expect(Date.parse(since!)).toBeLessThanOrEqual(Date.now());
    }
  });

  it.each([
    ["crashes", /cannot read \/etc\/web\/settings: no such file/],
    ["unhealthy", /\/healthz is not healthy after 20 s: status 500/],
  ])("stops the roll at a bad version (%s), says what it printed, and goes back", async (behaviour, says) => {
    // GIVEN calls
    const load = startLoad();

    // WHEN a bad version goes out
    const bad = await deploy({ image: images[behaviour] });

    // THEN the deploy fails with what there is to say
    expect(bad.code).not.toBe(0);
    expect(bad.output).toMatch(says);
    // AND only the first host got it
    expect(
      await Promise.all(
        apps()
          .slice(1)
          .map((host) => ask(host, "/")),
      ),
    ).toEqual(Array<unknown>(2).fill(expect.stringContaining("version 2 ")));
    expect(await named()).toEqual(
      apps()
        .slice(1)
        .map(({ address }) => address),
    );

    // AND operators are shown where it stands
    const { code, web } = await shown();
    expect({ code, ...web }).toMatchObject({ code: 1, healthy: 2, wanted: 3, version: digest(behaviour) });
    expect(web.instances.map(({ state }) => state === "healthy")).toEqual([false, true, true]);
    expect(web.instances.slice(1).map(({ version }) => version)).toEqual([digest("2"), digest("2")]);

    // WHEN the one before is deployed again, and with another secret
    environment[SECRET] = randomUUID();
    succeeded(await deploy({ image: images["2"] }));
    const report = await load.end();

    // THEN all serve it with that, and no call was lost by any of that
    await allNamed();
    for (const host of apps()) expect(await ask(host, "/secret")).toBe(environment[SECRET]);
    expect(report.failures).toEqual([]);
    expect((await ran()).twice).toBe(0);
    console.log(
      `${behaviour}: ${report.gets} GET, ${report.posts.length} POST, failed: ${report.failures.length}`,
    );
  });

  it("goes from the hosts with all that was put there for it", async () => {
    // WHEN the service is no more, and then the region
    deployment.removeService("web");
    succeeded(await deployment.deploy("jp", { env: environment }));
    const left = await each(
      "ls -R /etc/containers/systemd /etc/tricloud/services /var/lib/tricloud-services 2>/dev/null; pgrep -a conmon; true",
    );
    succeeded(await deployment.destroy("jp", { env: environment }));

    // THEN no file, image or container was left by the one, and nothing at all by the other
    expect(left.join("")).not.toMatch(/tricloud-service-|storage|session-key|conmon/);
    const changes = [];
    for (const host of testbed.hosts) {
      const found = difference(untouched.get(host.name)!, await snapshot(host));
      changes.push(...found.map((change) => `${host.name}: ${change}`));
    }
    expect(changes).toEqual([]);
  });

  const digest = (version: string): string => images[version]!.split("@")[1]!;

  /** What operators are shown of the service. */
  async function shown(): Promise<{ code: number; web: RunningService }> {
    const { stdout, output, code } = await deployment.tricloud([
      ...["services", "--region", "jp", "--json", "--out", "cdktf.out"],
    ]);
    if (stdout === "") throw new Error(output);
    const { services } = JSON.parse(stdout) as { services: RunningService[] };
    return { code, web: services[0]! };
  }

  /** Every other call goes to an instance by its name, the rest by the one URL, and from outside through the front. */
  function startLoad(): ServiceLoad {
    const byName = { host: "web.service.consul", port: PORT };
    return startServiceLoad(testbed.host("jp-1"), 30, [
      byName,
      { host: "web.ccnproxy-service", port: 80 },
      byName,
      throughFront(testbed.host(FRONT), PUBLIC_NAME, `/${AUTHORITY}`),
    ]);
  }

  /** The POSTs that all instances say they ran, and how many of them more than once. */
  async function ran(): Promise<{ ids: Set<string>; twice: number }> {
    const lines = await postsRun(apps(), UNIT);
    return { ids: new Set(lines), twice: lines.length - new Set(lines).size };
  }
});

const perl = (program: string): string[] => ["/usr/bin/perl", "-e", program];

/** Twelve hours from now: nobody's turn comes while this runs. */
const LATER = `${String((new Date().getUTCHours() + 9 + 12) % 24).padStart(2, "0")}:00 Asia/Tokyo`;

/** The first says what it is told and given; the others what they are run for. */
const TASKS: NonNullable<ServiceInput["tasks"]> = {
  migrate: {
    when: "before-release",
    command: perl(
      'open S, "/run/secrets/session-key" or die; open P, "/proc/self/status"; my ($c) = map /^CapEff:\\t0*(.+)/, <P>;' +
        'print "migrated to version $ENV{VERSION} in $ENV{TRICLOUD_REGION} with ", length(<S>), " bytes and CapEff $c\\n"',
    ),
  },
  report: { every: LATER, command: perl('sleep 2; print "reported for $ENV{VERSION}\\n"') },
  check: { every: LATER, command: perl('print "not in order\\n"; exit 7') },
};

/** On the host that calls. */
const AUTHORITY = "srv/front-authority.pem";

const TOKENS_DROP_IN = "/etc/systemd/system/tricloud-consul-tokens.service.d";
const LATE_TOKENS = `[Service]
ExecStart=
ExecStart=sh -c 'until curl -s http://127.0.0.1:8500/v1/status/leader | grep -q :8300; do sleep 1; done; sleep 8; exec /usr/local/lib/tricloud/consul-tokens'
`;

const SECRET = "TF_VAR_secret_web__session_key";
const PODMAN = "CONTAINERS_STORAGE_CONF=/etc/tricloud/services/storage.conf podman";
