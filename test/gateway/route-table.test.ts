import { type PathPattern, readPathPattern, rewritten } from "../../gateway/routes/path-pattern";
import { type Routable, RouteTable } from "../../gateway/routes/route-table";

const pattern = (text: string): PathPattern => readPathPattern(text)!;

interface Named extends Routable {
  readonly name: string;
}

const route = (path: string, more: Partial<Named> = {}): Named => ({
  name: path,
  hosts: [],
  path: pattern(path),
  methods: [],
  headers: {},
  ...more,
});

function found(
  routes: readonly Named[],
  path: string,
  { host = "", method = "GET", headers = {} as Record<string, string> } = {},
): string | undefined {
  const asked = { method, path, host, fieldValue: (name: string) => headers[name] };
  return new RouteTable(routes).find(asked)?.name;
}

describe("GIVEN routes by path", () => {
  const routes = [
    "/",
    "/a",
    "/a/",
    "/a/{x}",
    "/a/b",
    "/a/**",
    "/a/{x}/c",
    "/a/b/d",
    "/%7Euser/%2f",
    "/deep/**",
  ].map((path) => route(path));

  test.each([
    ["/", "/"],
    ["/a", "/a"],
    ["/a/", "/a/"],
    ["/a/b", "/a/b"],
    ["/a/x", "/a/{x}"],
    // A text that leads nowhere does not hide the variable beside it.
    ["/a/b/c", "/a/{x}/c"],
    ["/a/b/d", "/a/b/d"],
    ["/a/x/y/z", "/a/**"],
    ["/a/x/", "/a/**"],
    ["/a//c", "/a/**"],
    ["/deep", "/deep/**"],
    ["/deep/", "/deep/**"],
    ["/deeper", undefined],
    ["/A", undefined],
    ["//a", undefined],
    // The same path, written otherwise.
    ["/%61", "/a"],
    ["/~user/%2F", "/%7Euser/%2f"],
    // What stands for a slash is none.
    ["/a%2Fb", undefined],
    ["*", undefined],
  ])("WHEN %s is asked for THEN %s takes it", (path, name) => {
    expect(found(routes, path)).toBe(name);
  });
});

test("GIVEN routes by host WHEN several fit THEN a host's own comes before *. and any, as far as they take the path", () => {
  const routes = [
    route("/**", { name: "any" }),
    route("/**", { name: "all below", hosts: ["*.example.com"] }),
    route("/**", { name: "further below", hosts: ["*.eu.example.com"] }),
    route("/only", { name: "own", hosts: ["api.example.com"] }),
  ];
  const at = (host: string, path = "/only"): string | undefined => found(routes, path, { host });
  expect(at("api.example.com")).toBe("own");
  expect(at("API.Example.Com:8080")).toBe("own");
  expect(at("api.example.com", "/other")).toBe("all below");
  expect(at("a.b.example.com")).toBe("all below");
  expect(at("a.eu.example.com")).toBe("further below");
  expect(at("example.com")).toBe("any");
  expect(at("notexample.com")).toBe("any");
});

test("GIVEN routes of one path WHEN several fit THEN who asks for more has it, and what none takes goes to a shorter path", () => {
  const routes = [
    route("/**", { name: "rest" }),
    route("/a", { name: "posts", methods: ["POST"] }),
    route("/a", { name: "beta", headers: { "x-beta": true } }),
    route("/a", { name: "version 2", headers: { "x-version": "2", "x-beta": false } }),
  ];
  const of = (method: string, headers: Record<string, string>): string | undefined =>
    found(routes, "/a", { method, headers });
  expect(of("GET", {})).toBe("rest");
  expect(of("POST", {})).toBe("posts");
  expect(of("POST", { "x-beta": "" })).toBe("beta");
  expect(of("GET", { "x-version": "2" })).toBe("version 2");
  expect(of("GET", { "x-version": "2", "x-beta": "1" })).toBe("beta");
  expect(of("GET", { "x-version": "3" })).toBe("rest");
});

test("GIVEN a thousand routes WHEN a request is routed THEN no route of another path is looked at", () => {
  const looked: string[] = [];
  const observed = (path: string): Named => {
    const made = route(path);
    return Object.defineProperty({ ...made }, "methods", {
      get: () => {
        looked.push(path);
        return made.methods;
      },
    });
  };
  const table = new RouteTable(Array.from({ length: 1_000 }, (_, i) => observed(`/r${i}/{id}`)));
  looked.length = 0;
  const asked = { method: "GET", path: "/r777/1", host: "a.example.com", fieldValue: () => undefined };
  expect(table.find(asked)?.name).toBe("/r777/{id}");
  expect(looked).toEqual(["/r777/{id}"]);
});

test.each([
  ["/v1/items/{id}", "/items/{id}", "/v1/items/7%2F8", "/items/7%2F8"],
  ["/{a}/{b}", "/{b}/{a}", "/x/y", "/y/x"],
  ["/v1/**", "/**", "/v1/a//b/", "/a//b/"],
  ["/v1/**", "/**", "/v1", "/"],
  ["/v1/**", "/new/**", "/v1", "/new"],
  ["/v1/**", "/new", "/v1/a", "/new"],
  ["/{tenant}/**", "/t/{tenant}/**", "/acme/a", "/t/acme/a"],
  ["/a", "/", "/a", "/"],
])(
  "GIVEN path %s that becomes %s WHEN %s is asked for THEN the service is asked for %s",
  (path, rewrite, asked, made) => {
    expect(rewritten(pattern(path), pattern(rewrite), asked)).toBe(made);
  },
);
