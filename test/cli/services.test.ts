import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "cdktf";
import { main as services, running, tasksOn } from "../../cli/services";
import { type DedicatedRegion, validateRegions } from "../../stacks/values/regions";
import { type StackHost, stackHosts } from "../../planning/matters/stack-hosts";
import { readStacks } from "../../planning/stack/synthesized-stacks";
import { JpStack } from "../../stacks/jp";
import { dedicatedRegionValue } from "../stacks/values/regions/region-values";
import { DIGEST, servicesOf, validated } from "../stacks/service-values";
import { printed } from "./printed";

/** What test/e2e/jp-services.test.ts does on real servers; here, what there is to say without any. */
describe("tricloud services", () => {
  let out: string;
  let hosts: readonly StackHost[];

  beforeAll(() => {
    // GIVEN two services on servers where nothing listens
    out = mkdtempSync(join(tmpdir(), "tricloud-services-"));
    const value = dedicatedRegionValue({
      ssh: { user: "root", port: 1, connectTimeoutSeconds: 1 },
      registry: { address: "registry.internal:5000" },
    });
    const servers = value.servers.map((server, index) => ({
      ...server,
      address: `127.0.0.${index + 1}`,
      roles: [...server.roles.filter((role) => role !== "app"), "app" as const],
    }));
    const regions = validateRegions([{ file: "jp", value: { ...value, cidr: "127.0.0.0/8", servers } }]);
    const service = servicesOf("jp");
    const app = new App({ outdir: out });
    new JpStack(
      app,
      regions[0] as DedicatedRegion,
      validated(
        [service("web", 8080, { tasks: TASKS }), service("search", 8081, { in: { jp: { instances: 1 } } })],
        regions,
      ),
    );
    app.synth();
    hosts = stackHosts(readStacks(out)[0]!.configuration);
  });

  afterAll(() => rmSync(out, { recursive: true }));

  const answer = (said: string) => ({ code: 0, said, lastLine: "" });
  const since = "@1795870893";
  const other = `sha256:${"2".repeat(64)}`;

  it("tells what runs of each, by what its hosts say", () => {
    // GIVEN what three hosts have answered: all well, another version beside one that has ended, and nothing
    const said = [
      `search|active|${since}|registry.internal:5000/search@${DIGEST}|known\nweb|active|${since}|registry.internal:5000/web@${DIGEST}|known\n`,
      `web|active|${since}|registry.internal:5000/web@${other}|unknown\n`,
      "",
    ];
    // WHEN
    const found = running(hosts.map((host, index) => ({ host, answer: answer(said[index]!) })));
    // THEN
    const at = "2026-11-28T13:01:33.000Z";
    const [first, second, third] = hosts.map(({ name }) => name);
    expect(found).toEqual([
      {
        ...{ service: "search", version: DIGEST, healthy: 1, wanted: 1 },
        instances: [{ host: first, version: DIGEST, state: "healthy", since: at }],
      },
      {
        ...{ service: "web", version: DIGEST, healthy: 1, wanted: 3 },
        instances: [
          { host: first, version: DIGEST, state: "healthy", since: at },
          { host: second, version: other, state: "not healthy", since: at },
          { host: third, version: null, state: "not running", since: null },
        ],
      },
    ]);
  });

  it("tells of each task where it has run last, how that ended, and when it is next", () => {
    // GIVEN a task at times, which two hosts have run, and one before releases, which is under way
    const said = [
      `web|active|${since}|registry.internal:5000/web@${DIGEST}|known\n*web.migrate|inactive active |0|0|0|\n*web.report|inactive inactive |3|2|1795870893|@1795950000\n`,
      `*web.migrate|inactive inactive |0|0|0|\n*web.report|inactive inactive |0|5|1795870000|@1795950000\n`,
      "",
    ];
    const answers = hosts.map((host, index) => ({ host, answer: answer(said[index]!) }));
    // WHEN THEN
    expect(tasksOn(answers)).toEqual([
      { service: "web", task: "migrate", timed: false, underWay: true, last: null, next: null },
      {
        ...{ service: "web", task: "report", timed: true, underWay: false, next: "2026-11-29T11:00:00.000Z" },
        last: { host: hosts[0]!.name, status: 3, seconds: 2, ended: "2026-11-28T13:01:33.000Z" },
      },
    ]);
    expect(running(answers).find(({ service }) => service === "web")).toMatchObject({ healthy: 1 });
    // AND nothing of a host that is out of reach
    const lost = answers.map(({ host }) => ({ host, answer: { code: 255, said: "", lastLine: "" } }));
    expect(tasksOn(lost)).toMatchObject([{ last: null }, { last: null }]);
  });

  it.each([
    ["activating", "starting"],
    ["deactivating", "stopping"],
    ["failed", "not running"],
  ])("calls an instance whose unit is %s %s", (state, shown) => {
    const [host] = hosts;
    const line = `web|${state}|@0||unknown\n`;
    const web = running([{ host: host!, answer: answer(line) }]).find(({ service }) => service === "web")!;
    expect(web.instances).toEqual([{ host: host!.name, version: null, state: shown, since: null }]);
  });

  it("names each host that is out of reach, and fails", async () => {
    // WHEN
    const json = await printed(() => services(["--region", "jp", "--json", "--out", out]));
    const table = await printed(() => services(["--region", "jp", "--out", out]));
    // THEN
    expect([json.code, table.code]).toEqual([1, 1]);
    const problem = "127.0.0.1 cannot be reached (tried for 1 s)";
    expect(JSON.parse(json.text)).toMatchObject({
      services: [
        { service: "search", healthy: 0, wanted: 1, instances: [{ state: "unknown", problem }] },
        { service: "web", healthy: 0, wanted: 3 },
      ],
    });
    expect(table.text).toMatch(/^SERVICE +HOST +VERSION +STATE +SINCE$/m);
    expect(table.text).toMatch(/^search +\S+ +unknown +127\.0\.0\.1 cannot be reached \(tried for 1 s\)$/m);
    expect(table.text).toMatch(/^web: 0 of 3 healthy$/m);
    expect(table.text).toMatch(/^TASK +LAST ON +STATE +ENDED +NEXT$/m);
    expect(table.text).toMatch(/^web migrate +not yet run +before a release$/m);
    expect(table.text).toMatch(/^web report +not yet run$/m);
  });

  it("wants a region that has services on servers of its own", async () => {
    await expect(services(["--out", out])).rejects.toThrow("expected --region NAME");
    await expect(services(["--region", "us", "--out", out])).rejects.toThrow(/"us"/);
  });
});

const TASKS = {
  migrate: { command: ["true"], when: "before-release" as const },
  report: { command: ["true"], every: "03:00 Asia/Tokyo" },
};
