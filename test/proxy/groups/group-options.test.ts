import { BadValue } from "../../../proxy/options/option-error";
import { readGroups } from "../../../proxy/options/group-values";

const bad = (value: unknown): string => {
  try {
    readGroups(value);
  } catch (error) {
    if (error instanceof BadValue) return error.message;
    throw error;
  }
  throw new Error("no error");
};

test("GIVEN nothing but URLs WHEN they are read THEN the rest is as the manual says", () => {
  expect(readGroups({ "Search.example.com": ["https://a.example.com", "http://b.example.com:81"] })).toEqual([
    {
      name: "search.example.com",
      origins: [
        { host: "a.example.com", port: 443, tls: true, limit: 0, warm: 1, keepHost: false },
        { host: "b.example.com", port: 81, tls: false, limit: 0, warm: 1, keepHost: false },
      ],
      connectTimeout: 1,
      firstByteTimeout: 1,
      circuitFailures: 5,
      circuitPause: 5,
      returnTime: 10,
      retryBudget: 0.2,
      hedge: false,
    },
  ]);
});

test.each([
  [[], "groups: [] is not an object of groups by name"],
  [{ "a b": [] }, 'groups.a b: "a b" is not a name or name:port'],
  [{ a: "https://b" }, 'groups.a: "https://b" is not a list of origins, or an object'],
  [{ a: [] }, "groups.a.origins: [] is not a list of at least one origin"],
  [
    { a: ["b.example.com"] },
    'groups.a.origins[0]: "b.example.com" is not http://host[:port] or https://host[:port]',
  ],
  [
    { a: [{ weight: 1 }] },
    "groups.a.origins[0].url: undefined is not http://host[:port] or https://host[:port]",
  ],
  [
    { a: [{ url: "http://b", wieght: 1 }] },
    'groups.a.origins[0]: "wieght" is not one of url, weight, limit, warm, host, peer',
  ],
  [{ a: [{ url: "http://b", host: "own" }] }, 'groups.a.origins[0].host: "own" is not "keep"'],
  [
    { a: [{ url: "http://b", peer: "proxy.us.consul" }] },
    'groups.a.origins[0].url: "http://b" is not https://host[:port]',
  ],
  [
    { a: [{ url: "https://b", peer: "proxy.us.consul", host: "keep" }] },
    'groups.a.origins[0].host: "keep" is not left out where there is a peer, which keeps it anyway',
  ],
  [
    { a: [{ url: "https://b", peer: "Proxy.us.consul" }] },
    'groups.a.origins[0].peer: "Proxy.us.consul" is not a name in lower case, e.g. proxy.us.consul',
  ],
  [
    { a: [{ url: "https://b", peer: "10.0.0.1" }] },
    'groups.a.origins[0].peer: "10.0.0.1" is not a name in lower case, e.g. proxy.us.consul',
  ],
  [
    { a: ["http://_b._tcp.service.consul:80"] },
    'groups.a.origins[0]: "http://_b._tcp.service.consul:80" is not a service without a port, which its SRV records tell',
  ],
  [
    { a: [{ url: "https://_b._tcp.service.consul" }] },
    'groups.a.origins[0].url: "https://_b._tcp.service.consul" is not a service by http://, or with "host": "keep" or a peer: no certificate has such a name',
  ],
  [
    { a: [{ url: "http://b", weight: 0 }] },
    "groups.a.origins[0].weight: 0 is not a whole number from 1 to 1000000",
  ],
  [
    { a: ["http://b", "http://b:80"] },
    'groups.a.origins[1]: "http://b:80" is not another origin than those before it',
  ],
  [{ a: { origins: ["http://b", "http://c"], hedge: "yes" } }, 'groups.a.hedge: "yes" is not true or false'],
  [
    { a: { origins: ["http://b"], hedge: true } },
    "groups.a.hedge: true is not false, or another origin that can be asked too",
  ],
  [{ a: { origins: ["http://b"], retryBudget: 2 } }, "groups.a.retryBudget: 2 is not a number from 0 to 1"],
  [
    { a: { origins: ["http://b"], stale: { ifErrors: "1h" } } },
    'groups.a.stale: "ifErrors" is not one of ifError, bytes',
  ],
  [
    { a: { origins: ["http://b"], stale: { bytes: 1 } } },
    "groups.a.stale.bytes: 1 is not a whole number from 65536 to 1073741824",
  ],
  [
    { a: { origins: ["http://b"], check: { path: "x" } } },
    'groups.a.check.path: "x" is not a path, e.g. /healthz',
  ],
  [
    { a: { origins: ["http://b"], check: { path: "/", interval: 0 } } },
    "groups.a.check.interval: 0 is not at least 100ms",
  ],
])("GIVEN %j WHEN it is read THEN the error says where, what and what was expected", (value, message) => {
  expect(bad(value)).toBe(message);
});

test("GIVEN weights for some origins only WHEN they are read THEN that is refused", () => {
  expect(bad({ a: ["http://b", { url: "http://c", weight: 1 }] })).toContain(
    "either a weight for each origin, or for none",
  );
});
