import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "cdktf";
import { main as drain } from "../../cli/drain";
import { main as upstreams } from "../../cli/upstreams";
import { type DedicatedRegion, validateRegions } from "../../stacks/values/regions";
import { JpStack } from "../../stacks/jp";
import { dedicatedRegionValue } from "../stacks/values/regions/region-values";
import { printed } from "./printed";

const ORIGIN = "https://search.tokyo.example.com";

/** What test/e2e/jp.test.ts does on real servers; here, what there is to say without any. */
describe("operators' commands for a region's proxies", () => {
  let out: string;

  beforeAll(() => {
    // GIVEN a region whose servers are where nothing listens
    out = mkdtempSync(join(tmpdir(), "tricloud-drain-"));
    const value = dedicatedRegionValue({
      ssh: { user: "root", port: 1, connectTimeoutSeconds: 1 },
    });
    const servers = value.servers.map((server, index) => ({ ...server, address: `127.0.0.${index + 1}` }));
    const [region] = validateRegions([{ file: "jp", value: { ...value, cidr: "127.0.0.0/8", servers } }]);
    const app = new App({ outdir: out });
    new JpStack(app, region as DedicatedRegion);
    app.synth();
  });

  afterAll(() => rmSync(out, { recursive: true }));

  it.each([
    [[], "none"],
    [["search.tokyo.example.com"], "search.tokyo.example.com"],
    [["https://search.tokyo.example.com/path"], "https://search.tokyo.example.com/path"],
    [["https://a';reboot;'"], "https://a';reboot;'"],
    [[ORIGIN, "https://another.example.com"], `${ORIGIN} https://another.example.com`],
  ])("take one origin, and neither %j", async (origins, shown) => {
    for (const name of ["drain", "undrain"] as const)
      await expect(drain(name, [...origins, "--region", "jp", "--out", out])).rejects.toThrow(
        `expected one origin such as https://api.example.com, got: ${shown}`,
      );
  });

  it("want a region that has proxies on servers of its own", async () => {
    await expect(drain("drain", [ORIGIN, "--out", out])).rejects.toThrow("expected --region NAME");
    await expect(upstreams(["--out", out])).rejects.toThrow("expected --region NAME");
    await expect(upstreams(["--region", "us", "--out", out])).rejects.toThrow(/"us"/);
    await expect(upstreams(["jp", "--region", "jp", "--out", out])).rejects.toThrow(
      /Unexpected argument 'jp'/,
    );
  });

  it("name each proxy that is out of reach, and fail", async () => {
    // WHEN
    const drained = await printed(() => drain("drain", [ORIGIN, "--region", "jp", "--json", "--out", out]));
    const shown = await printed(() => upstreams(["--region", "jp", "--json", "--out", out]));
    const table = await printed(() => upstreams(["--region", "jp", "--out", out]));
    // THEN
    const hosts = ["jp-1", "jp-2"].map((host, index) => ({
      host,
      problem: `127.0.0.${index + 1} cannot be reached (tried for 1 s)`,
    }));
    expect([drained.code, shown.code, table.code]).toEqual([1, 1, 1]);
    expect(JSON.parse(drained.text)).toEqual({
      proxies: hosts.map(({ host, problem }) => ({ host, done: false, answer: problem })),
    });
    expect(JSON.parse(shown.text)).toEqual({ proxies: hosts });
    for (const { host, problem } of hosts)
      expect(table.text).toMatch(
        new RegExp(`^${host} .* no answer .*${problem.replace(/[()]/g, "\\$&")}$`, "m"),
      );
  });
});
