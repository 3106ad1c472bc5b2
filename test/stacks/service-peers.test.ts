import { App } from "cdktf";
import { collectAvailability } from "../../constructs/availability";
import { JpStack } from "../../stacks/jp";
import { serviceCalls } from "../../stacks/service-calls";
import {
  type DedicatedRegion,
  type DedicatedRegionInput,
  type Region,
  validateRegions,
} from "../../stacks/values/regions";
import type { ServiceInput } from "../../stacks/values/services";
import { collectTopology } from "../../constructs/topology";
import { openings } from "../../stacks/openings/openings";
import us from "../../regions/us";
import { type Synthesised, synthesisedApp } from "../constructs/aws/synthesised";
import { dedicatedRegionValue, westRegionValue } from "./values/regions/region-values";
import { REFUSED_BESIDE_AGENT, REFUSED_PEERED } from "./peered-values";
import { downtimeSharesOfAll, servicesOf, validated } from "./service-values";

const registry = { address: "registry.example.com/shop" };

const regionsWith = (
  inJp: Partial<DedicatedRegionInput> = { peered: {} },
  inWest: Partial<DedicatedRegionInput> = { peered: { port: 9443 } },
): Region[] =>
  validateRegions([
    { file: "jp.ts", value: dedicatedRegionValue({ registry, ...inJp }) },
    { file: "west.ts", value: westRegionValue({ registry, ...inWest }) },
    { file: "us.ts", value: { ...us, registry, database: undefined, cache: undefined } },
  ]);

const service = servicesOf("jp");
const shop = service("shop", 8081, { calls: ["search"] });
const search = service("search", 8080, { in: { west: {} }, answerSeconds: 3 });

function appOf(app: App, services: readonly ServiceInput[], regions = regionsWith()): void {
  const values = validated(services, regions);
  for (const region of regions.slice(0, 2)) new JpStack(app, region as DedicatedRegion, values);
}
const synthesisedIn = (region: string, services: readonly ServiceInput[], regions?: Region[]) =>
  synthesisedApp(region, (app) => appOf(app, services, regions));

/** What the document of a proxy's host says of that file: its attributes, and its text unless it is secret. */
function fileOf({ locals }: Synthesised, host: string, path: string): { attributes: string; text: string } {
  const [, document] = Object.entries(locals).find(([key]) => key.startsWith(`${host}_document`))!;
  const [, attributes, content] = new RegExp(`^file (\\S+ \\S+ \\S+) ${path} \\S+ inline (.+)$`, "m").exec(
    document,
  )!;
  return { attributes: attributes!, text: Buffer.from(content!, "base64").toString() };
}
const configOf = (region: Synthesised, host: string) =>
  JSON.parse(fileOf(region, host, "/etc/tricloud/proxy.json").text) as Record<string, unknown> & {
    groups: Record<string, object>;
  };

describe("a service without an entrance that another region on dedicated servers calls", () => {
  it("is asked for from proxy to proxy, where its own instances answer and nobody else", () => {
    // GIVEN a caller in jp of what runs in west alone WHEN both are synthesised
    const [jp, other] = ["jp", "west"].map((name) => synthesisedIn(name, [shop, search]));
    // THEN jp's proxies ask each of west's, by their name
    const asking = configOf(jp!, "jp-1");
    expect(asking.groups).toEqual({
      "search.ccnproxy-service": {
        origins: [
          { url: "https://10.30.0.11:9443", peer: "proxy.west.consul" },
          { url: "https://10.30.0.12:9443", peer: "proxy.west.consul" },
        ],
        firstByteTimeout: 3,
      },
    });
    // AND nobody calls there
    expect([asking["peerListen"], asking["peerNames"]]).toEqual([undefined, undefined]);
    // AND west's let jp's in, for that service
    const asked = configOf(other!, "west-1");
    expect(asked).toMatchObject({
      peerListen: "0.0.0.0:9443",
      peerNames: ["proxy.jp.consul"],
      peerCertFile: "/run/tricloud-proxy/certificate.pem",
      peerKeyFile: "/run/tricloud-proxy/key.pem",
      peerCaFile: "/run/tricloud-proxy/authorities.pem",
    });
    expect(asked.groups).toEqual({
      "search.ccnproxy-peer": {
        origins: ["http://search.service.consul:8080"],
        firstByteTimeout: 3,
      },
    });
  });

  it("needs a key that is root's on the host, and a copy for the proxy's user that a reload renews", () => {
    // GIVEN / WHEN
    const other = synthesisedIn("west", [shop, search]);
    // THEN
    for (const name of ["certificate", "key", "authorities"])
      expect(fileOf(other, "west-1", `/etc/tricloud/proxy-peers/${name}.pem`).attributes).toBe(
        "0400 root root",
      );
    const unit = fileOf(other, "west-1", "/etc/systemd/system/tricloud-proxy.service").text;
    const handOver = "+/bin/sh /usr/local/lib/tricloud/tricloud-proxy-hand-over";
    expect(unit).toContain(`ExecStartPre=${handOver}\nExecStart=`);
    expect(unit).toContain(`ExecReload=${handOver}\nExecReload=`);
    expect(unit).toContain("RuntimeDirectory=tricloud-proxy\nRuntimeDirectoryMode=0700\n");
    // AND the values are variables, of which no more than these are the proxies' own
    expect(other.variable).toMatchObject({
      proxy_peer_certificate: { sensitive: true },
      proxy_peer_key: { sensitive: true },
    });
  });

  it("changes nothing where no service calls it", () => {
    // GIVEN regions that could WHEN nobody calls
    const alone = service("shop", 8081);
    const [jp, other] = ["jp", "west"].map((name) => synthesisedIn(name, [alone, search]));
    // THEN
    for (const [stack, host] of [
      [jp!, "jp-1"],
      [other!, "west-1"],
    ] as const) {
      expect(Object.keys(configOf(stack, host)).filter((key) => key.startsWith("peer"))).toEqual([]);
      expect(Object.keys(stack.variable).filter((name) => name.startsWith("proxy_"))).toEqual([]);
      const unit = fileOf(stack, host, "/etc/systemd/system/tricloud-proxy.service").text;
      expect(unit).not.toContain("ExecStartPre");
    }
  });

  it("is answered at home first where it runs there too, and the region's own hosts are told as it names them", () => {
    // GIVEN one that runs in both, and a west that other regions reach by other addresses
    const both = { ...search, in: { jp: {}, west: {} } };
    const regions = regionsWith({ peered: {} }, { peered: { hosts: ["203.0.113.7", "proxy.west.example"] } });
    // WHEN synthesised THEN
    expect(configOf(synthesisedIn("jp", [shop, both], regions), "jp-1").groups).toMatchObject({
      "search.ccnproxy-service": {
        origins: [
          "http://search.service.consul:8080",
          { url: "https://203.0.113.7:8443", peer: "proxy.west.consul" },
          { url: "https://proxy.west.example:8443", peer: "proxy.west.consul" },
        ],
      },
    });
  });

  const WAY =
    'service shop: calls[0]: expected a service that runs wherever shop does, or has a way to it from there: search does not run in jp, no entrance of west leads to it (public.hosts with all paths, or entrance.service on EC2 and entrance.backend.service on GKE), and their proxies do not know one another (peered: not that of WHO), got: "search"';

  it.each<[string, string, Partial<DedicatedRegionInput>, Partial<DedicatedRegionInput>]>([
    ["neither region has", "jp, west", {}, {}],
    ["the caller's region has not", "jp", {}, { peered: {} }],
    ["its own region has not", "west", { peered: {} }, {}],
  ])("is refused where %s such proxies, naming both", (_, lacking, inJp, inWest) => {
    expect(() => validated([shop, search], regionsWith(inJp, inWest))).toThrow(WAY.replace("WHO", lacking));
  });

  it("is refused for callers on EC2, where there is no such way", () => {
    const caller = { ...shop, in: { us: {} } };
    expect(() => validated([caller, search], regionsWith())).toThrow(
      "search does not run in us, no entrance of west leads to it",
    );
  });

  it("promises no more than what is there, and than the proxies on both sides", () => {
    // GIVEN / WHEN
    const app = new App();
    appOf(app, [shop, search]);
    const shares = downtimeSharesOfAll(collectAvailability(app));
    // THEN
    expect(shares["jp/shop"]).toBeGreaterThan(
      shares["west/search"]! + shares["west/calls-from-other-regions"]!,
    );
    expect(Object.keys(shares)).not.toContain("jp/calls-from-other-regions");
  });

  it("promises more where it runs here too, less what moving on costs", () => {
    const shareOf = (searchIn: ServiceInput): number => {
      const app = new App();
      appOf(app, [{ ...shop, in: { jp: { on: "proxy" } } }, searchIn]);
      return downtimeSharesOfAll(collectAvailability(app))["jp/shop"]!;
    };
    const alone = shareOf({ ...search, in: { jp: { instances: 1 } } });
    expect(shareOf({ ...search, in: { jp: { instances: 1 }, west: {} } })).toBeLessThan(alone);
  });

  it("is in the picture as what the other region answers", () => {
    const linksWith = (called: ServiceInput) => {
      const regions = regionsWith();
      const app = new App();
      appOf(app, [shop, called], regions);
      return collectTopology(app, (stack) => stack.node.id, serviceCalls(validated([shop, called], regions)))
        .links.filter(({ carries }) => carries.some((each) => each.includes("search")))
        .map(({ from, to, carries }) => [from, to, carries]);
    };
    expect(linksWith(search)).toEqual([["jp", "west", ["shop to search"]]]);
    expect(linksWith({ ...search, in: { jp: {}, west: {} } })).toEqual([
      ["jp", "west", ["shop to search (where it fails in jp)"]],
    ]);
  });

  it("needs the proxies' port open between the two", () => {
    const found = openings(regionsWith()).map(
      ({ from, to, protocol, port }) =>
        `${from.region} ${from.addresses.join()} > ${to.region} ${to.addresses.join()} ${port}/${protocol}`,
    );
    expect(found).toEqual([
      "jp 10.10.0.11,10.10.0.12 > west 10.30.0.11,10.30.0.12 9443/tcp",
      "west 10.30.0.11,10.30.0.12 > jp 10.10.0.11,10.10.0.12 8443/tcp",
    ]);
  });

  it("leaves no service their port on the proxies' servers", () => {
    const onProxies = service("shop", 8443, { in: { jp: { on: "proxy" } } });
    expect(() => validated([onProxies], regionsWith())).toThrow(
      "expected a port that is free on jp-1 of region jp, where the proxy has it",
    );
  });

  it.each<[string, Partial<DedicatedRegionInput>, string]>([
    ...REFUSED_PEERED,
    ...REFUSED_BESIDE_AGENT,
    [
      "no host",
      { peered: { hosts: [] } },
      "peered.hosts: expected one server's address or host name at least",
    ],
    [
      "a host with a port",
      { peered: { hosts: ["10.0.0.1:1"] } },
      "peered.hosts[0]: expected an IPv4 address or a host name, without the port",
    ],
  ])("refuses %s", (_, changes, message) => {
    expect(() => regionsWith(changes)).toThrow(message);
  });
});
