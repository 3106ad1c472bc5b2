import { App } from "cdktf";
import { collectAvailability } from "../../constructs/availability";
import { collectTopology } from "../../constructs/topology";
import us from "../../regions/us";
import { JpStack } from "../../stacks/jp";
import { openings } from "../../stacks/openings/openings";
import { serviceCalls } from "../../stacks/service-calls";
import { UsStack } from "../../stacks/us";
import {
  type DedicatedRegion,
  type DedicatedRegionInput,
  type Ec2Region,
  type Ec2RegionInput,
  type Region,
  validateRegions,
} from "../../stacks/values/regions";
import type { ServiceInput } from "../../stacks/values/services";
import {
  fetchedText,
  statements,
  type Synthesised,
  synthesisedApp,
  userDataText,
} from "../constructs/aws/synthesised";
import { dedicatedRegionValue } from "./values/regions/region-values";
import { REFUSED_BESIDE_AGENT, REFUSED_PEERED } from "./peered-values";
import { downtimeSharesOfAll, servicesOf, validated } from "./service-values";

const registry = { address: "registry.example.com/shop" };

/** The US, which joins JP's Consul. */
const usValue: Ec2RegionInput = {
  ...us,
  ...{ registry, entrance: undefined, database: undefined, cache: undefined },
  consul: { ...us.consul, primaryDatacenter: "jp", peers: { jp: ["10.10.0.11"] } },
  consulWanNetworks: ["10.10.0.0/16"],
  peered: { port: 9443 },
};

const regionsWith = (
  inUs: Partial<Ec2RegionInput> = {},
  inJp: Partial<DedicatedRegionInput> = { peered: {} },
): Region[] =>
  validateRegions([
    { file: "jp.ts", value: dedicatedRegionValue({ registry, ...inJp }) },
    { file: "us.ts", value: { ...usValue, ...inUs } },
  ]);

const shop = servicesOf("jp")("shop", 8081, { calls: ["search"] });
const search = servicesOf("us")("search", 8080, { answerSeconds: 3 });
/** The other way round. */
const news = servicesOf("us")("news", 8082, { calls: ["stock"] });
const stock = servicesOf("jp")("stock", 8083);

function appOf(app: App, services: readonly ServiceInput[], regions = regionsWith()): void {
  const values = validated(services, regions);
  new JpStack(app, regions[0] as DedicatedRegion, values);
  new UsStack(app, regions[1] as Ec2Region, values);
}
const synthesisedIn = (region: string, services: readonly ServiceInput[], regions?: Region[]) =>
  synthesisedApp(region, (app) => appOf(app, services, regions));

const templateOf = (region: Synthesised, group: string) =>
  region.all("launch_template").find(({ name }) => name === group)!;

const userDataOf = (region: Synthesised, group: string): string =>
  userDataText(region, templateOf(region, group));

/** A proxy's configuration, as machines of the US are given it. */
function configInUs(region: Synthesised) {
  const content = fetchedText(region, templateOf(region, "us-proxy"), "/etc/tricloud/proxy.json");
  return JSON.parse(content) as Record<string, unknown> & { groups: Record<string, object> };
}

/** The same, as a server of JP is. */
function configInJp({ locals }: Synthesised) {
  const [, document] = Object.entries(locals).find(([key]) => key.startsWith("jp-1_document"))!;
  const [, content] = /^file \S+ \S+ \S+ \/etc\/tricloud\/proxy\.json \S+ inline (.+)$/m.exec(document)!;
  return JSON.parse(Buffer.from(content!, "base64").toString()) as Record<string, unknown>;
}

/** Who may come in there: a network, or the group's own name in the stack. */
const comesIn = (region: Synthesised, port: number) =>
  region
    .all("vpc_security_group_ingress_rule")
    .filter((rule) => rule["from_port"] === port)
    .map((rule) => {
      const [group, source] = [rule["security_group_id"], rule["referenced_security_group_id"]].map(
        (reference) => /aws_security_group\.([a-z-]+)_/.exec(String(reference))?.[1],
      );
      return [group, source ?? rule["cidr_ipv4"]];
    });

describe("a service without an entrance, of a region on EC2", () => {
  it("is asked for by the name that Consul gives the healthy proxies there", () => {
    // GIVEN a caller in jp of what runs in us alone WHEN jp is synthesised
    const asking = configInJp(synthesisedIn("jp", [shop, search]));
    // THEN
    expect(asking["groups"]).toEqual({
      "search.ccnproxy-service": {
        origins: [{ url: "https://proxy.service.us.consul:9443", peer: "proxy.us.consul" }],
        firstByteTimeout: 3,
      },
    });
  });

  it("is answered there by its own instances, to proxies that are let in", () => {
    // GIVEN / WHEN
    const region = synthesisedIn("us", [shop, search]);
    // THEN the proxies listen, and know jp's
    const asked = configInUs(region);
    expect(asked).toMatchObject({
      peerListen: "0.0.0.0:9443",
      peerNames: ["proxy.jp.consul"],
      peerCertFile: "/run/tricloud-proxy/certificate.pem",
      peerKeyFile: "/run/tricloud-proxy/key.pem",
      peerCaFile: "/run/tricloud-proxy/authorities.pem",
    });
    expect(asked.groups).toEqual({
      "search.ccnproxy-peer": { origins: ["http://search.service.consul:8080"], firstByteTimeout: 3 },
    });
    // AND nobody but the federated networks comes there
    expect(comesIn(region, 9443)).toEqual([["proxy", "10.10.0.0/16"]]);
    // AND the proxies come to the service, which nobody of the region calls
    expect(comesIn(region, 8080)).toEqual([["app", "proxy"]]);
  });

  it("needs a key that the proxies' machines alone fetch, and that is in nothing synthesised", () => {
    // GIVEN / WHEN
    const region = synthesisedIn("us", [shop, search]);
    // THEN it is a variable, and a secret of the region's
    expect(region.variable).toMatchObject({
      proxy_peer_certificate: { sensitive: true },
      proxy_peer_key: { sensitive: true },
    });
    const stored = region
      .all("secretsmanager_secret_version")
      .find((version) => version["secret_string"] === "${var.proxy_peer_key}")!;
    // AND machines put it where root alone reads it, and hand it to the proxy's user
    const text = userDataOf(region, "us-proxy");
    const fetched = String(stored["secret_id"]).replace(".id}", ".arn}");
    expect(text).toMatch(/^ *file 0400 root root \/etc\/tricloud\/proxy-peers\/key\.pem /m);
    expect(text).toContain(fetched);
    expect(text).not.toContain("var.proxy_peer_key");
    expect(text).toContain("ExecStartPre=+/bin/sh /usr/local/lib/tricloud/tricloud-proxy-hand-over");
    for (const other of ["us-app", "us-consul-server"])
      expect(userDataOf(region, other)).not.toContain("proxy-peer");
    // AND no other machines may
    const readers = Object.entries(region.resource["aws_iam_role_policy"]!)
      .filter(([, { policy }]) => JSON.stringify(statements(policy)).includes(fetched))
      .map(([name]) => name.replace(/_permissions_.*/, ""));
    expect(readers).toEqual(["proxy"]);
  });

  it("is called from there by addresses, where the other region's proxies have some", () => {
    // GIVEN a caller in us of what runs in jp alone WHEN synthesised
    const region = synthesisedIn("us", [news, stock]);
    // THEN
    const asking = configInUs(region);
    expect(asking.groups).toMatchObject({
      "stock.ccnproxy-service": {
        origins: [
          { url: "https://10.10.0.11:8443", peer: "proxy.jp.consul" },
          { url: "https://10.10.0.12:8443", peer: "proxy.jp.consul" },
        ],
      },
    });
    // AND nobody calls the proxies that call
    expect([asking["peerListen"], comesIn(region, 9443)]).toEqual([undefined, []]);
  });

  it("calls others where no Consul federates, but cannot be called", () => {
    // GIVEN regions that stand alone
    const regions = regionsWith({ consul: us.consul, consulWanNetworks: [] });
    // WHEN / THEN
    expect(Object.keys(configInUs(synthesisedIn("us", [news, stock], regions)).groups)).toEqual([
      "stock.ccnproxy-service",
    ]);
    expect(() => validated([shop, search], regions)).toThrow(
      "and their proxies do not know one another (those of us are found by Consul: consul.peers between jp and us, and consulWanNetworks in us)",
    );
  });

  it("is refused where its machines let no network in, although the other region joins its Consul", () => {
    const joining = dedicatedRegionValue().consul;
    const regions = regionsWith(
      { consul: us.consul, consulWanNetworks: [] },
      { peered: {}, consul: { ...joining, primaryDatacenter: "us", peers: { us: ["10.20.64.4"] } } },
    );
    expect(() => validated([shop, search], regions)).toThrow("consulWanNetworks in us");
  });

  it("changes nothing where no service calls it", () => {
    // GIVEN regions that could WHEN nobody calls
    const alone = servicesOf("jp")("shop", 8081);
    const [peered, without] = [regionsWith(), regionsWith({ peered: undefined })].map((regions) =>
      synthesisedIn("us", [alone, search], regions),
    );
    // THEN
    expect(peered).toMatchObject({ resource: without!.resource, variable: without!.variable });
    expect(peered!.locals).toEqual(without!.locals);
  });

  it("is called by its entrance where it has one, which leaves the proxies out of it", () => {
    // GIVEN a service that us shows
    const entrance = { domain: "www.example.com", zone: "example.com", port: 8090 };
    const shown = { ...search, public: { hosts: ["find.example.com"] } };
    const regions = regionsWith({ entrance });
    // WHEN / THEN
    expect(configInJp(synthesisedIn("jp", [shop, shown], regions))["groups"]).toMatchObject({
      "search.ccnproxy-service": { origins: ["https://us.find.example.com"] },
    });
    expect(configInUs(synthesisedIn("us", [shop, shown], regions))["peerListen"]).toBeUndefined();
  });

  it.each<[string, Partial<Ec2RegionInput>, Partial<DedicatedRegionInput>, string]>([
    ["neither region has", { peered: undefined }, {}, "jp, us"],
    ["the caller's region has not", {}, {}, "jp"],
    ["its own region has not", { peered: undefined }, { peered: {} }, "us"],
  ])("is refused where %s such proxies, naming both", (_, inUs, inJp, lacking) => {
    expect(() => validated([shop, search], regionsWith(inUs, inJp))).toThrow(
      `(peered: not that of ${lacking})`,
    );
  });

  it("promises no more than what is there, and than the proxies there", () => {
    // GIVEN / WHEN
    const app = new App();
    appOf(app, [shop, search]);
    const shares = downtimeSharesOfAll(collectAvailability(app));
    // THEN
    expect(shares["us/calls-from-other-regions"]).toBeGreaterThan(0);
    expect(shares["jp/shop"]).toBeGreaterThan(shares["us/search"]!);
    expect(shares["jp/shop"]).toBeGreaterThan(shares["us/calls-from-other-regions"]!);
    expect(Object.keys(shares)).not.toContain("jp/calls-from-other-regions");
  });

  it("is in the picture as what the other region answers", () => {
    const regions = regionsWith();
    const app = new App();
    appOf(app, [shop, search], regions);
    const { links } = collectTopology(
      app,
      (stack) => stack.node.id,
      serviceCalls(validated([shop, search], regions)),
    );
    expect(links.map(({ from, to, carries }) => [from, to, carries])).toContainEqual([
      "jp",
      "us",
      ["shop to search"],
    ]);
  });

  it("needs the proxies' port open between the two, where machines have no addresses of their own", () => {
    const between = (regions: Region[]) =>
      openings(regions)
        .filter(({ why }) => why.startsWith("calls of services"))
        .map(
          ({ from, to, protocol, port }) =>
            `${from.region} ${from.addresses.join()} > ${to.region} ${to.addresses.join()} ${port}/${protocol}`,
        );
    const toJp = "us 10.20.0.0/16 > jp 10.10.0.11,10.10.0.12 8443/tcp";
    expect(between(regionsWith())).toEqual(["jp 10.10.0.11,10.10.0.12 > us 10.20.0.0/16 9443/tcp", toJp]);
    // AND only toward those that are found
    expect(between(regionsWith({ consul: us.consul, consulWanNetworks: [] }))).toEqual([toJp]);
  });

  it("leaves no service their port on the proxies' machines", () => {
    const onProxies = { ...search, port: 9443, in: { us: { on: "proxy" as const } } };
    expect(() => validated([onProxies], regionsWith())).toThrow(
      "expected a port that is free on machines with role proxy of region us, where the proxy has it",
    );
  });

  it.each<[string, Partial<Ec2RegionInput>, string]>([
    ...REFUSED_PEERED,
    ...REFUSED_BESIDE_AGENT,
    [
      "addresses, which machines there do not keep",
      { peered: { hosts: ["10.20.0.7"] } as Ec2RegionInput["peered"] },
      "region us: peered",
    ],
  ])("refuses %s", (_, changes, message) => {
    expect(() => regionsWith(changes)).toThrow(message);
  });
});
