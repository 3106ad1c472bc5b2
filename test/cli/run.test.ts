import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "cdktf";
import { main as run } from "../../cli/run";
import { JpStack } from "../../stacks/jp";
import { type DedicatedRegion, validateRegions } from "../../stacks/values/regions";
import { servicesOf, validated } from "../stacks/service-values";
import { dedicatedRegionValue } from "../stacks/values/regions/region-values";
import { printed } from "./printed";

/** What test/e2e does on real servers and on a real cluster; here, what there is to say without any. */
describe("tricloud run", () => {
  let out: string;

  beforeAll(() => {
    // GIVEN services of which one has tasks, on servers where nothing listens
    out = mkdtempSync(join(tmpdir(), "tricloud-run-"));
    const value = dedicatedRegionValue({
      ssh: { user: "root", port: 1, connectTimeoutSeconds: 1 },
      registry: { address: "registry.internal:5000" },
      cidr: "127.0.0.0/8",
    });
    const servers = value.servers.map((server, index) => ({ ...server, address: `127.0.0.${index + 1}` }));
    const regions = validateRegions([{ file: "jp", value: { ...value, servers } }]);
    const service = servicesOf("jp");
    const tasks = {
      migrate: { command: ["migrate"], when: "before-release" as const },
      report: { command: ["report"], every: "03:00 Asia/Tokyo" },
    };
    const app = new App({ outdir: out });
    const services = [service("web", 8080, { tasks }), service("search", 8081)];
    new JpStack(app, regions[0] as DedicatedRegion, validated(services, regions));
    app.synth();
  });
  afterAll(() => rmSync(out, { recursive: true }));

  it.each([
    [["web"], "expected a service and one of its tasks, got: web"],
    [["web", "report", "now"], "expected a service and one of its tasks, got: web report now"],
    [["web", "report"], "expected --region NAME"],
    [["web", "report", "--region", "us"], 'unknown region "us": known regions are jp'],
    [
      ["search", "report", "--region", "jp"],
      'no service "search" with tasks in region "jp": there web has some',
    ],
    [
      ["web", "sweep", "--region", "jp"],
      'service web has no task "sweep" in region "jp": expected one of migrate, report',
    ],
  ])("refuses %j", async (words, message) => {
    await expect(run([...words, "--out", out])).rejects.toThrow(message);
  });

  it("says what it is for", async () => {
    expect(await printed(() => run(["--help"]))).toEqual({
      code: 0,
      text: expect.stringContaining("usage: tricloud run SERVICE TASK --region NAME") as string,
    });
  });

  it("fails where the host that has the task is out of reach", async () => {
    const complaints = jest.spyOn(process.stderr, "write").mockReturnValue(true);
    expect(await run(["web", "report", "--region", "jp", "--out", out])).toBe(1);
    expect(complaints.mock.calls.map(([text]) => String(text)).join("")).toMatch(
      /127\.0\.0\.\d cannot be reached/,
    );
    complaints.mockRestore();
  });
});
