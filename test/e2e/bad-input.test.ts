import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DedicatedRegionInput } from "../../stacks/values/regions";
import { Deployment } from "../testbed";
import { dedicatedRegionValue } from "../stacks/values/regions/region-values";

/*
 * The built app with wrong region values, as a user meets it. What each message says word by word is tested with the
 * validation; here it counts that the app stops there.
 */
describe("the app with a wrong region value", () => {
  let directory: string;
  let deployment: Deployment;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "tricloud-bad-input-"));
    deployment = new Deployment(directory);
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  const changed = (change: (server: Server, index: number) => object): object => {
    const region = dedicatedRegionValue();
    return {
      ...region,
      servers: region.servers.map((server, index) => ({ ...server, ...change(server, index) })),
    };
  };

  it.each<[string, object, RegExp]>([
    [
      "a wrong field",
      { ...dedicatedRegionValue(), sevrers: [] },
      /region jp: sevrers: expected no such field/,
    ],
    [
      "an even number of Consul servers",
      changed((_, index) => (index === 2 ? { roles: ["app"] } : {})),
      /region jp: servers: expected 3 or 5 Consul servers.*got: 2/,
    ],
    [
      "a duplicate address",
      changed(() => ({ address: "10.10.0.11" })),
      /region jp: servers\[1\]\.address: expected another address.*"10\.10\.0\.11"/,
    ],
    [
      "an origin at a stack that is not there",
      { ...dedicatedRegionValue(), origins: { a: { stack: "nowhere", service: "web" } } },
      /region jp: origins\["a"\]: expected a service of a stack of this app .*got: nowhere\/web/,
    ],
    [
      "a missing host key",
      changed((_, index) => (index === 1 ? { hostKey: undefined } : {})),
      /region jp: servers\[1\]\.hostKey: expected .*got: nothing/,
    ],
  ])("says so, fails and writes nothing: %s", async (_, value, message) => {
    // GIVEN
    deployment.write({ name: "jp", ...value });

    // WHEN
    const { code, stderr, stdout } = await deployment.synth();

    // THEN one clear error and nothing else
    expect(code).not.toBe(0);
    expect(stderr.trim()).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stdout).toBe("");
    expect(existsSync(join(directory, "cdktf.out"))).toBe(false);
  });

  it("names both regions whose networks overlap", async () => {
    // GIVEN two regions in one network
    const jp = dedicatedRegionValue();
    deployment.write(jp);
    deployment.write({ ...jp, name: "kr" });

    // WHEN
    const { code, stderr } = await deployment.synth();

    // THEN
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/region kr: cidr: expected .*jp.*10\.10\.0\.0\/16/);
    expect(existsSync(join(directory, "cdktf.out"))).toBe(false);
  });

  it("reaches no host when deployed", async () => {
    // GIVEN
    deployment.write({ ...dedicatedRegionValue(), sevrers: [] });

    // WHEN
    const { code, output } = await deployment.deploy("jp");

    // THEN
    expect(code).not.toBe(0);
    expect(output).toContain("region jp: sevrers: expected no such field");
    expect(output).not.toContain("Connecting to remote host");
  });
});

type Server = DedicatedRegionInput["servers"][number];
