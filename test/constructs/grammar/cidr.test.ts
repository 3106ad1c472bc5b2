import fc from "fast-check";
import { Cidr } from "../../../constructs/grammar/cidr";

describe("Cidr", () => {
  it.each(["10.0.0.0/8", "0.0.0.0/0", "192.0.2.4/30", "255.255.255.255/32"])("takes %s", (text) => {
    // GIVEN a network WHEN parsed THEN it is that network
    expect(Cidr.parse(text)?.toString()).toBe(text);
  });

  it.each([
    ...[
      "",
      "10.0.0.0",
      "10.0.0.0/",
      "10.0.0.0/33",
      "10.0.0.0/-1",
      "10.0.0.0/8/8",
      "10.0.0.0/8 ",
      "2001:db8::/32",
    ],
    ...["10.0.0.1/24", "10.0/16", "010.0.0.0/8", "10.0.0.0/08", "256.0.0.0/8", "0xa.0.0.0/8", "10.0.0.0/8.0"],
  ])("refuses %j", (text) => {
    expect(Cidr.parse(text)).toBeUndefined();
  });

  it("holds what its arithmetic names, and nothing beside", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 2 ** 32 - 1 }),
        fc.integer({ min: 1, max: 30 }),
        fc.nat(),
        (any, length, pick) => {
          // GIVEN any network
          const size = 2 ** (32 - length);
          const first = Math.floor(any / size) * size;
          const network = Cidr.parse(`${dotted(first)}/${length}`)!;
          // WHEN its addresses and halves are named
          const address = network.nth(pick % size);
          const [low, high] = [network.subnet(length + 1, 0), network.subnet(length + 1, 1)];
          // THEN they are its own
          expect(address).toBe(dotted(first + (pick % size)));
          expect(network.contains(address)).toBe(true);
          expect(network.overlaps(low) && network.overlaps(high)).toBe(true);
          expect(low.overlaps(high)).toBe(false);
          expect(low.contains(address)).toBe(pick % size < size / 2);
          if (first > 0) expect(network.contains(dotted(first - 1))).toBe(false);
          if (first + size < 2 ** 32) expect(network.contains(dotted(first + size))).toBe(false);
        },
      ),
    );
  });

  it("has no address beyond its last", () => {
    // GIVEN a network of four WHEN a fifth is asked for THEN it says what there is
    expect(() => Cidr.parse("192.0.2.4/30")?.nth(4)).toThrow("192.0.2.4/30 has addresses 0 to 3, got: 4");
  });
});

const dotted = (address: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
