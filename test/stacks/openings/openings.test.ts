import { join } from "node:path";
import { main } from "../../../cli/openings";
import { type Opening, openings } from "../../../stacks/openings/openings";
import { type Region, validateRegions } from "../../../stacks/values/regions";
import jp from "../../../regions/jp";
import us from "../../../regions/us";
import { hostKeyOf } from "../values/regions/region-values";

const JP_SERVERS = ["10.10.0.11", "10.10.0.12", "10.10.0.13"];

const valid = (...values: object[]): Region[] =>
  validateRegions(values.map((value, index) => ({ file: `${index}.json`, value })));

const joined = {
  ...us,
  consul: { primaryDatacenter: "jp", peers: { jp: JP_SERVERS } },
  consulWanNetworks: ["10.10.0.0/16"],
};

const shown = ({ from, to, protocol, port }: Opening): string =>
  `${from.region} ${from.addresses.join()} > ${to.region} ${to.addresses.join()} ${port}/${protocol}`;

describe("openings", () => {
  it("are none while no region names another", () => {
    // GIVEN regions that stand alone WHEN asked THEN
    expect(openings(valid(jp, us))).toEqual([]);
  });

  it("lead both ways between two regions' servers, and to proxies where names lead to them", () => {
    // GIVEN the US that joins JP WHEN asked
    const found = openings(valid(jp, joined)).map(shown);

    // THEN servers reach servers, and the machines that have names for them JP's proxies
    const servers = JP_SERVERS.join();
    expect(found.sort()).toEqual(
      [
        `us 10.20.0.0/16 > jp ${servers} 8302/tcp`,
        `us 10.20.0.0/16 > jp ${servers} 8302/udp`,
        `us 10.20.0.0/16 > jp ${servers} 8300/tcp`,
        "us 10.20.0.0/16 > jp 10.10.0.11,10.10.0.12 80/tcp",
        `jp ${servers} > us 10.20.0.0/16 8302/tcp`,
        `jp ${servers} > us 10.20.0.0/16 8302/udp`,
        `jp ${servers} > us 10.20.0.0/16 8300/tcp`,
      ].sort(),
    );
  });

  it("lead from the internet to fronts, on both of their ports", () => {
    // GIVEN a region of which one server is a front, and another was one
    const servers = jp.servers.map((server, index) => ({
      ...server,
      roles: index > 0 ? [...server.roles, "front" as const] : server.roles,
    }));
    const retired = {
      ...servers[1]!,
      name: "jp-9",
      address: "10.10.0.19",
      hostKey: hostKeyOf(9),
      retired: true,
    };
    const fronts = valid({
      ...jp,
      servers: [servers[0], { ...servers[1], roles: jp.servers[1]!.roles }, servers[2], retired],
    });
    // WHEN asked THEN
    expect(openings(fronts).map(shown)).toEqual([
      "internet 0.0.0.0/0 > jp 10.10.0.13 443/tcp",
      "internet 0.0.0.0/0 > jp 10.10.0.13 80/tcp",
    ]);
  });

  it("count two that name each other once", () => {
    // GIVEN JP and the US that name each other
    const both = valid({ ...jp, consul: { primaryDatacenter: "jp", peers: { us: ["10.20.64.4"] } } }, joined);
    // WHEN asked
    const found = openings(both).map(shown);
    // THEN each's machines reach the other's proxies too
    expect(found).toHaveLength(8);
    expect(found).toContain("jp 10.10.0.0/16 > us 10.20.0.0/16 80/tcp");
  });

  it("take a peer that is no region here by the addresses given for it", () => {
    // GIVEN a peer that is deployed from elsewhere
    const alone = valid({
      ...us,
      consul: { primaryDatacenter: "us", peers: { eu: ["192.0.2.1"] } },
      consulWanNetworks: ["192.0.2.0/24"],
    });
    // WHEN asked THEN nothing is said of proxies that nobody knows here
    expect(openings(alone).map(shown)).toEqual([
      "us 10.20.0.0/16 > eu 192.0.2.1 8302/tcp",
      "us 10.20.0.0/16 > eu 192.0.2.1 8302/udp",
      "us 10.20.0.0/16 > eu 192.0.2.1 8300/tcp",
      "eu 192.0.2.1 > us 10.20.0.0/16 8302/tcp",
      "eu 192.0.2.1 > us 10.20.0.0/16 8302/udp",
      "eu 192.0.2.1 > us 10.20.0.0/16 8300/tcp",
    ]);
  });
});

describe("the command", () => {
  const frankfurt = join(__dirname, "../../../examples/frankfurt/regions");
  const run = (...args: string[]): string => {
    let output = "";
    expect(main(args, (text) => (output += text), frankfurt)).toBe(0);
    return output;
  };

  it("prints a line for each opening", () => {
    // GIVEN the example of a fourth region WHEN asked THEN
    const [head, ...lines] = run().trimEnd().split("\n");
    expect(head).toMatch(/^FROM +TO +PORT +FOR$/);
    expect(lines[0]).toMatch(
      /^de 10\.40\.0\.0\/16 +jp 10\.10\.0\.11,10\.10\.0\.12,10\.10\.0\.13 +8302\/tcp +gossip/,
    );
    expect(lines).toHaveLength(6);
  });

  it("gives the same as JSON", () => {
    expect(JSON.parse(run("--json"))).toHaveLength(6);
  });

  it("refuses an argument that it does not know", () => {
    expect(() => run("--jsn")).toThrow("--jsn");
  });
});
