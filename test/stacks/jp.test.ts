import {
  type DedicatedRegion,
  type DedicatedRegionInput,
  validateRegions,
} from "../../stacks/values/regions";
import { JpStack } from "../../stacks/jp";
import { synthesisedApp } from "../constructs/aws/synthesised";
import { dedicatedRegionValue, hostKeyOf } from "./values/regions/region-values";

type Waits = ReadonlyMap<string, readonly string[]>;

/** For each host's activation, the other hosts' activations that it waits for, as Terraform is told. */
function activations(value: DedicatedRegionInput): Waits {
  const [region] = validateRegions([{ file: "jp.ts", value }]);
  const { resource } = synthesisedApp("jp", (app) => new JpStack(app, region as DedicatedRegion));
  const host = (name: string) =>
    /^(?:terraform_data\.)?(.+)_activation_[0-9A-F]{8}_turn_\d+$/.exec(name)?.[1] ?? [];
  return new Map(
    Object.entries(resource["terraform_data"]!).flatMap(([name, { depends_on }]) =>
      [host(name)].flat().map((own) => [own, (depends_on as string[]).flatMap(host)]),
    ),
  );
}

/** All that does not happen when `failed` fails: what waits for it, and what waits for that. */
function stoppedBy(failed: string, waits: Waits): string[] {
  const stopped = new Set([failed]);
  for (let before = 0; before < stopped.size;) {
    before = stopped.size;
    for (const [host, awaited] of waits) if (awaited.some((each) => stopped.has(each))) stopped.add(host);
  }
  return [...stopped].filter((host) => host !== failed);
}

/** Three Consul servers, of which the first two are proxies too, and `count` further proxies. */
const region = (count: number, maxUnavailable?: DedicatedRegionInput["proxy"]["maxUnavailable"]) => {
  const { servers, proxy, ...rest } = dedicatedRegionValue();
  const more = Array.from({ length: count }, (_, i) => ({
    name: `jp-${i + 4}`,
    address: `10.10.1.${i + 1}`,
    hostKey: hostKeyOf(i + 4),
    roles: ["proxy" as const],
  }));
  return { ...rest, servers: [...servers, ...more], proxy: { ...proxy, maxUnavailable } };
};

const names = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `jp-${from + i}`);

describe("JpStack", () => {
  it("activates its Consul servers one at a time, however many proxies may change at once", () => {
    // GIVEN / WHEN
    const waits = activations(region(10, "50%"));
    // THEN
    expect([...waits.keys()].sort()).toEqual(names(1, 13).sort());
    expect([waits.get("jp-1"), waits.get("jp-2"), waits.get("jp-3")]).toEqual([[], ["jp-1"], ["jp-2"]]);
  });

  it("replaces the proxies of a quarter of the hosts at a time", () => {
    // GIVEN 45 proxies WHEN nothing is said of how many may be unavailable
    const waits = activations(region(43));
    // THEN the first eleven (two of them Consul servers) go after the Consul servers, the next eleven after those
    for (const host of names(4, 12)) expect(waits.get(host)).toEqual(["jp-3"]);
    for (const host of names(13, 23))
      expect(waits.get(host)).toEqual(["jp-3", "jp-1", "jp-2", ...names(4, 12)]);
    for (const host of names(24, 34)) expect(waits.get(host)).toEqual(["jp-3", ...names(13, 23)]);
    for (const host of names(35, 45)) expect(waits.get(host)).toEqual(["jp-3", ...names(24, 34)]);
    expect(waits.get("jp-46")).toEqual(["jp-3", ...names(35, 45)]);
  });

  it("gives each activation an end: none waits for itself through others", () => {
    for (const maxUnavailable of [undefined, 1, 3, 11, "10%", "99%"] as const) {
      const waits = activations(region(10, maxUnavailable));
      for (const [host, awaited] of waits) {
        for (const each of awaited) expect(stoppedBy(host, waits)).not.toContain(each);
      }
    }
  });

  it("stops before the next batch when one host of a batch fails, whichever it is", () => {
    // GIVEN batches of four of twelve proxies: jp-1 jp-2 jp-4 jp-5, jp-6 to jp-9, jp-10 to jp-13
    const waits = activations(region(10, 4));
    // WHEN / THEN
    for (const failed of names(6, 9)) expect(stoppedBy(failed, waits)).toEqual(names(10, 13));
    for (const failed of names(4, 5)) expect(stoppedBy(failed, waits)).toEqual(names(6, 13));
    expect(stoppedBy("jp-2", waits)).toEqual(names(3, 13));
    for (const failed of names(10, 13)) expect(stoppedBy(failed, waits)).toEqual([]);
  });

  it("is the same however the region lists its servers", () => {
    // GIVEN a region WHEN its list is turned round
    const { servers, ...rest } = region(3);
    const synthesised = (list: DedicatedRegionInput["servers"]) => {
      const [value] = validateRegions([{ file: "jp.ts", value: { ...rest, servers: list } }]);
      return synthesisedApp("jp", (app) => new JpStack(app, value as DedicatedRegion)).resource;
    };
    // THEN
    expect(synthesised([...servers].reverse())).toEqual(synthesised(servers));
  });

  it("retires servers one after another, once all others are what they shall be", () => {
    // GIVEN two servers that leave, and one that nobody can reach
    const value = region(3);
    const servers = value.servers.map((server) => ({
      ...server,
      retired: ({ "jp-4": "lost", "jp-5": true, "jp-6": true } as const)[server.name] ?? false,
    }));
    const [valid] = validateRegions([{ file: "jp.ts", value: { ...value, servers } }]);
    const { resource } = synthesisedApp("jp", (app) => new JpStack(app, valid as DedicatedRegion));
    // WHEN / THEN
    const waits = Object.entries(resource["terraform_data"]!).flatMap(([name, { depends_on }]) =>
      name.includes("_retirement_") ? [[name, depends_on as string[]] as const] : [],
    );
    expect(waits.map(([name]) => name.slice(0, 4))).toEqual(["jp-5", "jp-6"]);
    for (const [, awaited] of waits) {
      for (const name of ["jp-1", "jp-2", "jp-3"]) {
        expect(awaited).toContainEqual(expect.stringMatching(new RegExp(`${name}_activation_`)));
      }
    }
    expect(waits[1]?.[1]).toContainEqual(expect.stringMatching(/jp-5_retirement_/));
  });
});
