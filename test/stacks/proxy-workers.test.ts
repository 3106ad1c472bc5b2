import {
  type DedicatedRegion,
  type DedicatedRegionInput,
  type Ec2Region,
  validateRegions,
} from "../../stacks/values/regions";
import us from "../../regions/us";
import { JpStack } from "../../stacks/jp";
import { UsStack } from "../../stacks/us";
import type { ServiceInput } from "../../stacks/values/services";
import { fetchedText, synthesisedApp } from "../constructs/aws/synthesised";
import { dedicatedRegionValue, hostKeyOf } from "./values/regions/region-values";
import { servicesOf, validated } from "./service-values";

const REGISTRY = { address: "registry.example.com/shop" };
const CONFIG = "/etc/tricloud/proxy.json";
const workersOf = (text: string): unknown => (JSON.parse(text) as { workers?: unknown }).workers;

/** Workers of the proxies on dedicated servers, by server: two with Consul besides, and jp-4 and jp-5. */
function onServers(services: readonly ServiceInput[], proxy?: Partial<DedicatedRegionInput["proxy"]>) {
  const { servers, proxy: usual, ...rest } = dedicatedRegionValue({ registry: REGISTRY });
  const more = [4, 5].map((number) => ({
    ...{ name: `jp-${number}`, address: `10.10.1.${number}`, hostKey: hostKeyOf(number) },
    roles: number === 4 ? (["proxy"] as const) : (["proxy", "app"] as const),
  }));
  const value = { ...rest, servers: [...servers, ...more], proxy: { ...usual, ...proxy } };
  const regions = validateRegions([{ file: "jp.ts", value }]);
  const { locals } = synthesisedApp(
    "jp",
    (app) => new JpStack(app, regions[0] as DedicatedRegion, validated(services, regions)),
  );
  return Object.fromEntries(
    Object.entries(locals as unknown as Record<string, string>).flatMap(([name, document]) => {
      const [, text] =
        new RegExp(`^file \\S+ \\S+ \\S+ ${CONFIG} \\S+ inline (\\S+)$`, "m").exec(document) ?? [];
      const [server] = name.split("_document");
      return text === undefined ? [] : [[server, workersOf(Buffer.from(text, "base64").toString())]];
    }),
  );
}

/** Workers of the proxies on EC2. */
function onGroups(services: readonly ServiceInput[]): unknown {
  const regions = validateRegions([
    { file: "us.ts", value: { ...us, entrance: undefined, registry: REGISTRY } },
  ]);
  const stack = synthesisedApp(
    "us",
    (app) => new UsStack(app, regions[0] as Ec2Region, validated(services, regions)),
  );
  const template = stack.all("launch_template").find(({ name }) => name === "us-proxy")!;
  return workersOf(fetchedText(stack, template, CONFIG));
}

describe("workers of a region's proxies", () => {
  it("take the whole of a server that has nothing else to do, and leave a core elsewhere", () => {
    const placed = [servicesOf("jp")("web", 8080)];
    expect(onServers(placed)).toEqual({ "jp-1": "spare", "jp-2": "spare", "jp-4": "auto", "jp-5": "spare" });
  });

  it("leave a core where a service comes to the proxies' servers", () => {
    const placed = [servicesOf("jp")("web", 8080, { in: { jp: { on: "proxy" } } })];
    expect(onServers(placed)["jp-4"]).toBe("spare");
  });

  it("are as many as the region says, wherever they are", () => {
    expect(new Set(Object.values(onServers([], { settings: { workers: 3 } })))).toEqual(new Set([3]));
  });

  it("take the whole of a machine on EC2 that has nothing else to do, and leave a core with services", () => {
    const service = servicesOf("us");
    expect(onGroups([service("web", 8080)])).toBe("auto");
    expect(onGroups([service("web", 8080), service("cart", 8081, { in: { us: { on: "proxy" } } })])).toBe(
      "spare",
    );
  });
});
