import fc from "fast-check";
import { MOST_ZONES, subnetPlan } from "../../../constructs/aws/subnet-plan";
import { Cidr } from "../../../constructs/grammar/cidr";

const cidrs = (plan: ReturnType<typeof subnetPlan>): string[] =>
  plan.flatMap((zone) => [zone.public, zone.private, zone.data]);

describe("subnetPlan", () => {
  it("gives each zone a network of each tier", () => {
    // GIVEN a /16 WHEN it is planned for three zones
    const plan = subnetPlan("10.20.0.0/16", 3);
    // THEN
    expect(plan).toEqual([
      { public: "10.20.0.0/20", private: "10.20.64.0/20", data: "10.20.128.0/20" },
      { public: "10.20.16.0/20", private: "10.20.80.0/20", data: "10.20.144.0/20" },
      { public: "10.20.32.0/20", private: "10.20.96.0/20", data: "10.20.160.0/20" },
    ]);
  });

  it("stays inside the network, without overlaps, and does not move when a zone is added", () => {
    const prefixes = fc.integer({ min: 16, max: 24 });
    fc.assert(
      fc.property(
        prefixes,
        fc.integer({ min: 0, max: 0xffff }),
        fc.integer({ min: 1, max: MOST_ZONES }),
        (prefix, n, zones) => {
          // GIVEN any network that a VPC can have
          const third = prefix > 16 ? n & 0xff & (0xff00 >> (prefix - 16)) : 0;
          const cidr = `10.${n >> 8}.${third}.0/${prefix}`;
          // WHEN
          const plan = subnetPlan(cidr, zones);
          // THEN
          const whole = Cidr.parse(cidr)!;
          const subnets = cidrs(plan).map((subnet) => Cidr.parse(subnet)!);
          for (const [index, subnet] of subnets.entries()) {
            expect(whole.overlaps(subnet)).toBe(true);
            expect(subnets.slice(0, index).some((other) => other.overlaps(subnet))).toBe(false);
          }
          expect(subnetPlan(cidr, MOST_ZONES).slice(0, zones)).toEqual(plan);
        },
      ),
    );
  });

  it.each([
    "10.20.0.0",
    "10.20.0.0/8",
    "10.20.0.0/25",
    "10.20.0.1/16",
    "10.20.0/16",
    "x/16",
    "10.300.0.0/16",
  ])("refuses %s and shows it", (cidr) => {
    expect(() => subnetPlan(cidr, 3)).toThrow(`got: "${cidr}"`);
  });

  it("refuses more zones than it has room for", () => {
    expect(() => subnetPlan("10.20.0.0/16", 5)).toThrow("1 to 4 zones, got: 5");
  });
});
