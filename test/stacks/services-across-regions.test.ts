import { App } from "cdktf";
import { collectAvailability } from "../../constructs/availability";
import {
  type DedicatedRegion,
  type Ec2Region,
  type Ec2RegionInput,
  type GkeRegionInput,
  type Region,
  validateRegions,
} from "../../stacks/values/regions";
import { serviceGroups } from "../../constructs/proxy";
import type { ServiceInput } from "../../stacks/values/services";
import { collectTopology } from "../../constructs/topology";
import uk from "../../regions/uk";
import us from "../../regions/us";
import { JpStack } from "../../stacks/jp";
import { serviceCalls } from "../../stacks/service-calls";
import { calledServices } from "../../stacks/service-needs";
import { UsStack } from "../../stacks/us";
import { synthesisedApp, userDataText } from "../constructs/aws/synthesised";
import { dedicatedRegionValue } from "./values/regions/region-values";
import { downtimeSharesOfAll, servicesOf, validated } from "./service-values";

/** Three regions, of which us and uk show `search` to the internet where nobody says otherwise. */
function regionsWith(shown: { us?: string; uk?: string } = { us: "search", uk: "search" }): Region[] {
  const registry = { address: "registry.example.com/shop" };
  const inUs: Ec2RegionInput = {
    ...us,
    ...{ database: undefined, cache: undefined, registry },
    entrance: shown.us === undefined ? undefined : { ...us.entrance!, service: shown.us },
  };
  const entrance = { ...uk.entrance!, backend: { ...uk.entrance!.backend, port: 8080, podPort: undefined } };
  const inUk: GkeRegionInput = {
    ...uk,
    entrance:
      shown.uk === undefined
        ? undefined
        : { ...entrance, backend: { ...entrance.backend, service: shown.uk } },
  };
  return validateRegions([
    { file: "jp.ts", value: dedicatedRegionValue({ registry }) },
    { file: "us.ts", value: inUs },
    { file: "uk.ts", value: inUk },
  ]);
}

const service = servicesOf("jp");
const caller = service("shop", 8081, { calls: ["search"] });
const searchIn = (...places: string[]): ServiceInput =>
  service("search", 8080, { in: Object.fromEntries(places.map((place) => [place, {}])) });

/** What jp's proxies are told of that service. */
const originsOf = (services: readonly ServiceInput[], regions = regionsWith()) =>
  serviceGroups(calledServices(validated(services, regions), { name: "jp" }), "consul");

/** Downtime share of each service of jp and us, as `STACK/SERVICE`. */
function unavailable(
  services: readonly ServiceInput[],
  regions = regionsWith(),
): Readonly<Record<string, number>> {
  const app = new App();
  const values = validated(services, regions);
  new JpStack(app, regions[0] as DedicatedRegion, values);
  new UsStack(app, regions[1] as Ec2Region, values);
  return downtimeSharesOfAll(collectAvailability(app));
}

describe("a service that others of another region call", () => {
  it("is answered by the region's own instances, then by the entrances of others, in the order of its file", () => {
    expect(originsOf([caller, { ...searchIn("us", "uk", "jp"), answerSeconds: 3 }])).toEqual({
      "search.ccnproxy-service": {
        origins: [
          "http://search.service.consul:8080",
          "https://us.service.example.com",
          "https://www.uk.example.com",
        ],
        // AND after as long as the called service says that it may take
        firstByteTimeout: 3,
      },
    });
    // AND of those only that lead to it
    expect(originsOf([caller, searchIn("uk", "us")], regionsWith({ uk: "search" }))).toEqual({
      "search.ccnproxy-service": { origins: ["https://www.uk.example.com"], firstByteTimeout: 10 },
    });
  });

  it("is answered by the nearest of other regions first, where the region of its callers says which these are", () => {
    // GIVEN jp, to which uk is nearer than us
    const [jp, ...others] = regionsWith();
    const near = { ...(jp as DedicatedRegion), nearest: ["uk", "us"] };
    const search = searchIn("us", "jp", "uk");
    // WHEN those of jp call THEN uk is asked before us, whatever the order of the service's file
    expect(originsOf([caller, search], [near, ...others])["search.ccnproxy-service"]).toMatchObject({
      origins: [
        "http://search.service.consul:8080",
        "https://www.uk.example.com",
        "https://us.service.example.com",
      ],
    });
    // AND one that jp does not name comes last
    const some = { ...near, nearest: ["uk"] };
    expect(originsOf([caller, { ...search, in: { us: {}, uk: {} } }], [some, ...others])).toMatchObject({
      "search.ccnproxy-service": {
        origins: ["https://www.uk.example.com", "https://us.service.example.com"],
      },
    });
    // AND the picture says so too
    expect(serviceCalls(validated([caller, search], [near, ...others]))("jp")).toContainEqual({
      ...{ kind: "call", from: "shop", to: "search", standIns: ["uk", "us"] },
    });
  });

  it("is known to the proxies of its callers' region, and to those of no other", () => {
    // GIVEN a caller in jp of what is in us alone
    const regions = regionsWith();
    const values = validated([caller, searchIn("us")], regions);
    const configs = (region: string) => {
      const app = (scope: App) => {
        const [jp, others] = [
          new JpStack(scope, regions[0] as DedicatedRegion, values),
          regions[1] as Ec2Region,
        ];
        return { jp, us: new UsStack(scope, others, values) }[region]!;
      };
      return synthesisedApp(region, app);
    };
    // WHEN synthesised THEN
    const [, hosts] = Object.entries(configs("jp")["locals"] as unknown as Record<string, string>).find(
      ([name]) => name.startsWith("jp-1_document"),
    )!;
    const [, config] = /^file \S+ \S+ \S+ \/etc\/tricloud\/proxy\.json \S+ inline (\S+)$/m.exec(hosts)!;
    expect(JSON.parse(Buffer.from(config!, "base64").toString())).toMatchObject({
      groups: { "search.ccnproxy-service": { origins: ["https://us.service.example.com"] } },
    });
    const us = configs("us");
    const template = us.all("launch_template").find(({ name }) => name === "us-proxy")!;
    expect(userDataText(us, template)).not.toContain("search.ccnproxy-service");
  });

  it("is refused where no way leads to it, naming both, and what would help", () => {
    expect(() => validated([caller, searchIn("us")], regionsWith({ uk: "search" }))).toThrow(
      'service shop: calls[0]: expected a service that runs wherever shop does, or has a way to it from there: search does not run in jp, no entrance of us leads to it (public.hosts with all paths, or entrance.service on EC2 and entrance.backend.service on GKE), and their proxies do not know one another (peered: not that of jp, us), got: "search"',
    );
  });

  it("promises more where several regions answer for it, less what it costs to find out that one does not", () => {
    // GIVEN one whose only instance in jp is on another host than its caller
    const apart = (...others: string[]): ServiceInput => ({
      ...searchIn(...others),
      in: { jp: { on: "consul-server", instances: 1 }, ...searchIn(...others).in },
    });
    const here = unavailable([caller, apart()], regionsWith({ uk: "search" }));
    const both = unavailable([caller, apart("us")]);
    const there = unavailable([caller, searchIn("us")]);
    // THEN a call that fails in jp is still answered
    expect(both["jp/shop"]).toBeLessThan(here["jp/shop"]!);
    // AND a call to another region can be no better than what is there
    expect(there["jp/shop"]).toBeGreaterThan(there["us/search"]!);
    // AND callers can be no better than by themselves
    const alone = unavailable([service("shop", 8081), apart()], regionsWith({ uk: "search" }));
    expect(both["jp/shop"]).toBeGreaterThan(alone["jp/shop"]!);
  });

  it("is in the picture with the regions that answer for it", () => {
    const linksWith = (search: ServiceInput) => {
      const regions = regionsWith();
      const values = validated([caller, search], regions);
      const app = new App();
      new JpStack(app, regions[0] as DedicatedRegion, values);
      new UsStack(app, regions[1] as Ec2Region, values);
      return collectTopology(app, (stack) => stack.node.id, serviceCalls(values)).links.filter(
        ({ carries }) => carries.some((each) => each.includes("search")),
      );
    };
    expect(linksWith(searchIn("jp", "us"))).toEqual([
      { kind: "call", from: "jp", to: "us", carries: ["shop to search (where it fails in jp)"] },
    ]);
    expect(linksWith(searchIn("us"))).toEqual([
      { kind: "call", from: "jp", to: "us", carries: ["shop to search"] },
    ]);
  });
});
