import { X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DedicatedRegionInput } from "../../stacks/values/regions";
import type { ServiceInput } from "../../stacks/values/services";
import {
  type LoadReport,
  placeLoad,
  postsRun,
  startServiceLoad,
  tellLoadDuring,
} from "../e2e/calls-to-services";
import { succeeded } from "../e2e/succeeded";
import { describeOnVirtualHosts } from "../e2e/virtual-hosts";
import { Deployment, ImageRegistry, jpRegion, Testbed, until, type VirtualHost } from "../testbed";

/*
 * Two regions on dedicated servers, one of which calls a service of the other's that the internet does not reach: from
 * proxy to proxy, by mutual TLS. Prints a table of what failed.
 */

type Servers = DedicatedRegionInput["servers"];

/** Regions, their networks within the testbed's, and what each server is for. */
const REGIONS: Readonly<
  Record<string, { network: string; roles: Record<string, Servers[number]["roles"]> }>
> = {
  jp: { network: "8/30", roles: { "jp-1": ["consul-server", "proxy", "app"] } },
  west: {
    network: "12/30",
    roles: { "west-1": ["consul-server", "app"], "west-2": ["proxy"], "west-3": ["proxy"] },
  },
};
const CALLER = "jp-1";
const PROXIES = ["west-2", "west-3"];
const PEER_PORT = 8443;
const UNIT = "tricloud-proxy.service";
const SEARCH = { host: "search.ccnproxy-service", port: 80 };
const CALLS_PER_SECOND = 100;
/** Of calls before and after what happens. */
const BESIDE_MS = 3000;

describeOnVirtualHosts("a service that another region calls from proxy to proxy", () => {
  let testbed: Testbed;
  let deployment: Deployment;
  const environment: Record<string, string | undefined> = {};

  beforeAll(async () => {
    const hosts = Object.values(REGIONS).flatMap(({ roles }) => Object.keys(roles));
    testbed = await Testbed.boot({ hosts, containers: true, far: { names: ["api.example.test"] } });
    const registry = await ImageRegistry.start(testbed);
    environment.TF_VAR_registry_credentials = registry.credentials;
    deployment = new Deployment(join(testbed.directory, "deployment"));
    for (const [name, { network, roles }] of Object.entries(REGIONS)) {
      const region = jpRegion(testbed);
      deployment.write({
        ...region,
        name,
        cidr: testbed.network.cidr.replace("0/24", network),
        servers: region.servers
          .filter((server) => roles[server.name] !== undefined)
          .map((server) => ({ ...server, roles: roles[server.name]! })),
        consul: { ...region.consul, singleServer: true },
        registry: {
          address: registry.address,
          caCertificate: readFileSync(registry.authority, "utf8"),
          credentials: true,
        },
        peered: { port: PEER_PORT },
      });
    }
    const service = async (
      name: string,
      port: number,
      env: Readonly<Record<string, string>>,
      more: Partial<ServiceInput>,
    ) =>
      deployment.writeService({
        ...{ name, port, in: {}, image: await registry.push("web", { env }) },
        health: { path: "/healthz", startSeconds: 20 },
        ...more,
      });
    await service("search", 8080, { VERSION: "west" }, { in: { west: {} } });
    await service("shop", 8081, { VERSION: "jp", ASKS: "search" }, { calls: ["search"], in: { jp: {} } });
    succeeded(await deployment.tricloud(["secrets"]));
    placeLoad(testbed.host(CALLER));
  }, 900_000);

  afterAll(() => testbed?.stop(), 120_000);

  const deploy = async (region: string): Promise<void> =>
    void succeeded(await deployment.deploy(region, { env: environment }));

  const proxies = (): VirtualHost[] => PROXIES.map((name) => testbed.host(name));

  const during = (what: string, happens: () => Promise<unknown>): Promise<LoadReport> =>
    tellLoadDuring(
      startServiceLoad(testbed.host(CALLER), CALLS_PER_SECOND, [SEARCH]),
      what,
      BESIDE_MS,
      happens,
    );

  /** POSTs that were answered and not run, and those that were run twice. */
  async function postedWrong({ posts }: LoadReport): Promise<readonly string[]> {
    const ran = await postsRun([testbed.host("west-1")], "tricloud-service-search.service");
    expect(posts.length).toBeGreaterThan(10);
    return [
      ...posts.filter((id) => !ran.includes(id)).map((id) => `${id} was not run`),
      ...ran.filter((id, index) => ran.indexOf(id) !== index).map((id) => `${id} was run twice`),
    ];
  }

  /** A call to a proxy of west's as whoever has these files, or none, might make one. */
  const callPeer = (more = "") =>
    testbed
      .host(CALLER)
      .attempt(
        `curl -sS -k -m 5 ${more} -H 'Host: ${SEARCH.host}' https://${testbed.host("west-2").address}:${PEER_PORT}/`,
      );

  const refusals = async (): Promise<readonly string[]> =>
    (
      await testbed
        .host("west-2")
        .run(`journalctl -q --no-pager -o cat -u ${UNIT} | grep 'peer refused' || true`)
    )
      .split("\n")
      .filter(Boolean);

  it("answers once both regions are deployed, by the one URL that it has everywhere", async () => {
    // GIVEN the region of the service WHEN that of its caller is deployed too
    await deploy("west");
    await deploy("jp");
    // THEN what calls it is answered, and so is what calls that
    await until("search answers", 60_000, async () => {
      const { stdout } = await testbed.host(CALLER).attempt(`curl -s -m 5 http://${SEARCH.host}/`);
      return stdout.includes("version west") || undefined;
    });
    const { stdout } = await testbed.host(CALLER).attempt("curl -s -m 5 http://127.0.0.1:8081/");
    expect(stdout).toContain("version west");
    // AND by west's proxies, who say whose call it was
    const counted = await Promise.all(
      proxies().map((host) =>
        host.run(
          "curl -s http://127.0.0.1:9300/metrics | grep '^tricloud_proxy_peer_requests_total' || true",
        ),
      ),
    );
    expect(counted.join("")).toMatch(/\{peer="proxy\.jp\.consul"\} [1-9]/);
  }, 900_000);

  it("keeps the key for the user of the proxy, and for root", async () => {
    for (const host of [testbed.host(CALLER), ...proxies()]) {
      // GIVEN the proxy's process WHEN its files are looked at
      const user = (await host.run(`ps -o uid= -p $(systemctl show -p MainPID --value ${UNIT})`)).trim();
      const owners = await host.run(
        "stat -c '%a %u' /etc/tricloud/proxy-peers/key.pem /run/tricloud-proxy/key.pem; stat -c '%a %u' /run/tricloud-proxy",
      );
      // THEN
      expect(user).not.toBe("0");
      expect(owners).toBe(`400 0\n400 ${user}\n700 ${user}\n`);
      const { code } = await host.attempt("runuser -u nobody -- cat /run/tricloud-proxy/key.pem");
      expect(code).not.toBe(0);
    }
  });

  it("answers nobody who shows no certificate, or one that is no proxies'", async () => {
    // GIVEN what Consul's servers of jp show, which is by the same authority
    const { consul_server_certificate: certificate, consul_server_key: key } = secretsOf("regions/jp");
    const root = testbed.host(CALLER).root;
    writeFileSync(join(root, "srv/server.pem"), certificate!);
    writeFileSync(join(root, "srv/server-key.pem"), key!);
    const before = (await refusals()).length;
    // WHEN calls are made without, and with that
    const without = await callPeer();
    const others = await callPeer("--cert /srv/server.pem --key /srv/server-key.pem");
    // THEN neither is answered, and the log says why
    expect([without.code === 0, others.code === 0]).toEqual([false, false]);
    const said = (await refusals()).slice(before).join("\n");
    expect(said).toContain("peer did not return a certificate");
    expect(said).toContain(
      "its certificate has server.jp.consul, localhost, expected one of proxy.jp.consul",
    );
    // AND the proxies' own would have been
    const own = "/etc/tricloud/proxy-peers";
    const { stdout } = await callPeer(`--cert ${own}/certificate.pem --key ${own}/key.pem`);
    expect(stdout).toContain("version west");
  });

  it("loses no call while one proxy after another is restarted", async () => {
    // GIVEN calls WHEN each of west's proxies is restarted, as a deploy does
    const report = await during("both proxies restarted", async () => {
      for (const host of proxies()) {
        await host.run(`systemctl restart ${UNIT}`);
        await until("it is ready", 30_000, async () => {
          const { code } = await host.attempt("curl -fs -m 2 http://127.0.0.1:9300/readyz");
          return code === 0 || undefined;
        });
      }
    });
    // THEN
    expect(report.failures).toEqual([]);
    expect(await postedWrong(report)).toEqual([]);
  }, 300_000);

  it("loses no call while certificates are renewed, for which no proxy is restarted", async () => {
    // GIVEN calls
    const all = [testbed.host(CALLER), ...proxies()];
    const ids = () => Promise.all(all.map((host) => host.run(`systemctl show -p MainPID --value ${UNIT}`)));
    const before = { ids: await ids(), serial: await shownSerial() };
    // WHEN every certificate is made anew, and deployed
    const report = await during("certificates renewed", async () => {
      succeeded(await deployment.tricloud(["secrets", "--renew"]));
      await deploy("west");
      await deploy("jp");
    });
    // THEN the proxies show the new one, and run on
    expect(report.failures).toEqual([]);
    expect(await postedWrong(report)).toEqual([]);
    expect(await ids()).toEqual(before.ids);
    const renewed = new X509Certificate(secretsOf("proxies/west")["proxy_peer_certificate"]!).serialNumber;
    expect([await shownSerial(), before.serial === renewed]).toEqual([renewed, false]);
  }, 900_000);

  it("is not called any more, and no port is open, once no service calls it", async () => {
    // GIVEN both regions WHEN the caller goes
    deployment.removeService("shop");
    await deploy("jp");
    await deploy("west");
    // THEN nothing of it is left on the proxies
    for (const host of proxies()) {
      expect(await host.run(`ss -Hltn 'sport = :${PEER_PORT}'`)).toBe("");
      const left = await host.run(
        "find /etc/tricloud/proxy-peers /run/tricloud-proxy /usr/local/lib/tricloud -name '*.pem*' -o -name '*hand-over*'",
      );
      expect(left).toBe("");
      const { code } = await host.attempt("curl -fs -m 2 http://127.0.0.1:9300/readyz");
      expect(code).toBe(0);
    }
  }, 900_000);

  const secretsOf = (path: string): Record<string, string | undefined> =>
    JSON.parse(readFileSync(join(deployment.directory, "secrets", `${path}.tfvars.json`), "utf8")) as Record<
      string,
      string | undefined
    >;

  /** Serial number of the certificate that a proxy of west's shows to proxies. */
  async function shownSerial(): Promise<string> {
    const own = "/etc/tricloud/proxy-peers";
    const certificate = await testbed
      .host(CALLER)
      .run(
        `openssl s_client -connect ${testbed.host("west-2").address}:${PEER_PORT} -cert ${own}/certificate.pem -key ${own}/key.pem </dev/null 2>/dev/null | openssl x509`,
      );
    return new X509Certificate(certificate).serialNumber;
  }
});
