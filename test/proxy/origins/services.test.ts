import { AddressBook } from "../../../proxy/origins/address-book";
import { AddressGuard } from "../../../proxy/origins/address-guard";
import { endpointOf, type Place, servicePlace } from "../../../proxy/origins/place";
import { NameAbsent, Resolver } from "../../../proxy/origins/resolver";
import { dnsServer, type Records } from "../dns-server";

const SERVICE = { host: "_search._tcp.service.consul", service: true };

/** A resolver that asks a server with these records. */
async function using(
  records: Omit<Records, "ttl" | "silent" | "addresses"> & Partial<Records>,
  use: (placesOf: () => Promise<readonly Place[]>, records: Records) => Promise<void>,
): Promise<void> {
  const all: Records = { addresses: [], ttl: 1, silent: false, ...records };
  const server = await dnsServer(all);
  try {
    const resolver = new Resolver(new AddressGuard([]), [server.at]);
    await use(() => resolver.placesOf(SERVICE), all);
  } finally {
    server.close();
  }
}

describe("GIVEN a service whose SRV records name hosts and ports", () => {
  test("THEN each address of each host is a place with its port, priority and weight", () =>
    using(
      {
        services: [
          { host: "one.node.consul", port: 21_000, priority: 1, weight: 10 },
          { host: "two.node.consul", port: 21_001, priority: 2, weight: 0 },
        ],
        hosts: { "one.node.consul": ["192.0.2.1", "192.0.2.2"], "two.node.consul": ["192.0.2.3"] },
      },
      async (placesOf) => {
        const places = [...(await placesOf())].sort((a, b) => a.address.localeCompare(b.address));
        expect(places).toEqual([
          { address: "192.0.2.1:21000", priority: 1, weight: 10 },
          { address: "192.0.2.2:21000", priority: 1, weight: 10 },
          { address: "192.0.2.3:21001", priority: 2, weight: 0.01 },
        ]);
      },
    ));

  test("WHEN a host has no address, or none that is permitted, THEN the others serve, and without others it says why", () =>
    using(
      {
        services: [
          { host: "inward.node.consul", port: 80, priority: 1, weight: 1 },
          { host: "gone.node.invalid", port: 80, priority: 1, weight: 1 },
          { host: "one.node.consul", port: 80, priority: 1, weight: 1 },
        ],
        hosts: { "inward.node.consul": ["169.254.169.254"], "one.node.consul": ["192.0.2.1"] },
      },
      async (placesOf, records) => {
        expect((await placesOf()).map(({ address }) => address)).toEqual(["192.0.2.1:80"]);
        records.services = records.services!.slice(0, 1);
        await using(records, async (others) => {
          await expect(others()).rejects.toThrow(
            "_search._tcp.service.consul: inward.node.consul has no permitted address (has 169.254.169.254)",
          );
        });
      },
    ));

  test.each([
    ["has no records", undefined],
    ["is said to be nowhere", [{ host: ".", port: 0, priority: 0, weight: 0 }]],
  ])("WHEN it %s THEN it is absent, though its name has an address", (_, services) =>
    using({ services, addresses: ["192.0.2.1"] }, async (placesOf) => {
      const problem = await placesOf().catch((error: unknown) => error);
      expect(problem).toBeInstanceOf(NameAbsent);
      expect((problem as Error).message).toMatch(/^SRV _search\._tcp\.service\.consul: /);
    }),
  );
});

describe("GIVEN places of a service", () => {
  const [heavy, light, never, later] = [
    servicePlace("192.0.2.1", 1, 1, 3),
    servicePlace("192.0.2.2", 2, 1, 1),
    servicePlace("192.0.2.3", 3, 1, 0),
    servicePlace("2001:db8::1", 4, 2, 100),
  ];

  test("THEN each of the best priority has what its weight says under way, and is connected to", () => {
    const book = new AddressBook(3);
    book.update([later, never, light, heavy]);
    const busy = new Map<string, number>();
    for (let i = 0; i < 40; i++) {
      const address = book.leastBusy()!;
      expect(book.order()[0]).toBe(address);
      book.opening(address);
      book.borrowed(address);
      busy.set(address, (busy.get(address) ?? 0) + 1);
    }
    expect([...busy].sort()).toEqual([
      [heavy.address, 30],
      [light.address, 10],
    ]);
  });

  test("WHEN all of the best priority are set aside THEN the next one is asked, until one of them is back", () => {
    const book = new AddressBook(3);
    book.update([later, light, heavy]);
    expect(book.isOutranked(later.address)).toBe(true);
    book.refused(light.address);
    expect(book.leastBusy()).toBe(heavy.address);
    book.refused(heavy.address);
    expect([book.leastBusy(), book.order()[0]]).toEqual([later.address, later.address]);
    expect(book.isOutranked(later.address)).toBe(false);
    book.worked(light.address);
    expect([book.leastBusy(), book.order()[0]]).toEqual([light.address, light.address]);
    expect(book.isOutranked(later.address)).toBe(true);
  });

  test("THEN what is connected to is the place's own port", () => {
    const of = (address: string, service: boolean): object => endpointOf({ port: 80, service }, address);
    expect(of(later.address, true)).toEqual({ host: "2001:db8::1", port: 4, text: "[2001:db8::1]:4" });
    expect(of(light.address, true)).toEqual({ host: "192.0.2.2", port: 2, text: "192.0.2.2:2" });
    expect(of("192.0.2.2", false)).toEqual({ host: "192.0.2.2", port: 80, text: "192.0.2.2:80" });
  });
});
