import { component, evaluate, remote, series } from "../../../constructs/availability";
import { originGroup } from "../../../constructs/proxy";

const HOUR = 1;
const outage = (id: string) => component(id, { availability: 0.999, meanOutageHours: HOUR });
const [tokyo, oregon] = [outage("tokyo"), outage("oregon")];
const URLS = ["https://a.example.com", "https://b.example.com"];
const PER_YEAR = (0.001 / HOUR) * 8760;

const down = (block: Parameters<typeof evaluate>[0]): number => {
  const found = evaluate(block);
  if (!found.exact) throw new Error(found.reason);
  return found.unavailability;
};

describe("originGroup", () => {
  test("is down while both are, while it moves from the first, and where nobody notices", () => {
    // GIVEN two origins by preference, with the times that a request waits
    const group = { origins: URLS, connectTimeout: "2s", firstByteTimeout: "3s" };
    const { availability, failover } = originGroup("search", group, [tokyo, oregon]);
    // THEN only the first one's failures are moved from, within those times
    expect(failover?.switching.seconds).toBe(5);
    expect(failover?.cost.times).toMatchObject({ affected: 1 });
    expect(failover?.cost.times?.failuresPerYear).toBeCloseTo(PER_YEAR, 6);
    const moving = (0.99 * PER_YEAR * (5 / 3600)) / 8760;
    expect(down(availability)).toBeCloseTo(1e-6 + moving + 0.01 * 0.001, 7);
    expect(down(availability)).toBeGreaterThan(moving);
  });

  test("moves from no failure that takes down all proxies too", () => {
    // GIVEN an origin and proxies on one site
    const site = outage("site");
    const proxies = ["a", "b"].map((name) => series(component(name, { availability: 0.99 }), site));
    const frequency = (by?: typeof proxies) =>
      originGroup("search", URLS, [series(tokyo, site), oregon], {}, "jp", by).failover?.cost.times
        ?.failuresPerYear;
    // THEN the site's failures count where the proxies are somewhere else, and only there
    expect(frequency()).toBeCloseTo(2 * PER_YEAR * 0.999, 2);
    expect(frequency(proxies)).toBeCloseTo(PER_YEAR, 6);
  });

  test("shares what a failure costs where each carries a part", () => {
    const group = { origins: URLS.map((url) => ({ url, weight: 1 })) };
    const { failover } = originGroup("search", group, [tokyo, oregon]);
    expect(failover?.cost.times).toMatchObject({ affected: 0.5 });
    expect(failover?.cost.times?.failuresPerYear).toBeCloseTo(2 * PER_YEAR, 6);
  });

  test("waits as long as the proxy does where the group has no bound of its own", () => {
    const group = { origins: URLS, firstByteTimeout: 0 };
    const seconds = (settings?: object) =>
      originGroup("search", group, [tokyo, oregon], settings).failover?.switching.seconds;
    expect(seconds()).toBe(61);
    expect(seconds({ proxyReadTimeout: "2m" })).toBe(121);
  });

  test("names what keeps its failures from being known", () => {
    const unknown = (first: Parameters<typeof originGroup>[2][number]) =>
      originGroup("search", { origins: URLS }, [first, oregon]).failover?.cost.unknown;
    expect(unknown(component("tokyo", { availability: 0.999 }))).toEqual(["tokyo"]);
    expect(unknown(remote("us", "web"))).toEqual(["us/web"]);
    expect(unknown(series(remote("us", "calls"), remote("us", "web")))).toEqual(["us/calls", "us/web"]);
  });

  test("of one origin is that origin", () => {
    const { availability, failover } = originGroup("search", { origins: URLS.slice(0, 1) }, [tokyo]);
    expect(down(availability)).toBeCloseTo(0.001, 12);
    expect(failover).toBeUndefined();
  });
});
