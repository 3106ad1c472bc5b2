import {
  type DedicatedRegionInput,
  type Ec2RegionInput,
  validateRegions,
} from "../../../../stacks/values/regions";
import {
  InvalidServicesError,
  type ServiceInput,
  type ServiceValue,
  validateServices,
} from "../../../../stacks/values/services";
import { placed } from "../../../../stacks/values/services/service-placement";
import ukRegion from "../../../../regions/uk";
import usRegion from "../../../../regions/us";
import { dedicatedRegionValue, hostKeyOf } from "../regions/region-values";

const DIGEST = `sha256:${"1".repeat(64)}`;
const web = (changes: Partial<Record<keyof ServiceInput, unknown>> = {}) => ({
  name: "web",
  image: `web@${DIGEST}`,
  port: 8080,
  health: { path: "/healthz" },
  in: { jp: {} },
  ...changes,
});

const shop = (changes: Parameters<typeof web>[0] = {}) => web({ name: "shop", ...changes });

/** Five servers for applications in three racks, one of them a proxy too, and a registry. */
const region = (changes: Partial<DedicatedRegionInput> = {}) => {
  const { servers, ...rest } = dedicatedRegionValue();
  const apps = ["a", "a", "a", "b", undefined].map((rack, index) => ({
    name: `jp-${index + 4}`,
    address: `10.10.1.${index + 4}`,
    hostKey: hostKeyOf(index + 4),
    roles: index === 0 ? (["app", "proxy"] as const) : (["app"] as const),
    rack,
  }));
  const others = servers.map((server) => ({
    ...server,
    roles: server.roles.filter((role) => role !== "app"),
  }));
  return {
    ...rest,
    servers: [...others, ...apps],
    registry: { address: "registry.example.com/shop" },
    ...changes,
  } as DedicatedRegionInput;
};

/** With a registry, and without what takes the port of its application. */
const usWith = (changes: Partial<Ec2RegionInput> = {}): Ec2RegionInput => ({
  ...usRegion,
  entrance: undefined,
  registry: { address: "registry.example.com/shop" },
  ...changes,
});

const read = (values: readonly unknown[], jp = region(), us = usWith()): readonly ServiceValue[] =>
  validateServices(
    values.map((value, index) => ({ file: `/services/${index}.json`, value })),
    validateRegions([
      { file: "jp.json", value: jp },
      { file: "us.json", value: us },
      { file: "uk.json", value: ukRegion },
    ]),
  );

const problemsOf = (values: readonly unknown[], jp?: DedicatedRegionInput, us?: Ec2RegionInput): string[] => {
  try {
    read(values, jp, us);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidServicesError)) throw error;
    return error.message.split("\n");
  }
};

describe("validateServices", () => {
  it("fills in defaults", () => {
    // GIVEN a service that says only what has no default WHEN it is validated
    const [service] = read([web()]);
    // THEN the rest is there
    expect(service).toEqual({
      ...web(),
      health: { path: "/healthz", startSeconds: 60 },
      routes: {},
      env: {},
      secrets: [],
      memoryMegabytes: 512,
      drainSeconds: 30,
      calls: [],
      answerSeconds: 10,
      degradesWithout: [],
      tasks: {},
      in: { jp: {} },
      entrances: [],
      nearest: {},
      peers: [],
      named: [],
    });
  });

  describe("with a database", () => {
    const database: NonNullable<DedicatedRegionInput["database"]> = {
      ...{ engine: "mysql", host: "10.10.0.9", databaseName: "shop", user: "shop" },
      ...{ availability: 0.999, source: "assumed" },
    };

    it("are taken where all of their regions have it", () => {
      const services = [web({ database: "main", in: { jp: {}, us: {} } })];
      expect(read(services, region({ database }))[0]!.database).toBe("main");
    });

    it.each<[string, DedicatedRegionInput, string]>([
      [
        "that a region lacks",
        region(),
        "expected region jp to have a database, for the service runs there (its field database)",
      ],
      [
        "that a region calls otherwise",
        region({ database: { ...database, name: "orders" } }),
        "expected the database of region jp (orders), for the service runs there",
      ],
    ])("%s are refused with region, path and value", (_what, jp, expectation) => {
      // GIVEN one that another region has
      const services = [web({ database: "main", in: { jp: {}, us: {} } })];
      // WHEN / THEN
      expect(problemsOf(services, jp)).toEqual([`service web: database: ${expectation}, got: "main"`]);
    });

    it("are refused a secret that is called as a part of it", () => {
      const services = [web({ database: "main", secrets: ["session-key", "database-url"] })];
      expect(problemsOf(services, region({ database }))).toEqual([
        'service web: secrets[1]: expected another name, for a part of database main has it (database-url, database-host, database-port, database-name, database-user, database-password, database-ssl-mode, database-ca), got: "database-url"',
      ]);
      // AND may have it without one
      expect(problemsOf([web({ secrets: ["database-url"] })])).toEqual([]);
    });
  });

  it("takes tasks before releases and at times, in regions of their own", () => {
    // GIVEN / WHEN
    const tasks = {
      migrate: { command: ["node", "migrate.js"], when: "before-release" },
      report: { command: ["report"], every: "03:00 Asia/Tokyo", timeoutSeconds: 60, in: ["jp"] },
      sweep: { command: ["sweep"], every: "15 minutes" },
    };
    const [service] = read([web({ tasks })]);
    // THEN
    expect(service!.tasks).toEqual({
      migrate: { ...tasks.migrate, timeoutSeconds: 600 },
      report: tasks.report,
      sweep: { ...tasks.sweep, timeoutSeconds: 600 },
    });
  });

  it.each<[string, object, string]>([
    [
      "no time at all",
      { every: "at three" },
      'every: expected a time from 00:00 to 23:59 and its zone, such as 03:00 Asia/Tokyo, or an interval such as 15 minutes, got: "at three"',
    ],
    [
      "an hour that no day has",
      { every: "24:00 UTC" },
      'every: expected a time from 00:00 to 23:59 and its zone, such as 03:00 Asia/Tokyo, or an interval such as 15 minutes, got: "24:00 UTC"',
    ],
    [
      "a zone that there is not",
      { every: "03:00 Asia/Osaka" },
      'every: expected a time zone of the tz database such as Asia/Tokyo or UTC, got zone Asia/Osaka, got: "03:00 Asia/Osaka"',
    ],
    [
      "minutes that drift over an hour",
      { every: "7 minutes" },
      'every: expected minutes that divide an hour: 15 minutes, got: "7 minutes"',
    ],
    [
      "both a release and a time",
      { every: "03:00 UTC", when: "before-release" },
      'every: expected when or every, not both: when is before-release, got: "03:00 UTC"',
    ],
    [
      "neither",
      {},
      "when: expected when or every: before-release, or a time such as 03:00 Asia/Tokyo, got: nothing",
    ],
    ["another moment", { when: "after-release" }, 'when: expected before-release, got: "after-release"'],
    [
      "no program",
      { every: "03:00 UTC", command: [] },
      "command: expected a program, and arguments where it takes any, got: []",
    ],
    [
      "no time to run in",
      { every: "03:00 UTC", timeoutSeconds: 0 },
      "timeoutSeconds: expected seconds from 1 to 86400, got: 0",
    ],
    [
      "a region without the service",
      { every: "03:00 UTC", in: ["us"] },
      'in[0]: expected a region that the service runs in (jp), got: "us"',
    ],
    ["an unknown field", { every: "03:00 UTC", retries: 2 }, "retries: expected no such field, got: 2"],
  ])("refuses a task with %s", (_what, changes, problem) => {
    expect(problemsOf([web({ tasks: { report: { command: ["report"], ...changes } } })])).toEqual([
      `service web: tasks.report.${problem}`,
    ]);
  });

  it("refuses tasks by what their regions can do", () => {
    const first = { command: ["migrate"], when: "before-release" };
    expect(problemsOf([web({ tasks: { Migrate: first } })])).toEqual([
      'service web: tasks.Migrate: expected a task\'s name of lower-case words with hyphens between them, at most 20 characters, such as migrate, got: {"command":["migrate"],"when":"before-release"}',
    ]);
    // GIVEN machines that must have started in less time than the task may take
    const slow = web({ in: { us: {} }, tasks: { migrate: { ...first, timeoutSeconds: 900 } } });
    expect(problemsOf([slow])).toEqual([
      "service web: tasks.migrate.timeoutSeconds: expected less than the 900 s in which a machine of us must have started (bootTimeoutSeconds), for it runs there, got: 900",
    ]);
    // GIVEN a name for which Kubernetes has no room
    const name = `a${"b".repeat(45)}`;
    expect(problemsOf([web({ name, in: { uk: {} }, tasks: { migrate: first } })])).toEqual([
      `service ${name}: tasks.migrate: expected a name of at most 52 characters with its service's in uk, got: "${name}--migrate"`,
    ]);
  });

  it.each<[string, unknown, string]>([
    ["no object", 7, "service /services/0.json: expected an object, got: 7"],
    ["an unknown field", { ...web(), replicas: 2 }, "service web: replicas: expected no such field, got: 2"],
    [
      "a tag in place of a digest",
      web({ image: "web:1.2" }),
      'service web: image: expected an image by its digest, REPOSITORY@sha256:...: what a tag names can change between two hosts of one release (npx tricloud push prints it), got: "web:1.2"',
    ],
    [
      "a tag beside a digest",
      web({ image: `web:1.2@${DIGEST}` }),
      "service web: image: expected a repository without tag in front of the @, in lower case",
    ],
    [
      "half a digest",
      web({ image: "web@sha256:12" }),
      "service web: image: expected sha256: and 64 lower-case hex digits after the @",
    ],
    ["a port of root's", web({ port: 80 }), "service web: port: expected a port from 1024 to 65535"],
    [
      "a health path that a shell would take apart",
      web({ health: { path: "/healthz;id" } }),
      'service web: health.path: expected a path such as /healthz, of letters, digits and ._~/?=&+-, got: "/healthz;id"',
    ],
    [
      "a variable that the platform sets",
      web({ env: { PORT: "1" } }),
      "service web: env.PORT: expected no such variable, for every container is told it already",
    ],
    [
      "a secret whose name leads elsewhere",
      web({ secrets: ["../shadow"] }),
      "service web: secrets[0]: expected lower-case words with hyphens between them, such as session-key",
    ],
    [
      "a secret that is named twice",
      web({ secrets: ["session-key", "session-key"] }),
      "service web: secrets[1]: expected each secret once",
    ],
    [
      "a variable with a line break",
      web({ env: { MOTD: "a\nb" } }),
      "service web: env.MOTD: expected a text without line breaks",
    ],
    [
      "a region that there is not",
      web({ in: { kr: {} } }),
      'service web: in: expected regions that there are (jp, us, uk), got: "kr"',
    ],
    [
      "more machines than a group may have",
      web({ in: { us: { instances: 101 } } }),
      "service web: in.us.instances: expected at most 100, one a machine, got: 101",
    ],
    [
      "more when busy than a group may have",
      web({ in: { us: { atMost: 101 } } }),
      "service web: in.us.atMost: expected no less than the 3 machines that there always are, and at most 100, got: 101",
    ],
    [
      "fewer when busy than always",
      web({ in: { us: { instances: 5, atMost: 4 } } }),
      "service web: in.us.atMost: expected no less than the 5 machines that there always are, and at most 100, got: 4",
    ],
    [
      "another number of machines that Consul counts on",
      web({ in: { us: { on: "consul-server", instances: 4 } } }),
      "service web: in.us.instances: expected no more than one on each of the 3 machines with role consul-server, whose number decides for Consul, got: 4",
    ],
    [
      "a changing number of machines that Consul counts on",
      web({ in: { us: { on: "consul-server", atMost: 6 } } }),
      "service web: in.us.atMost: expected no such field, for the number of machines with role consul-server decides for Consul, got: 6",
    ],
    [
      "Consul's port on a group's machines",
      web({ port: 8500, in: { us: {} } }),
      "service web: port: expected a port that is free on machines with role app of region us, where Consul has it, got: 8500",
    ],
    [
      "an upper limit where servers are as many as they are",
      web({ in: { jp: { atMost: 12 } } }),
      "service web: in.jp.atMost: expected no such field, for the servers of jp are as many as they are, got: 12",
    ],
    [
      "a role in a cluster",
      shop({ in: { uk: { on: "proxy" } } }),
      'service shop: in.uk.on: expected no such field, for no machine of uk has a role, got: "proxy"',
    ],
    [
      "an upper limit below the instances",
      shop({ in: { uk: { atMost: 2 } } }),
      "service shop: in.uk.atMost: expected no less than its 3 instances, got: 2",
    ],
    [
      "the name of other pods' account",
      shop({ name: "app", in: { uk: {} } }),
      `service app: name: expected another name, for it is that of other pods' account, got: "app"`,
    ],
    [
      "the name of what the internet reaches",
      web({ in: { uk: {} } }),
      'service web: name: expected another name, for it is that of what the entrance of uk leads to (entrance.backend.service), got: "web"',
    ],
    [
      "another port than the entrance leads to",
      shop({ name: "app", in: { uk: {} } }),
      "service app: port: expected port and health path that the entrance of uk leads to (80 and /healthz of entrance.backend), got: 8080",
    ],
    ["no region", web({ in: {} }), "service web: in: expected one region at least"],
    [
      "more instances than servers",
      web({ in: { jp: { instances: 6 } } }),
      "service web: in.jp.instances: expected no more than one on each of the 5 servers of jp with role app, got: 6",
    ],
    [
      "a role that nobody has",
      web({ in: { jp: { on: "front" } } }),
      'service web: in.jp.on: expected one of consul-server, proxy, app, got: "front"',
    ],
    [
      "Consul's name",
      web({ name: "consul" }),
      'service consul: name: expected another name than consul, proxy and front have, got: "consul"',
    ],
    [
      "Consul's port",
      web({ port: 8500 }),
      "service web: port: expected a port that is free on jp-4 of region jp, where Consul has it, got: 8500",
    ],
    [
      "the proxy's port on a server with both roles",
      web({ port: 9300 }),
      "service web: port: expected a port that is free on jp-4 of region jp, where the proxy has it, got: 9300",
    ],
    [
      "a call to nobody",
      web({ calls: ["serach"] }),
      'service web: calls[0]: expected a service that there is (web), or an origin such as https://api.example.com, got: "serach"',
    ],
    [
      "a call that is no name",
      web({ calls: ["ftp://example.com"] }),
      'service web: calls[0]: expected the name of a service, or an origin such as https://api.example.com, got: "ftp://example.com"',
    ],
    [
      "a soft call that is none",
      web({ degradesWithout: ["search"] }),
      'service web: degradesWithout[0]: expected one of calls (none), got: "search"',
    ],
    [
      "a substitute that the proxies would not take",
      web({ substitute: { body: 7 } }),
      "service web: substitute.body: expected a text of at most 8192 bytes, got: 7",
    ],
    [
      "a bound on what is kept that is none",
      web({ stale: { bytes: "much" } }),
      'service web: stale.bytes: expected a whole number from 65536 to 1073741824, got: "much"',
    ],
    [
      "releases of which more than all fail",
      web({ releases: { perMonth: 20, failureShare: 2, hoursToTakeBack: 1 } }),
      "service web: releases.failureShare: expected a share from 0 to 1, got: 2",
    ],
    [
      "releases that take longer to take back than there is time",
      web({ releases: { perMonth: 20, failureShare: 1, hoursToTakeBack: 40 } }),
      "service web: releases: expected bad releases that are taken back within the 720 hours of 30 days, all of them together, got: ",
    ],
  ])("refuses %s, naming service, path and value", (_, value, message) => {
    expect(problemsOf([value]).join("\n")).toContain(message);
  });

  it("refuses a name, and a port of a server, that another service has", () => {
    expect(problemsOf([web(), web({ port: 8081 })])).toEqual([
      'service web: name: expected a name that no other service has, got: "web"',
    ]);
    expect(problemsOf([web(), web({ name: "search", in: { jp: { instances: 1 } } })])).toEqual([
      "service search: port: expected a port that is free on jp-4 of region jp, where service web has it, got: 8080",
    ]);
  });

  it("holds a service against what an entrance on EC2 leads to", () => {
    const entrance = { domain: "service.example.com", zone: "example.com" };
    const problems = (service: object, changes: object) =>
      problemsOf([service], undefined, usWith({ entrance: { ...entrance, ...changes } }));
    // GIVEN an entrance to an application that comes by other ways
    expect(problems(shop({ in: { us: {} } }), {})).toEqual([
      "service shop: port: expected a port that is free on machines with role app of region us, where what the entrance leads to has it, got: 8080",
    ]);
    expect(problems(web({ port: 8081, in: { us: {} } }), {})).toEqual([
      'service web: name: expected another name, for it is that of what the entrance of us leads to (entrance.service), got: "web"',
    ]);
    // GIVEN one to a service
    expect(problems(shop({ in: { us: {} } }), { service: "shop" })).toEqual([]);
    const both = [shop({ in: { us: {} } }), web({ port: 8081, in: { us: {} } })];
    expect(problemsOf(both, undefined, usWith({ entrance: { ...entrance, service: "shop" } }))).toEqual([]);
    expect(problems(shop({ port: 8081, in: { us: {} } }), { service: "shop" })).toEqual([
      "service shop: port: expected port and health path that the entrance of us leads to (8080 and /healthz of entrance), got: 8081",
    ]);
    expect(problems(shop(), { service: "shop" })).toEqual([
      "service shop: in.us: expected a service that runs in us, for its entrance leads there (entrance.service), got: nothing",
    ]);
  });

  it("lets two services that share no server have one port", () => {
    const on = { jp: { on: "proxy" } };
    const jp = region();
    const apart = {
      ...jp,
      servers: jp.servers.map((server) =>
        server.name === "jp-4" ? { ...server, roles: ["app" as const] } : server,
      ),
    };
    expect(problemsOf([web(), web({ name: "search", in: on })], apart)).toEqual([]);
  });

  it("refuses a circle of calls that none of them can do without, and takes one that is soft somewhere", () => {
    // GIVEN three services that call one another
    const circle = [
      web({ calls: ["search"] }),
      web({ name: "search", port: 8081, calls: ["users"] }),
      web({ name: "users", port: 8082, calls: ["web"] }),
    ];
    // THEN it is told once, with the way round
    expect(problemsOf(circle)).toEqual([
      "service web: calls: expected no service to need itself: name one of the calls in degradesWithout, got: web -> search -> users -> web",
    ]);
    expect(problemsOf([...circle.slice(0, 2), { ...circle[2], degradesWithout: ["web"] }])).toEqual([]);
  });

  it.each([{ substitute: { body: "[]" } }, { stale: {} }])(
    "takes %j in a service's place where all who call it can do without it",
    (standIn) => {
      const search = web({ name: "search", port: 8081, ...standIn });
      const soft = web({ calls: ["search"], degradesWithout: ["search"] });
      expect(problemsOf([search, soft])).toEqual([]);
      expect(problemsOf([search, soft, shop({ port: 8082, calls: ["search"] })])).toEqual([
        `service shop: calls[0]: expected shop to name it in degradesWithout, for proxies may answer in its place (search: ${Object.keys(standIn)[0]}), got: "search"`,
      ]);
    },
  );

  it("does not blame who calls a service that is wrong itself", () => {
    const search = web({ name: "search", port: 8081, substitute: {} });
    expect(problemsOf([web({ calls: ["search"] }), search])).toEqual([
      "service search: substitute.body: expected a text of at most 8192 bytes, got: nothing",
    ]);
  });

  it("wants a registry from the image or from the region", () => {
    const none = region({ registry: undefined });
    expect(problemsOf([web()], none)).toEqual([
      `service web: image: expected an image with its registry in front, for region jp names none (registry.address), got: "web@${DIGEST}"`,
    ]);
    for (const registry of ["registry.example.com", "10.0.0.1:5000", "localhost"]) {
      expect(problemsOf([web({ image: `${registry}/web@${DIGEST}` })], none)).toEqual([]);
    }
  });

  it("shows no secret that stands in a wrong place", () => {
    const [problem] = problemsOf([{ ...web(), password: "hunter2" }]);
    expect(problem).toContain("service web: password: expected no such field");
    expect(problem).not.toContain("hunter2");
  });
});

describe("placed", () => {
  const names = (instances: number | undefined, jp: DedicatedRegionInput) => {
    const [service] = read([web({ in: { jp: { instances } } })], jp);
    const [value] = validateRegions([{ file: "jp.json", value: jp }]);
    return placed(service!, value as Parameters<typeof placed>[1]).map(({ name }) => name);
  };

  it("takes each rack in turn, and all servers where nothing is said", () => {
    expect(names(3, region())).toEqual(["jp-4", "jp-7", "jp-8"]);
    expect(names(4, region())).toEqual(["jp-4", "jp-7", "jp-8", "jp-5"]);
    expect(names(undefined, region())).toHaveLength(5);
  });

  it("moves nothing when a server comes to a rack that holds as many as the others", () => {
    const jp = region();
    const one = {
      name: "jp-9",
      address: "10.10.1.9",
      hostKey: hostKeyOf(9),
      roles: ["app" as const],
      rack: "b",
    };
    expect(names(4, { ...jp, servers: [...jp.servers, one] })).toEqual(names(4, jp));
    expect(names(3, { ...jp, servers: [...jp.servers, one] })).toEqual(names(3, jp));
  });

  it("leaves out servers that are on their way out", () => {
    const jp = region();
    const servers = jp.servers.map((server) =>
      server.name === "jp-7" ? { ...server, retired: true } : server,
    );
    expect(names(3, { ...jp, servers })).toEqual(["jp-4", "jp-8", "jp-5"]);
  });
});

describe("the internet's way to services", () => {
  const at = (hosts: readonly string[], paths?: readonly string[]) => web({ public: { hosts, paths } });
  const withFronts = (front: DedicatedRegionInput["front"] = {}) => {
    const { servers, ...rest } = region();
    const last = servers.length - 1;
    return {
      ...rest,
      front,
      servers: servers.map((server, index) =>
        index === last ? { ...server, roles: [...server.roles, "front" as const] } : server,
      ),
    };
  };

  it("leads to all paths unless it says which", () => {
    expect(read([at(["www.example.com"])], withFronts())[0]!.public).toEqual({
      hosts: ["www.example.com"],
      paths: ["/"],
    });
  });

  it.each<[string, readonly unknown[], string]>([
    [
      "a region without fronts",
      [at(["www.example.com"])],
      'service web: public.hosts: expected a server with role front in jp, for it runs there, got: ["www.example.com"]',
    ],
  ])("refuses %s", (_, values, problem) => {
    expect(problemsOf(values)).toEqual([problem]);
  });

  it.each<[string, readonly unknown[], string]>([
    [
      "a name that is none",
      [at(["www_1.example.com"])],
      'service web: public.hosts[0]: expected a host name in lower case such as www.example.com, got: "www_1.example.com"',
    ],
    ["a name alone", [at(["www"])], "service web: public.hosts[0]: expected a host name"],
    ["an address", [at(["192.0.2.1"])], "service web: public.hosts[0]: expected a host name"],
    [
      "a name twice",
      [at(["a.example.com", "a.example.com"])],
      "service web: public.hosts[1]: expected each once",
    ],
    ["no name", [at([])], "service web: public.hosts: expected one host at least"],
    [
      "a path that ends in /",
      [at(["www.example.com"], ["/api/"])],
      'service web: public.paths[0]: expected the beginning of paths, such as /api, of letters, digits and ._~- without a / at its end, got: "/api/"',
    ],
    [
      "a host and path of another service",
      [at(["www.example.com"]), { ...shop({ port: 8081 }), public: { hosts: ["www.example.com"] } }],
      'service shop: public.hosts[0]: expected a host that leads nowhere else at /: service web has it, got: "www.example.com"',
    ],
    [
      "the fronts' own name",
      [{ ...web(), name: "front" }],
      "service front: name: expected another name than",
    ],
    [
      "a port of the front's on one of its hosts",
      [web({ port: 9301 })],
      "service web: port: expected a port that is free on jp-8 of region jp, where the front has it, got: 9301",
    ],
  ])("refuses %s", (_, values, problem) => {
    const found = problemsOf(values, withFronts() as DedicatedRegionInput);
    expect(found).toEqual([expect.stringContaining(problem)]);
  });

  it("lets two services share a host by their paths", () => {
    const api = { ...shop({ port: 8081 }), public: { hosts: ["www.example.com"], paths: ["/api"] } };
    expect(problemsOf([at(["www.example.com"]), api], withFronts() as DedicatedRegionInput)).toEqual([]);
  });

  it("is in other regions what their entrance leads to", () => {
    const entrance = { domain: "www.example.com", zone: "example.com", service: "web" };
    const us = usWith({ entrance });
    const there = (hosts: readonly string[], paths?: readonly string[]) => ({
      ...at(hosts, paths),
      in: { us: {} },
    });
    expect(problemsOf([there(["www.example.com"])], undefined, us)).toEqual([]);
    expect(problemsOf([there(["shop.example.com", "www.example.org"])], undefined, us)).toEqual([
      'service web: public.hosts[1]: expected a name in the zone of the entrance of us (example.com), where its certificate is shown to be right, got: "www.example.org"',
    ]);
    expect(problemsOf([there(["www.example.com"], ["/api"])], undefined, us)).toEqual([
      'service web: public.paths: expected all of them (/), for the entrance of us leads to it what it leads to nobody else, got: ["/api"]',
    ]);
    expect(problemsOf([there(["www.example.com"])], undefined, usWith())).toEqual([
      'service web: public.hosts: expected region us to have an entrance, for it runs there, got: ["www.example.com"]',
    ]);
  });

  describe("is led to beside others by an entrance of its region", () => {
    const entrance = { domain: "www.example.com", zone: "example.com", service: "web" };
    const main = { ...web(), in: { us: {} } };
    const shown = (hosts: readonly string[], paths?: readonly string[], health = "/api/healthz") => ({
      ...shop({ name: "api", port: 8081, health: { path: health } }),
      in: { us: {} },
      public: { hosts, ...(paths && { paths }) },
    });

    it("at hosts and paths that nobody else has", () => {
      const problems = (...services: readonly object[]) =>
        problemsOf(services, undefined, usWith({ entrance }));
      expect(problems(main, shown(["www.example.com"], ["/api"]))).toEqual([]);
      expect(problems(main, shown(["api.example.com"]))).toEqual([]);
    });

    it.each<[string, object, string[]]>([
      [
        "what the entrance has itself",
        shown(["www.example.com"]),
        [
          'service api: public.hosts[0]: expected a host that leads nowhere else at /: the entrance of us leads it to web, got: "www.example.com"',
        ],
      ],
      [
        "what leads to another one, however often",
        { ...shown(["api.example.com", "find.example.com"]), name: "second", port: 8082 },
        [
          'service second: public.hosts[0]: expected a host that leads nowhere else at /: service api has it, got: "api.example.com"',
        ],
      ],
      [
        "a name by which the region alone is reached",
        shown(["us.www.example.com"]),
        [
          'service api: public.hosts[0]: expected a host that leads nowhere else at /: the entrance of us leads it to web, got: "us.www.example.com"',
        ],
      ],
      [
        "a host by whose health nobody can be led",
        shown(["api.example.com"], ["/v1"]),
        [
          'service api: health.path: expected a path below the service\'s own public.paths, by which api.example.com is led to us, got: "/api/healthz"',
        ],
      ],
    ])("and not at %s", (_, service, expected) => {
      const others = "name" in service && service.name === "second" ? [shown(["api.example.com"])] : [];
      expect(problemsOf([main, ...others, service], undefined, usWith({ entrance }))).toEqual(expected);
    });
  });
});
