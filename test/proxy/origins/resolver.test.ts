import { AddressGuard } from "../../../proxy/origins/address-guard";
import { AddressBook } from "../../../proxy/origins/address-book";
import { AllowList } from "../../../proxy/allow-list";
import { Circuit } from "../../../proxy/origins/circuit";
import { clock } from "../../../proxy/clock";
import { equalPlace } from "../../../proxy/origins/place";
import { parseHosts, Resolver } from "../../../proxy/origins/resolver";
import { dnsServer } from "../dns-server";

describe("the resolver", () => {
  test("uses all addresses for their TTL, asks again after it, and lives on the old answer while the server is down", async () => {
    const records = { addresses: ["192.0.2.1", "192.0.2.2"], ttl: 1, silent: false };
    const server = await dnsServer(records);
    const resolver = new Resolver(new AddressGuard([]), [server.at]);
    const stop = clock.onTick(() => undefined);
    try {
      // GIVEN an answer with a TTL of a second
      expect([...(await resolver.resolve("a.test"))].sort()).toEqual(["192.0.2.1", "192.0.2.2"]);
      const first = server.asked;
      await resolver.resolve("a.test");
      expect(server.asked).toBe(first);
      // WHEN it has run out THEN the new one is used
      records.addresses = ["192.0.2.3"];
      await new Promise((resolve) => setTimeout(resolve, 1_600));
      expect(await resolver.resolve("a.test")).toEqual(["192.0.2.3"]);
      // WHEN the server is silent THEN the last answer serves
      records.silent = true;
      await new Promise((resolve) => setTimeout(resolve, 1_600));
      expect(await resolver.resolve("a.test")).toEqual(["192.0.2.3"]);
      expect(resolver.counts.staleAnswers).toBe(1);
    } finally {
      stop();
      server.close();
    }
  }, 20_000);

  test("refuses a name whose addresses all lead inwards, and leaves out those that do", async () => {
    const records = { addresses: ["127.0.0.1", "192.0.2.1"], ttl: 60, silent: false };
    const server = await dnsServer(records);
    try {
      const resolver = new Resolver(new AddressGuard([]), [server.at]);
      expect(await resolver.resolve("mixed.test")).toEqual(["192.0.2.1"]);
      records.addresses = ["169.254.169.254"];
      await expect(resolver.resolve("rebound.test")).rejects.toThrow(
        "rebound.test has no permitted address (has 169.254.169.254)",
      );
    } finally {
      server.close();
    }
  });

  test("reads the hosts file", () => {
    expect(
      parseHosts("127.0.0.1 localhost # here\n::1 LOCALHOST ip6\n\nnonsense x\n").get("localhost"),
    ).toEqual(["127.0.0.1", "::1"]);
  });
});

describe("addresses refused after resolution", () => {
  test.each([
    "127.0.0.1",
    "127.255.0.1",
    "0.0.0.0",
    "169.254.169.254",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::169.254.169.254",
    "2002:7f00:1::",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "::ffff:0:7f00:1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
  ])("%s", (address) => expect(new AddressGuard([]).permits(address)).toBe(false));

  test.each([
    "10.0.0.1",
    "192.168.1.1",
    "192.0.2.1",
    "2001:db8::1",
    "fd12::1",
    "64:ff9b::c000:201",
    "::ffff:0:10.0.0.1",
  ])("but not %s", (address) => expect(new AddressGuard([]).permits(address)).toBe(true));

  test("unless allowed", () => {
    expect(new AddressGuard(["127.0.0.0/8"]).permits("127.0.0.1")).toBe(true);
    expect(new AddressGuard(["127.0.0.0/8"]).permits("::ffff:127.0.0.1")).toBe(true);
    expect(new AddressGuard(["127.0.0.0/8"]).permits("::1")).toBe(false);
  });
});

describe("patterns of origins", () => {
  const list = new AllowList(["api.example.com", "*.example.org"], false);
  test.each(["api.example.com", "a.example.org", "a.b.example.org"])("%s is allowed", (host) =>
    expect(list.allows(host)).toBe(true),
  );
  test.each([
    "example.com",
    "x.api.example.com",
    "example.org",
    "aexample.org",
    "evil.com",
    "a.example.org.evil.com",
  ])("%s is not", (host) => expect(list.allows(host)).toBe(false));
});

describe("failing addresses and origins", () => {
  test("an address that refuses connections goes last; success brings it back", () => {
    const book = new AddressBook(3);
    book.update(["a", "b"].map(equalPlace));
    book.refused("a");
    expect(book.order()).toEqual(["b", "a"]);
    book.worked("a");
    expect(book.order()).toEqual(["a", "b"]);
  });

  test("an address that disappoints is set aside, unless it is the last", () => {
    const book = new AddressBook(2);
    book.update(["a", "b"].map(equalPlace));
    for (let i = 0; i < 4; i++) book.failed("a");
    expect(book.isAside("a")).toBe(true);
    for (let i = 0; i < 4; i++) book.failed("b");
    expect(book.isAside("b")).toBe(false);
  });

  test("a circuit opens after failures in a row, lets one request through after the pause, and closes with its success", () => {
    const circuit = new Circuit(2, 0);
    circuit.failed();
    expect(circuit.admits()).toBe(true);
    circuit.failed();
    expect(circuit.state).toBe("half-open");
    expect(circuit.admits()).toBe(true);
    expect(circuit.admits()).toBe(false);
    circuit.succeeded();
    expect(circuit.state).toBe("closed");
    const lasting = new Circuit(1, 60);
    lasting.failed();
    expect([lasting.state, lasting.admits()]).toEqual(["open", false]);
  });
});
