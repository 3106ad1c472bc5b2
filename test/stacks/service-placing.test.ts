import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "cdktf";
import { collectAvailability } from "../../constructs/availability";
import { placedResults } from "../../constructs/availability/report/placed";
import { validateRegions } from "../../stacks/values/regions";
import type { ServiceInput } from "../../stacks/values/services";
import uk from "../../regions/uk";
import { addRegions } from "../../stacks";
import { dedicatedRegionValue } from "./values/regions/region-values";
import { downtimeShares, ORIGIN, servicesOf, validated } from "./service-values";

const service = servicesOf("jp");
/** Asked for by each region in its own time: what moving costs is each region's own. */
const origins = (connectTimeout: string) => ({
  [ORIGIN]: {
    connectTimeout,
    origins: ["a", "b"].map((name) => ({
      url: `https://${name}.partner.example`,
      availability: 0.999,
      meanOutageHours: 1,
      source: "assumed",
    })),
  },
});
const inBoth = { in: { jp: {}, uk: {} } };

let outdir: string;
beforeAll(() => (outdir = mkdtempSync(join(tmpdir(), "tricloud-placing-"))));
afterAll(() => rmSync(outdir, { recursive: true }));

describe("services of a file, placed", () => {
  test("stand on what each region would build for them, and use what they have to use of the other", async () => {
    // GIVEN a shop in jp that needs stock of both regions, prices of jp alone and an origin outside, and misses tips
    const regions = validateRegions([
      {
        file: "jp.ts",
        value: dedicatedRegionValue({
          registry: { address: "registry.internal:5000" },
          origins: origins("1s"),
        }),
      },
      { file: "uk.ts", value: { ...uk, origins: origins("2s") } },
    ]);
    const calls = ["stock", "prices", "tips", `https://${ORIGIN}`];
    const services = validated(
      [
        service("shop", 8080, { calls, degradesWithout: ["tips"] }),
        service("stock", 8081, inBoth),
        service("prices", 8082),
        service("tips", 8083),
      ],
      regions,
    );
    const app = new App({ outdir });
    await addRegions(app, regions, services);
    // WHEN they are placed
    const placed = placedResults(collectAvailability(app));
    const of = (name: string) => placed.find((one) => one.service === name)!;
    const down = (name: string, ...places: string[]): number =>
      of(name).placements.find((one) => one.regions.join() === places.join())!.outcomes!.correlated.down
        .upper;
    const shared = (name: string) =>
      of(name)
        .placements.find((one) => one.regions.join() === "jp,uk")!
        .shared.map(({ id }) => id);
    // THEN the shop could stand in either or both; in uk with resolver, proxies and stock of its own
    expect(
      of("shop")
        .placements.map((one) => one.regions.join("+"))
        .sort(),
    ).toEqual(["jp", "jp+uk", "uk"]);
    expect(of("shop").brought).toEqual([{ region: "uk", what: "service prices", from: "jp" }]);
    expect(shared("shop")).toContain("dedicated/sakura/jp/network");
    expect(shared("tips")).toEqual([]);
    expect(down("tips", "jp", "uk")).toBeLessThan(down("tips", "jp"));
    // and each says who goes down with it and who could do without
    const users = (name: string) => of(name).users.map((one) => `${one.stack}/${one.service} ${one.without}`);
    expect(users("stock")).toEqual(["jp/shop down"]);
    expect(users("prices")).toEqual(["jp/shop down"]);
    expect(users("tips")).toEqual(["jp/shop degraded"]);
    expect(of("tips").mayStayInOne).toBe(true);
    // and stock, where it runs in both, carries both loads in one
    expect(of("stock")).toMatchObject({ runsIn: ["jp", "uk"], load: 2 });
  });

  test("are taken down by bad releases wherever they run, and so are those who cannot do without them", async () => {
    // GIVEN a service whose releases fail at times, one that needs it and one that does not
    const regions = validateRegions([
      {
        file: "jp.ts",
        value: dedicatedRegionValue({ registry: { address: "registry.internal:5000" } }),
      },
      { file: "uk.ts", value: uk },
    ]);
    const releases = { perMonth: 20, failureShare: 0.02, hoursToTakeBack: 0.5 };
    const bad = (20 * 0.02 * 0.5) / 720;
    const run = async (changes: Partial<ServiceInput>) => {
      const services = validated(
        [
          service("shop", 8080, { calls: ["stock"] }),
          service("news", 8082),
          service("stock", 8081, { ...inBoth, ...changes }),
        ],
        regions,
      );
      const app = new App({ outdir });
      await addRegions(app, regions, services);
      return collectAvailability(app);
    };
    // WHEN compared with what it is without them
    const [before, after] = [await run({}), await run({ releases })];
    const [were, are] = [downtimeShares(before), downtimeShares(after)];
    // THEN both are down for as much longer, once
    const longer = (name: string) => are[name]! - were[name]!;
    expect(longer("stock") / bad).toBeCloseTo(1, 1);
    expect(longer("shop") / bad).toBeCloseTo(1, 1);
    expect(longer("news")).toBe(0);
    // AND another region does not help against them
    const stock = placedResults(after).find((one) => one.service === "stock")!;
    const both = stock.placements.find((one) => one.regions.join() === "jp,uk")!;
    expect(both.outcomes!.independent.down.lower).toBeGreaterThan(bad);
    expect(both.shared.map(({ id }) => id)).toContain("service/stock/releases");
    const inJp = after.stacks.find(({ stack }) => stack === "jp")!;
    expect(JSON.stringify(inJp)).toContain(
      "its file: 20 in 30 days, a share of 0.02 of them bad, 0.5 h to take one back",
    );
  });
});
