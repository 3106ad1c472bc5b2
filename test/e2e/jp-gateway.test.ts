import { randomUUID } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { readDescriptors, writtenSet } from "../../gateway/descriptors/descriptor-set";
import type { DedicatedRegionInput } from "../../stacks/values/regions";
import type { GatewayInput } from "../../stacks/values/gateways";
import type { ServiceInput } from "../../stacks/values/services";
import { Deployment, ImageRegistry, jpRegion, ORIGIN, type Outcome, Testbed, until } from "../testbed";
import { makeCertificates } from "../testbed/certificates";
import { type LoadReport, placeLoad, startServiceLoad, throughFront } from "./calls-to-services";
import { succeeded } from "./succeeded";
import { TalkClient } from "./talk/client";
import { pushTalk } from "./talk/image";
import { describeOnVirtualHosts } from "./virtual-hosts";

const ROLES: Readonly<Record<string, DedicatedRegionInput["servers"][number]["roles"]>> = {
  // The proxy brings Node.js, which the client's calls need.
  "jp-1": ["consul-server", "front", "proxy"],
  "jp-2": ["consul-server", "app"],
  "jp-3": ["consul-server", "app"],
};
const CLIENT = "jp-1";
const FRONT = "jp-1";
const GATEWAYS = ["jp-2", "jp-3"];
const PUBLIC_NAME = "api.example.test";
const UNIT = "tricloud-gateway-api.service";
/** On the host of the client. */
const AUTHORITY = "srv/front-authority.pem";

describeOnVirtualHosts("an API gateway on JP's servers", () => {
  let testbed: Testbed;
  let registry: ImageRegistry;
  let deployment: Deployment;
  let image: string;
  let talkImage: string;
  const environment: Record<string, string | undefined> = {};

  beforeAll(async () => {
    testbed = await Testbed.boot({ hosts: Object.keys(ROLES), containers: true, far: { names: [ORIGIN] } });
    registry = await ImageRegistry.start(testbed);
    image = await registry.push("web", { env: {} });
    talkImage = await pushTalk(registry, testbed);
    const client = testbed.host(CLIENT);
    placeLoad(client);
    const ofFront = join(testbed.directory, "front");
    mkdirSync(ofFront);
    const certificates = makeCertificates(ofFront, [PUBLIC_NAME]);
    environment.TF_VAR_front_certificate = readFileSync(certificates.certificate, "utf8");
    environment.TF_VAR_front_key = readFileSync(certificates.key, "utf8");
    cpSync(certificates.authority, join(client.root, AUTHORITY));
    environment.TF_VAR_registry_credentials = registry.credentials;
    for (const whose of ["management", "agent", "dns"])
      environment[`TF_VAR_consul_${whose}_token`] = randomUUID();
    deployment = new Deployment(join(testbed.directory, "deployment"));
    const region = jpRegion(testbed);
    deployment.write({
      ...region,
      // Port 80 is the front's there.
      proxy: { ...region.proxy, port: 3128 },
      servers: region.servers.map((server) => ({ ...server, roles: ROLES[server.name]! })),
      registry: {
        address: registry.address,
        caCertificate: readFileSync(registry.authority, "utf8"),
        credentials: true,
      },
    });
  });

  afterAll(() => testbed?.stop());

  /** Two services of one image, whose version says which of them it is, and one that speaks gRPC, behind a gateway. */
  const deploy = (routes: ServiceInput["routes"], changes: Partial<GatewayInput> = {}): Promise<Outcome> => {
    const service = (name: string, port: number): ServiceInput => ({
      ...{ name, image, port, health: { path: "/healthz" }, in: { jp: {} } },
      env: { VERSION: name },
    });
    deployment.writeService(service("shop", 8080));
    deployment.writeService({ ...service("search", 8081), routes });
    deployment.writeService({
      ...{ name: "talk", image: talkImage, port: 8082, health: { path: "/healthz" } },
      // What one says, another hears.
      in: { jp: { instances: 1 } },
      routes: { talk: { path: "/talk.Talk/**", grpc: true } },
    });
    deployment.writeGateway({
      ...{ name: "api", hosts: [PUBLIC_NAME], monolith: "shop", in: { jp: {} } },
      ...changes,
    });
    return deployment.deploy("jp", { env: environment });
  };

  /** What a client outside gets. */
  const outside = (path: string) =>
    testbed
      .host(CLIENT)
      .run(
        `curl -sS -m 10 --cacert /${AUTHORITY} --resolve ${PUBLIC_NAME}:443:${testbed.host(FRONT).address} https://${PUBLIC_NAME}${path}`,
      );
  /** What runs since when on each gateway's host. */
  const processes = () =>
    Promise.all(GATEWAYS.map((name) => testbed.host(name).run(`systemctl show -p MainPID --value ${UNIT}`)));

  /** Those that take requests, and those that end what they have. */
  const frontProcesses = async (): Promise<readonly string[]> =>
    (await testbed.host(FRONT).run("pgrep -P $(systemctl show -p MainPID --value haproxy.service)"))
      .trim()
      .split("\n");

  /** Clients outside ask for both paths all the while. */
  async function underLoad(change: () => Promise<Outcome>): Promise<LoadReport> {
    const way = (path: string) => throughFront(testbed.host(FRONT), PUBLIC_NAME, `/${AUTHORITY}`, path);
    const load = startServiceLoad(testbed.host(CLIENT), 30, [way("/v1/search"), way("/v1/items")]);
    const outcome = await change();
    const report = await load.end();
    succeeded(outcome);
    console.log(
      `${report.gets} GET, ${report.posts.length} POST, failed: ${report.failures.length}, by service ${JSON.stringify(report.versions)}`,
    );
    return report;
  }

  const SEARCH = { search: { path: "/v1/search" } };
  const MOVED = { ...SEARCH, items: { path: "/v1/items" } };

  it("leads clients from the front to the service whose route it is, and else to the monolith", async () => {
    // GIVEN two services, one with a route WHEN they are deployed with a gateway
    succeeded(await deploy(SEARCH));
    // THEN each path is its service's
    await until(
      "the gateway known to the front",
      60_000,
      async () => (await outside("/v1/search")).startsWith("version search") || undefined,
    );
    expect(await outside("/v1/items")).toMatch(/^version shop in jp/);
    // AND discovery knows a gateway on each host, whose user is nobody else
    const catalog = await testbed
      .host(CLIENT)
      .run("curl -fsS http://127.0.0.1:8500/v1/health/service/api?passing");
    const found = (JSON.parse(catalog) as { Node: { Node: string } }[]).map(({ Node }) => Node.Node);
    expect(found.sort()).toEqual(GATEWAYS);
    const user = await testbed
      .host(GATEWAYS[0]!)
      .run(`ps -o user= -p $(systemctl show -p MainPID --value ${UNIT})`);
    expect(user.trim()).not.toBe("root");
  });

  it("lets gRPC through to a service, each message as it comes, also while the front begins anew", async () => {
    const at = `${testbed.host(FRONT).address}:443`;
    const authority = readFileSync(join(testbed.host(CLIENT).root, AUTHORITY));
    await TalkClient.using({ at, name: PUBLIC_NAME, authority }, async (talk) => {
      await until(
        "the service known to the gateways",
        60_000,
        async () => (await talk.say("hello")).code !== status.UNAVAILABLE || undefined,
      );
      // WHEN a client outside calls THEN metadata goes both ways, and comes at the end
      expect(await talk.say("hello", ["from outside"])).toEqual({
        ...{ lines: ["hello"], code: 0, details: "OK", initial: ["from outside"], trailing: ["0"] },
      });
      // AND what is refused says why, where answers end
      expect(await talk.say("")).toEqual({
        ...{ lines: [], code: 3, details: "nothing was said: näh", initial: [], trailing: ["0"] },
      });
      // WHEN it listens THEN it hears each line before the next one is said
      const listening = talk.listen();
      await listening.hears("begins");
      for (const line of ["one", "two"]) {
        expect((await talk.say(line)).trailing).toEqual(["1"]);
        await listening.hears(line);
      }
      // AND also when another process of the front has taken over
      const before = await frontProcesses();
      await testbed.host(FRONT).run("systemctl reload haproxy.service");
      const begun = (await frontProcesses()).filter((pid) => !before.includes(pid));
      expect(begun).toHaveLength(1);
      expect((await talk.say("three")).code).toBe(0);
      await listening.hears("three");
      // AND how it ended
      await talk.end();
      expect(await listening.outcome).toEqual({
        ...{ lines: ["begins", "one", "two", "three"], code: 0, details: "OK", initial: [], trailing: ["1"] },
      });
    });
  });

  it("has a route moved out of the monolith by a reload, without a failed request", async () => {
    const before = await processes();
    const protos = join(__dirname, "../gateway/protos");
    const files = { protos: [join(protos, "shop.proto")], includes: [protos] };
    const set = readDescriptors({ descriptors: undefined, ...files });
    const shop = join(testbed.directory, "shop.binpb");
    writeFileSync(shop, Buffer.from(writtenSet(set), "base64"));
    const rpc = { path: "/rpc/**", grpc: "shop" };
    // WHEN a second route is the service's, and a third one puts calls of gRPC, while both are asked for
    const report = await underLoad(() => deploy({ ...MOVED, rpc }, { apis: { shop } }));
    // THEN no request failed, and no gateway began anew
    expect(report.failures).toEqual([]);
    expect(Object.keys(report.versions).sort()).toEqual(["search", "shop"]);
    expect(await processes()).toEqual(before);
    // AND the route has moved
    expect(await outside("/v1/items")).toMatch(/^version search in jp/);
    expect(await outside("/")).toMatch(/^version shop in jp/);
    // AND by what tells the API the gateway knows which calls there are
    expect(JSON.parse(await outside("/rpc/nothing"))).toMatchObject({ code: 5 });
  });

  it("rolls from host to host where only a start takes what changes, without a failed request", async () => {
    const before = await processes();
    // WHEN each gateway gets another number of workers, which is looked at once
    const report = await underLoad(() => deploy(MOVED, { settings: { workers: 2 } }));
    // THEN all have begun anew, and no request failed
    expect(report.failures).toEqual([]);
    const after = await processes();
    expect(after.filter((pid, index) => pid === before[index])).toEqual([]);
    expect(after).not.toContain("0\n");
  });

  it("refuses what it would not serve by, and goes on", async () => {
    const before = await processes();
    const { code, output } = await deploy({ ...MOVED, twice: { path: "/v1/items" } });
    expect(code).not.toBe(0);
    expect(output).toContain(
      'service search: routes.twice.path: expected other requests than route items of service search takes, got: "/v1/items"',
    );
    expect(await processes()).toEqual(before);
  });
});
