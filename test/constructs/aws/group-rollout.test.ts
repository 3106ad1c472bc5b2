import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AutoScalingService } from "./auto-scaling-service";

const PROGRAM = join(__dirname, "../../../constructs/aws/group-rollout.sh");

/** Where script/python-tools puts the AWS CLI when the machine has none. */
const PATH = `${process.env["PATH"] ?? ""}:${join(__dirname, "../../../.testbed/cache/python/bin")}`;
const withAwsCli = spawnSync("aws", ["--version"], { env: { ...process.env, PATH } }).status === 0;

jest.setTimeout(600_000);

(withAwsCli ? describe : describe.skip)("the roll-out of a group (skipped without the AWS CLI)", () => {
  let service: AutoScalingService;
  beforeEach(async () => (service = await AutoScalingService.start("us-proxy")));
  afterEach(() => service.stop());

  const rollOut = (version: string, path = PATH): Promise<{ code: number | null; said: string }> =>
    new Promise((resolve, reject) => {
      const child = spawn("bash", [PROGRAM], {
        env: {
          PATH: path,
          HOME: "/nonexistent",
          GROUP: "us-proxy",
          TEMPLATE: "lt-1",
          VERSION: version,
          LOG_GROUP: "/tricloud/us/machines",
          POLL_SECONDS: "0",
          AWS_REGION: "us-east-1",
          AWS_DEFAULT_REGION: "us-east-1",
          AWS_ENDPOINT_URL: service.url,
          AWS_ACCESS_KEY_ID: "AKIAEXAMPLE",
          AWS_SECRET_ACCESS_KEY: "example",
        },
      });
      let said = "";
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (text: string) => (said += text));
      }
      child.on("error", reject);
      child.on("close", (code) => resolve({ code, said }));
    });

  it("has nothing to do where all machines have the version, as after the group's making", async () => {
    expect(await rollOut("1")).toEqual({ code: 0, said: "us-proxy: all machines have version 1\n" });
    expect(service.calls).not.toContain("StartInstanceRefresh");
  });

  it("ends when every machine has the new version, and the group too, whatever calls were not answered", async () => {
    // GIVEN a template with a second version, and a service that refuses each fifth call WHEN it is rolled out
    service.failEvery = 5;
    const { code, said } = await rollOut("2");
    // THEN
    expect([code, said]).toEqual([0, expect.stringContaining("us-proxy: all machines have version 2")]);
    expect(service.machines.map(({ version }) => version)).toEqual(["2", "2", "2"]);
    expect(service.version).toBe("2");
  });

  it("puts the old version back when new machines cannot come up, names them and the step, and fails", async () => {
    // GIVEN a version whose machines give up
    service.broken.set("2", "waiting for consul.service to be healthy");
    // WHEN it is rolled out
    const { code, said } = await rollOut("2");
    // THEN
    expect(code).toBe(1);
    expect(said).toContain("us-proxy: machines of version 2 do not come up: going back");
    expect(said).toMatch(
      /us-proxy: machine i-new1.* has not come up: Lifecycle action was completed with ABANDON/,
    );
    expect(said).toContain("i-new1 said: tricloud: failed at waiting for consul.service to be healthy");
    expect(said).toContain("us-proxy: all machines are back at version 1");
    expect(service.machines.map(({ version }) => version)).toEqual(["1", "1", "1"]);
    expect(service.version).toBe("1");
  });

  it("goes on with the refresh that a deploy which was cut short has begun", async () => {
    // GIVEN one under way WHEN the same is deployed again
    service.begin("2");
    const { code } = await rollOut("2");
    // THEN
    expect(code).toBe(0);
    expect(service.calls).not.toContain("StartInstanceRefresh");
    expect(service.version).toBe("2");
  });

  it("ends the refresh to another version first", async () => {
    // GIVEN one under way whose machines would never come up WHEN the mended version is deployed
    service.broken.set("2", "verification");
    service.begin("2");
    service.machines[0]!.version = "2";
    const { code, said } = await rollOut("3");
    // THEN
    expect(said).toContain("us-proxy: an earlier refresh, to version 2, is under way (InProgress)");
    expect(code).toBe(0);
    expect(service.machines.map(({ version }) => version)).toEqual(["3", "3", "3"]);
  });

  it("says what is missing on a machine without the AWS CLI", async () => {
    // GIVEN a machine with a shell and nothing else
    const programs = mkdtempSync(join(tmpdir(), "tricloud-programs-"));
    try {
      symlinkSync("/bin/bash", join(programs, "bash"));
      // WHEN a version is rolled out THEN
      expect(await rollOut("2", programs)).toEqual({
        code: 1,
        said: "us-proxy: the AWS CLI is needed to follow the refresh of a group: put aws on PATH and deploy again\n",
      });
    } finally {
      rmSync(programs, { recursive: true });
    }
  });
});
