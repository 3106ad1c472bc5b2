import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RegionTask } from "../../cli/services/running-service";
import type { DedicatedRegionInput } from "../../stacks/values/regions";
import type { ServiceInput } from "../../stacks/values/services";
import {
  type LoadReport,
  placeLoad,
  postsRun,
  type ServiceLoad,
  startServiceLoad,
} from "../e2e/calls-to-services";
import { succeeded } from "../e2e/succeeded";
import { describeOnVirtualHosts } from "../e2e/virtual-hosts";
import {
  Deployment,
  ImageRegistry,
  jpRegion,
  ORIGIN,
  type Outcome,
  Testbed,
  until,
  type VirtualHost,
} from "../testbed";
import { AcmeAuthority, serialOf } from "../testbed/acme-authority";
import { makeCertificates } from "../testbed/certificates";

/*
 * A service behind two fronts on virtual servers, called by one name that has both addresses, while all that can happen to
 * it happens: a release, a bad version, another authority for its certificate and a renewal, the loss of a host and of a
 * front, and fronts that are taken away. Prints a table of what failed; what runs twice fails it.
 */

const PER_SECOND = Number(process.env["TRICLOUD_FRONT_CALLS"] ?? "300");

type Roles = DedicatedRegionInput["servers"][number]["roles"];
const ROLES: Readonly<Record<string, Roles>> = {
  "jp-1": ["consul-server", "proxy"],
  "jp-2": ["consul-server", "app"],
  "jp-3": ["consul-server", "app"],
  "jp-4": ["app"],
  "jp-5": ["front"],
  "jp-6": ["front"],
};
const FRONTS = ["jp-5", "jp-6"];
const APPS = ["jp-2", "jp-3", "jp-4"];
const ZONE = "example.test";
const PUBLIC_NAME = `www.${ZONE}`;
const UNIT = "tricloud-service-web.service";
const ACME_UNIT = "tricloud-front-acme.service";
const SECRET = "TF_VAR_secret_web__session_key";
/** Whether who orders waits for the next time to look: an order under way is to be let end. */
const SLEEPS = `pgrep -x sleep -P "$(systemctl show -P MainPID ${ACME_UNIT})" >/dev/null`;
/** Long enough for both fronts to be renewed in what half of it leaves. */
const CERTIFICATE_SECONDS = 600;

describeOnVirtualHosts("a service behind two fronts", () => {
  let testbed: Testbed;
  let registry: ImageRegistry;
  let authority: AcmeAuthority | undefined;
  let deployment: Deployment;
  let region: DedicatedRegionInput;
  const images: Record<string, string> = {};
  const environment: Record<string, string | undefined> = {};
  const table: Record<string, Row> = {};

  beforeAll(async () => {
    testbed = await Testbed.boot({ hosts: Object.keys(ROLES), containers: true, far: { names: [ORIGIN] } });
    registry = await ImageRegistry.start(testbed);
    for (const version of ["1", "2"])
      images[version] = await registry.push("web", { env: { VERSION: version } });
    images["crashes"] = await registry.push("web", { env: { VERSION: "3", BEHAVIOUR: "crashes" } });
    // What a host said outlasts it.
    await Promise.all(
      testbed.hosts.map((host) =>
        host.run("mkdir -p /var/log/journal && systemctl restart systemd-journald"),
      ),
    );
    const address = testbed.network.gateway.replace(/\.1$/, ".254");
    authority = await AcmeAuthority.start({
      directory: join(testbed.directory, "authority"),
      address,
      ports: { directory: 14000, management: 15000, dns: 53 },
      zone: ZONE,
      lastsSeconds: CERTIFICATE_SECONDS,
    });
    environment.TF_VAR_front_acme_tsig_secret = authority.updates.secret;
    const ofFront = join(testbed.directory, "front");
    mkdirSync(ofFront);
    const certificates = makeCertificates(ofFront, [PUBLIC_NAME]);
    environment.TF_VAR_front_certificate = readFileSync(certificates.certificate, "utf8");
    environment.TF_VAR_front_key = readFileSync(certificates.key, "utf8");
    writeFileSync(
      join(testbed.host("jp-1").root, AUTHORITIES),
      `${readFileSync(certificates.authority, "utf8")}\n${await authority.root()}`,
    );
    placeLoad(testbed.host("jp-1"));
    environment.TF_VAR_registry_credentials = registry.credentials;
    environment[SECRET] = randomUUID();
    for (const whose of ["management", "agent", "dns"]) {
      environment[`TF_VAR_consul_${whose}_token`] = randomUUID();
    }
    deployment = new Deployment(join(testbed.directory, "deployment"));
    const plain = jpRegion(testbed);
    region = {
      ...plain,
      consul: { ...plain.consul, acl: true },
      servers: plain.servers.map((server) => ({ ...server, roles: ROLES[server.name]! })),
      registry: {
        address: registry.address,
        caCertificate: readFileSync(registry.authority, "utf8"),
        credentials: true,
      },
      // The users are one address here.
      front: { connectionsPerAddress: 8000 },
      dns: { ...plain.dns, records: { ...plain.dns.records, [`ns.${ZONE}`]: address } },
    };
  });

  afterAll(async () => {
    await authority?.stop();
    await testbed?.stop();
    console.log(
      ["| while | calls a second | GET | POST | failed |", "| --- | --- | --- | --- | --- |"]
        .concat(
          Object.entries(table).map(([what, { gets, posts, failed, seconds }]) => {
            const perSecond = Math.round((gets + posts + failed) / seconds);
            return `| ${what} | ${perSecond} | ${gets} | ${posts} | ${failed} |`;
          }),
        )
        .join("\n"),
    );
  });

  it("is deployed behind both", async () => {
    succeeded(await deploy({}));
    await until("instances known to both fronts", 120_000, async () => {
      const load = startLoad(10);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      return (await load.end()).failures.length === 0 || undefined;
    });
    // AND its task is listed: not yet, then by how it has ended, and when it is next
    const shown = async () => {
      const { stdout } = await deployment.tricloud([
        ...["services", "--region", "jp", "--json", "--out", "cdktf.out"],
      ]);
      return (JSON.parse(stdout) as { tasks: readonly RegionTask[] }).tasks;
    };
    const report = { service: "web", task: "report", timed: true, underWay: false };
    const next = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as unknown;
    expect(await shown()).toEqual([{ ...report, next, last: null }]);
    await testbed.host("jp-2").run("systemctl start tricloud-task-web.report.service || true");
    expect(await shown()).toEqual([
      {
        ...{ ...report, next },
        last: { host: "jp-2", status: 3, seconds: expect.any(Number) as number, ended: next },
      },
    ]);
  });

  it("is released, and a bad version refused", async () => {
    const { report } = await under("a release", async () => succeeded(await deploy({ image: images["2"]! })));
    expect(report.failures).toEqual([]);
    expect(Object.keys(report.versions).sort()).toEqual(["1", "2"]);
    const { report: ofBad } = await under("a bad version", async () => {
      const { code, output } = await deploy({ image: images["crashes"]! });
      expect(code).not.toBe(0);
      expect(output).toContain("cannot read /etc/web/settings");
      succeeded(await deploy({}));
    });
    expect(ofBad.failures).toEqual([]);
    expect(await twice()).toEqual([]);
  });

  it("moves from a delivered certificate to ones that its fronts order, and renew", async () => {
    // GIVEN an authority, a name server of the zone, and clients that come again and again
    const { secret: _, ...rfc2136 } = authority!.updates;
    const acme = {
      directory: authority!.directory,
      caCertificate: authority!.directoryAuthority,
      email: "ops@example.test",
      dns: { rfc2136 },
    };
    region = { ...region, front: { ...region.front, certificate: { acme } } };

    // WHEN the fronts shall order theirs THEN no client is failed until they have, and show them
    const { report } = await under("a move to ACME", async () => {
      succeeded(await deploy({}));
      await eachFront("an ordered certificate", async (front) =>
        (await front.run("cat /var/lib/tricloud-front-acme/current/kind")) === "ordered\n" &&
        (await shownBy(front)).issuer.includes("Pebble")
          ? true
          : undefined,
      );
    });
    expect(report.failures).toEqual([]);
    const [one, other] = await Promise.all(fronts().map(shownBy));
    expect(one!.serial).not.toBe(other!.serial);
    // AND what lets them order is for root alone
    for (const front of fronts()) {
      expect(await front.run("stat -c '%a %U' /etc/tricloud/front/acme-credentials")).toBe("400 root\n");
      expect(await front.run(`systemctl show -p NRestarts --value ${ACME_UNIT}`)).toBe("0\n");
    }

    // WHEN half of their time is over, and the hour in which they look THEN they have others, and nobody noticed
    const before = new Map([one!, other!].map(({ serial }, index) => [FRONTS[index]!, serial]));
    const { report: ofRenewal } = await under("a renewal", async () => {
      await eachFront("another certificate", async (front) => {
        await front.run(`${SLEEPS} && systemctl restart ${ACME_UNIT} || true`);
        await new Promise((resolve) => setTimeout(resolve, 5000));
        return (await shownBy(front)).serial !== before.get(front.name) || undefined;
      });
    });
    expect(ofRenewal.failures).toEqual([]);
    // AND from here on no certificate ends while this lasts
    region = { ...region, front: { connectionsPerAddress: 8000 } };
    const { report: back } = await under("a move back to a delivered one", async () =>
      succeeded(await deploy({})),
    );
    expect(back.failures).toEqual([]);
    expect(await twice()).toEqual([]);
  });

  it.each([
    ["an application's host dies", "jp-4"],
    ["a front dies", "jp-6"],
  ])("loses only what is under way when %s", async (what, name) => {
    // GIVEN calls
    const host = testbed.host(name);
    // WHEN the power goes
    const { report, result: died } = await under(what, async () => {
      await new Promise((resolve) => setTimeout(resolve, 3000));
      await host.cutPower();
      const at = Date.now();
      await new Promise((resolve) => setTimeout(resolve, 20_000));
      return at;
    });
    // THEN nothing that began later than anybody could have known has failed
    const late = report.failures.filter((_, index) => report.failedBegan[index]! > died);
    expect(late).toEqual([]);
    await host.start();
    await until("its Consul agent", 60_000, async () => {
      const { code } = await host.attempt("systemctl is-active --quiet consul");
      return code === 0 || undefined;
    });
    expect(await twice()).toEqual([]);
  });

  it("loses nothing when a front's role is taken away, and when its server is retired", async () => {
    succeeded(await deploy({}));
    const servers = region.servers;
    const change = (name: string, its: Partial<DedicatedRegionInput["servers"][number]>) => {
      region = {
        ...region,
        servers: servers.map((server) => (server.name === name ? { ...server, ...its } : server)),
      };
    };
    // WHEN the role goes
    change("jp-6", { roles: [] });
    const { report } = await under("a front's role is taken away", async () => succeeded(await deploy({})));
    // THEN the front has gone, and took nothing with it
    expect(report.failures).toEqual([]);
    expect((await testbed.host("jp-6").attempt("pgrep -x haproxy")).code).toBe(1);
    expect(await knownFronts()).toEqual(["jp-5"]);
    // AND when it comes back and the other one's server is retired
    change("jp-6", {});
    succeeded(await deploy({}));
    await until("both fronts", 60_000, async () => (await knownFronts()).length === 2 || undefined);
    change("jp-5", { retired: true });
    const { report: ofServer } = await under("a front's server is retired", async () =>
      succeeded(await deploy({})),
    );
    expect(ofServer.failures).toEqual([]);
    expect(await knownFronts()).toEqual(["jp-6"]);
    expect(await twice()).toEqual([]);
    succeeded(await deployment.destroy("jp", { env: environment }));
  });

  const deploy = (changes: Partial<ServiceInput>): Promise<Outcome> => {
    deployment.write(region);
    deployment.writeService({
      name: "web",
      image: images[Object.keys(table).length === 0 ? "1" : "2"]!,
      port: 8080,
      health: { path: "/healthz", startSeconds: 20 },
      secrets: ["session-key"],
      public: { hosts: [PUBLIC_NAME] },
      tasks: { report: { command: ["/usr/bin/perl", "-e", "exit 3"], every: LATER } },
      in: { jp: {} },
      ...changes,
    });
    return deployment.deploy("jp", { env: environment });
  };

  const fronts = (): VirtualHost[] => FRONTS.map((name) => testbed.host(name));

  const eachFront = (what: string, holds: (front: VirtualHost) => Promise<true | undefined>) =>
    Promise.all(
      fronts().map((front) =>
        until(`${what} on ${front.name}`, CERTIFICATE_SECONDS * 800, () => holds(front)),
      ),
    );

  /** What a client is shown. */
  async function shownBy(front: VirtualHost): Promise<{ serial: string; issuer: string }> {
    const pem = await testbed
      .host("jp-1")
      .run(
        `openssl s_client -connect ${front.address}:443 -servername ${PUBLIC_NAME} </dev/null 2>/dev/null | openssl x509`,
      );
    const issuer = await testbed.host("jp-1").run(`openssl x509 -noout -issuer <<'END'\n${pem}END`);
    return { serial: serialOf(pem), issuer };
  }

  const startLoad = (perSecond = PER_SECOND): ServiceLoad =>
    startServiceLoad(testbed.host("jp-1"), perSecond, [
      {
        host: PUBLIC_NAME,
        port: 443,
        addresses: fronts().map(({ address }) => address),
        authority: `/${AUTHORITIES}`,
      },
    ]);

  /** What became of the calls that were made meanwhile. */
  async function under<T>(
    what: string,
    happens: () => Promise<T>,
  ): Promise<{ report: LoadReport; result: T }> {
    const load = startLoad();
    const began = Date.now();
    let report: LoadReport | undefined;
    try {
      const result = await happens();
      const seconds = (Date.now() - began) / 1000;
      report = await load.end();
      table[what] = {
        ...{ gets: report.gets, posts: report.posts.length, failed: report.failures.length },
        seconds,
      };
      return { report, result };
    } finally {
      if (report === undefined) await load.end();
    }
  }

  /** The POSTs that instances say they ran more than once, each once. */
  async function twice(): Promise<readonly string[]> {
    const ran = await postsRun(
      APPS.map((name) => testbed.host(name)),
      UNIT,
    );
    expect(ran.length).toBeGreaterThan(10);
    return [...new Set(ran.filter((id, index) => ran.indexOf(id) !== index))];
  }

  async function knownFronts(): Promise<readonly string[]> {
    const answer = await testbed
      .host("jp-1")
      .run(
        "sed 's/^/X-Consul-Token: /' /etc/tricloud/consul-agent-token | " +
          "curl -fsS -H @- 'http://127.0.0.1:8500/v1/health/service/front?passing=false'",
      );
    return (JSON.parse(answer) as { Node: { Node: string } }[]).map(({ Node }) => Node.Node).sort();
  }
});

interface Row {
  readonly gets: number;
  readonly posts: number;
  readonly failed: number;
  /** How long it lasted; a machine may make fewer calls in it than it is asked for. */
  readonly seconds: number;
}

/** Twelve hours from now: nobody's turn comes while this runs. */
const LATER = `${String((new Date().getUTCHours() + 9 + 12) % 24).padStart(2, "0")}:00 Asia/Tokyo`;

/** On the host that calls. */
const AUTHORITIES = "srv/front-authorities.pem";
