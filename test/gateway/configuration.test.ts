import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gatewayLab } from "./gateway-lab";
import { GATEWAY_DEFINITIONS, readConfiguration } from "../../gateway/options/configuration";

const lab = gatewayLab();
const SERVICES = { search: "http://search.service.consul:8080" };
const MONOLITH = "http://monolith.example.com";
const route = (more: object): object => ({
  services: SERVICES,
  monolith: MONOLITH,
  routes: { a: { path: "/a", service: "search", ...more } },
});

test.each<[string, object, string]>([
  ["no service", {}, "services: {} is not at least one service"],
  ["an unknown key", { ...route({}), colour: 1 }, "colour: unknown key, with value 1"],
  ["an option of the proxy's", { ...route({}), allow: ["*"] }, 'allow: unknown key, with value ["*"]'],
  [
    "a door for other regions' proxies",
    { ...route({}), peerListen: "127.0.0.1:8443" },
    'peerListen: unknown key, with value "127.0.0.1:8443"',
  ],
  [
    "another region's proxies as an origin",
    {
      services: {
        search: { origins: ["https://b", { url: "https://c", peer: "proxy.us.consul" }] },
      },
    },
    'services.search.origins[1].peer: "proxy.us.consul" is not left out: proxies alone have peers',
  ],
  ["no URL", { services: { search: "search:80" } }, 'services.search: "search:80" is not http://host[:port]'],
  [
    "the monolith's name",
    { services: { monolith: MONOLITH } },
    'services.monolith: "monolith" is not another name',
  ],
  [
    "a service nobody knows",
    route({ service: "serach" }),
    'routes.a.service: "serach" is not one of search, monolith',
  ],
  ["an unknown key of a route", route({ paht: 1 }), 'routes.a: "paht" is not one of hosts, path'],
  ["a relative path", route({ path: "a" }), 'routes.a.path: "a" is not a path such as'],
  ["** in the middle", route({ path: "/a/**/b" }), 'routes.a.path: "/a/**/b" is not a path'],
  ["a variable twice", route({ path: "/{a}/{a}" }), 'routes.a.path: "/{a}/{a}" is not a path'],
  ["a dot segment", route({ path: "/a/../b" }), 'routes.a.path: "/a/../b" is not a path'],
  [
    "a variable from nowhere",
    route({ rewrite: "/{id}" }),
    'routes.a.rewrite: "/{id}" is not a path whose variables',
  ],
  ["a host with a port", route({ hosts: ["a:80"] }), 'routes.a.hosts[0]: "a:80" is not a name or *.name'],
  ["a method in lower case", route({ methods: ["get"] }), 'routes.a.methods[0]: "get" is not a method'],
  [
    "a header that is none",
    route({ headers: { "a b": "c" } }),
    'routes.a.headers.a b: "a b" is not a field name',
  ],
  [
    "a time that is none",
    route({ timeout: "1 fortnight" }),
    'routes.a.timeout: "1 fortnight" is not seconds',
  ],
  ["half a request", route({ maxConcurrent: 0.5 }), "routes.a.maxConcurrent: 0.5 is not a whole number"],
  ["a percentage", route({ share: 10 }), "routes.a.share: 10 is not a number from 0 to 1"],
  [
    "a share of nobody",
    route({ share: 0.1 }),
    "routes.a.sticky: undefined is not by what users are told apart",
  ],
  [
    "two identities",
    route({ sticky: { header: "a", cookie: "b" } }),
    'routes.a.sticky: {"header":"a","cookie":"b"} is not',
  ],
  [
    "a share without a monolith",
    { services: SERVICES, routes: { a: { path: "/a", service: "search", share: 0 } } },
    "routes.a.share: 0 is not 1 where there is no monolith",
  ],
  [
    "a shadow nobody knows",
    route({ shadow: { service: "serach" } }),
    'routes.a.shadow.service: "serach" is not one of search, monolith',
  ],
  ["a shadow that is nobody", route({ shadow: {} }), "routes.a.shadow.service: undefined is not the name of"],
  [
    "a shadow of the monolith in itself",
    route({ service: "monolith", shadow: { service: "monolith" } }),
    'routes.a.shadow.service: "monolith" is not another service',
  ],
  [
    "a shadow without another side",
    { services: SERVICES, routes: { a: { path: "/a", service: "search", shadow: { service: "search" } } } },
    'routes.a.shadow.service: "search" is not another service',
  ],
  [
    "a shadow's unknown key",
    route({ shadow: { service: "search", colour: 1 } }),
    'routes.a.shadow: "colour" is not one of service, share',
  ],
  [
    "a pointer that is none",
    route({ shadow: { service: "search", ignore: ["/a", "took"] } }),
    'routes.a.shadow.ignore[1]: "took" is not a JSON pointer',
  ],
  [
    "a shadow of methods that the route does not take",
    route({ methods: ["GET"], shadow: { service: "search", methods: ["POST"] } }),
    'routes.a.shadow.methods: ["POST"] is not of the methods that the route takes, GET, HEAD',
  ],
  [
    "a shadow of nothing",
    route({ methods: ["POST"], shadow: { service: "search" } }),
    "routes.a.shadow.methods: undefined is not of the methods that the route takes, POST",
  ],
  [
    "no time for a shadow",
    route({ shadow: { service: "search", timeout: 0 } }),
    "routes.a.shadow.timeout: 0 is not more than 0 s",
  ],
  [
    "more of a body than a shadow keeps",
    route({ shadow: { service: "search", maxBytes: 2e6 } }),
    "routes.a.shadow.maxBytes: 2000000 is not a whole number",
  ],
  [
    "two routes for the same requests",
    {
      services: SERVICES,
      routes: { a: { path: "/{x}", service: "search" }, b: { path: "/{y}", service: "search" } },
    },
    'routes.b: "b" is not another route than a, which takes the same requests',
  ],
])(
  "GIVEN a file with %s WHEN it is read THEN the error names file, path, value and what was expected",
  (_, config, said) => {
    const file = lab.written(config);
    expect(() => readConfiguration(file)).toThrow(`${file}: ${said}`);
  },
);

test("GIVEN routes on their way out of the monolith WHEN the file is checked THEN it tells how much is left there", () => {
  const file = lab.written({
    services: SERVICES,
    monolith: MONOLITH,
    routes: {
      moved: { path: "/a", service: "search" },
      moving: { path: "/b", service: "search", share: 0.25, sticky: { cookie: "session" } },
      staying: { path: "/c", service: "monolith" },
    },
  });
  const checked = lab.run("--config", file, "--check");
  expect(checked).toEqual({
    code: 0,
    said: "configuration is valid\nleft in the monolith: 1.75 of 3 routes, and whatever no route takes\n",
  });
  // AND a bad file, or none, is told with exit code 1
  const bad = lab.run("--config", lab.written({ services: { search: 1 } }), "--check");
  expect(bad.code).toBe(1);
  expect(bad.said).toMatch(
    /^tricloud-gateway: .*gateway-\d+\.json: services\.search: 1 is not a URL, or an object/,
  );
  expect(lab.run("--check")).toMatchObject({ code: 1 });
  expect(lab.run("--help")).toMatchObject({ code: 0 });
});

describe("GIVEN the manual", () => {
  const manual = readFileSync(join(__dirname, "../../docs/gateway.md"), "utf8");

  test.each(Object.keys(GATEWAY_DEFINITIONS))("THEN it has %s", (name) => {
    expect(manual).toContain(`\`${name}\``);
  });

  test("THEN its example is valid", () => {
    const [, example] = /```json\n([\s\S]*?)```/.exec(manual)!;
    const file = lab.written(JSON.parse(example!) as object);
    expect(readConfiguration(file).routes.length).toBeGreaterThan(2);
  });
});
