import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "cdktf";
import { main as drain } from "../../cli/drain";
import { packedProgram, unpacked } from "../../cli/machines/packed-program";
import { main as run } from "../../cli/run";
import { main as services } from "../../cli/services";
import { main as upstreams } from "../../cli/upstreams";
import us from "../../regions/us";
import { UsStack } from "../../stacks/us";
import { type Ec2Region, validateRegions } from "../../stacks/values/regions";
import { GroupService, type MadeUpMachine } from "../constructs/aws/group-service";
import { servicesOf, validated } from "../stacks/service-values";
import { printed } from "./printed";

/** Where script/python-tools puts the AWS CLI when the machine has none. */
const PATH = `${process.env["PATH"] ?? ""}:${join(__dirname, "../../.testbed/cache/python/bin")}`;
const withAwsCli = spawnSync("aws", ["--version"], { env: { ...process.env, PATH } }).status === 0;

const ORIGIN = "https://search.tokyo.example.com";
const KEPT = /^\/tricloud\/us-proxy\/drained\/[0-9a-f]{16}$/;

jest.setTimeout(240_000);

/** What test/e2e/us-region.test.ts does on machines that boot; here, all that may go wrong on the way. */
describe("operators' commands for a region on EC2", () => {
  let directory: string;
  let out: string;
  /** Directory of a stand-in for the AWS CLI. */
  let quick: string;
  let complaints: jest.SpyInstance;
  let service: GroupService | undefined;
  const before = { ...process.env };

  beforeAll(() => {
    // GIVEN a region with proxies, and a service with tasks
    directory = mkdtempSync(join(tmpdir(), "tricloud-machines-"));
    out = join(directory, "out");
    quick = join(directory, "quick");
    mkdirSync(quick);
    symlinkSync(join(__dirname, "quick-aws.mjs"), join(quick, "aws"));
    const region = { ...us, ...{ entrance: undefined, database: undefined, cache: undefined } };
    const regions = validateRegions([
      { file: "us.ts", value: { ...region, registry: { address: "registry.example.com/shop" } } },
    ]);
    const tasks = {
      migrate: { command: ["migrate"], when: "before-release" as const },
      report: { command: ["report"], every: "03:00 Asia/Tokyo", timeoutSeconds: 1800 },
    };
    const app = new App({ outdir: out });
    new UsStack(app, regions[0] as Ec2Region, validated([servicesOf("us")("web", 8080, { tasks })], regions));
    app.synth();
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  beforeEach(() => {
    complaints = jest.spyOn(process.stderr, "write").mockReturnValue(true);
  });
  afterEach(() => {
    complaints.mockRestore();
    service?.stop();
    service = undefined;
    process.env = { ...before };
  });
  const complained = () => complaints.mock.calls.map(([text]) => String(text)).join("");

  /** A machine on which programs say and do what these scripts do. */
  function machine(
    id: string,
    programs: Readonly<Record<string, string>>,
    changes: Partial<MadeUpMachine> = {},
  ): MadeUpMachine {
    const bin = join(directory, id);
    mkdirSync(bin, { recursive: true });
    for (const [name, script] of Object.entries(programs)) {
      writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
      chmodSync(join(bin, name), 0o755);
    }
    const answer = (script: string) => {
      // Where a task's program lies is no place for a test's.
      const here = script.replaceAll("/usr/local/lib/tricloud/service-task", join(bin, "service-task"));
      const { status, stdout, stderr } = spawnSync("bash", ["-c", here], {
        env: { PATH: `${bin}:/usr/bin:/bin` },
        encoding: "utf8",
        maxBuffer: 1 << 28,
      });
      return { code: status ?? 255, stdout, stderr };
    };
    return { ...{ id, state: "InService", agent: "online", answer, ran: [] }, ...changes };
  }

  async function region(
    machines: readonly MadeUpMachine[],
    { group, path = `${quick}:${PATH}` }: { readonly group?: string; readonly path?: string } = {},
  ): Promise<GroupService> {
    service = await GroupService.start(machines, { group });
    Object.assign(process.env, {
      ...{
        PATH: path,
        HOME: "/nonexistent",
        AWS_ENDPOINT_URL: service.url,
        AWS_EC2_METADATA_DISABLED: "true",
      },
      ...{ AWS_ACCESS_KEY_ID: "AKIAEXAMPLE", AWS_SECRET_ACCESS_KEY: "example" },
    });
    return service;
  }

  const drained = { node: `echo "tricloud-proxy: $3 is drained"` };
  const refuses = { node: `echo "tricloud-proxy: no group has $3; there are: none" >&2; exit 1` };
  const on = (id: string) => `${id} (us-east-1a)`;
  const asked = async (name: "drain" | "undrain") => {
    const { code, text } = await printed(() =>
      drain(name, [ORIGIN, "--region", "us", "--json", "--out", out]),
    );
    return { code, ...(JSON.parse(text) as { proxies: object[] }) };
  };

  describe("packed programs", () => {
    const ran = (program: string) => {
      const { status, stdout } = spawnSync("bash", ["-c", packedProgram(program)], {
        encoding: "utf8",
        maxBuffer: 1 << 28,
      });
      return { status, length: stdout.length, ...unpacked(stdout.slice(0, 24_000)) };
    };

    it("end as theirs do, and print both of its streams", () => {
      expect(ran(`echo "it's \\$HOME"; printf 'ünïcode' >&2; exit 7\n`)).toMatchObject({
        ...{ status: 7, stdout: "it's $HOME\n", stderr: "ünïcode", leftOut: 0 },
      });
      expect(ran("true")).toMatchObject({ status: 0, stdout: "", stderr: "", leftOut: 0 });
    });

    it("have room for much of what people read, and for the end of all else", () => {
      // GIVEN 100,000 characters of a list, and as much noise
      const list = `for i in $(seq 1 5000); do echo "line $i of many lines"; done`;
      const noise = `head -c 150000 /dev/urandom | base64; echo the end; head -c 150000 /dev/urandom | base64 >&2; echo its end >&2`;
      // WHEN they go through what keeps the first 24,000 THEN
      const whole = ran(list);
      expect(whole.stdout?.split("\n")).toHaveLength(5001);
      expect(whole.leftOut).toBe(0);
      const cut = ran(noise);
      expect(cut.length).toBeLessThan(24_000);
      expect(cut.leftOut).toBeGreaterThan(100_000);
      expect(cut.stdout).toMatch(/^[\w+/=]{76}\n[^]*\nthe end\n$/);
      expect(cut.stderr).toMatch(/\nits end\n$/);
    });

    it("are told from whatever else a machine says", () => {
      for (const text of ["", "bash: gzip: command not found", "out 0 !!!\nerr 0 !!!", "out 0 AAAA"])
        expect(unpacked(text)).toBeUndefined();
    });
  });

  describe("through what AWS answers", () => {
    const withCli = withAwsCli ? it : it.skip;
    withCli(
      "drain an origin on all proxies, and keep that for machines to come, by the AWS CLI",
      async () => {
        // GIVEN three proxies, one of which is on its way out
        const machines = [
          machine("i-0a", drained),
          machine("i-0b", drained),
          machine("i-0c", drained, { state: "Terminating:Wait" }),
        ];
        const { parameters, order } = await region(machines, { path: PATH });
        // WHEN
        const answer = await asked("drain");
        // THEN
        expect(answer).toEqual({
          code: 0,
          proxies: ["i-0a", "i-0b"].map((id) => ({
            ...{ host: on(id), done: true, answer: `tricloud-proxy: ${ORIGIN}:443 is drained` },
          })),
        });
        expect([...order].sort()).toEqual(["i-0a", "i-0b"]);
        expect([...parameters.values()]).toEqual([`${ORIGIN}:443`]);
        expect([...parameters.keys()][0]).toMatch(KEPT);
        // AND WHEN it is let back, twice
        for (let times = 0; times < 2; times++) {
          expect(await asked("undrain")).toMatchObject({
            code: 0,
            proxies: [{ done: true }, { done: true }],
          });
          expect([...parameters]).toEqual([]);
        }
      },
    );

    it("tell a machine that has come meanwhile, too", async () => {
      // GIVEN a second proxy that is there at the second look
      const machines = [machine("i-0a", drained), machine("i-0b", drained, { state: "Terminated" })];
      const started = await region(machines);
      let looks = 0;
      started.onLook = () => {
        if (++looks === 2) machines[1]!.state = "InService";
      };
      // WHEN THEN
      expect(await asked("drain")).toMatchObject({
        ...{ code: 0, proxies: [{ host: on("i-0a") }, { host: on("i-0b"), done: true }] },
      });
      expect(started.order).toEqual(["i-0a", "i-0b"]);
    });

    it("keep nothing that no proxy knows, and show the proxies' words", async () => {
      const { parameters } = await region([machine("i-0a", refuses)]);
      expect(await asked("drain")).toEqual({
        code: 1,
        proxies: [
          {
            ...{ host: on("i-0a"), done: false },
            answer: `tricloud-proxy: no group has ${ORIGIN}:443; there are: none`,
          },
        ],
      });
      expect([...parameters]).toEqual([]);
    });

    it("name machines that are out of reach, unknown to Systems Manager or about to come, and fail", async () => {
      await region([
        machine("i-0a", drained),
        machine("i-0b", drained, { agent: "offline" }),
        machine("i-0c", drained, { agent: undefined, state: "Pending:Wait" }),
      ]);
      expect(await asked("drain")).toEqual({
        code: 1,
        proxies: [
          { host: on("i-0a"), done: true, answer: `tricloud-proxy: ${ORIGIN}:443 is drained` },
          { host: on("i-0b"), done: false, answer: "the command is DeliveryTimedOut" },
          {
            ...{ host: on("i-0c"), done: false },
            answer: expect.stringMatching(/^it is Pending:Wait: .*InvalidInstanceId.*i-0c/) as string,
          },
        ],
      });
    });

    it("show origins as each proxy sees them, however many there are", async () => {
      // GIVEN one that tells of 500 groups, one that tells nothing, and one that tells more than there is room for
      const group = (index: number) => ({
        group: `service-${index}.example.com`,
        origins: [
          { origin: `https://${index}.example.com:443`, state: "drained", since: "today", why: "operator" },
        ],
      });
      const told = JSON.stringify({
        configuration: "0f",
        groups: Array.from({ length: 500 }, (_, i) => group(i)),
      });
      writeFileSync(join(directory, "told.json"), told);
      await region([
        machine("i-0a", { curl: `cat '${directory}/told.json'` }),
        machine("i-0b", { curl: "echo 'curl: (7) Failed to connect' >&2; exit 7" }),
        machine("i-0c", { curl: "head -c 100000 /dev/urandom | base64" }),
      ]);
      // WHEN
      const { code, text } = await printed(() => upstreams(["--region", "us", "--out", out]));
      // THEN
      expect(told.length).toBeGreaterThan(24_000);
      expect(code).toBe(1);
      const lines = text.trim().split("\n");
      expect(lines).toHaveLength(1 + 500 + 2);
      expect(lines[500]).toMatch(
        /^i-0a \(us-east-1a\) +service-499\.example\.com +\S+ +drained +today +operator$/,
      );
      expect(lines[501]).toMatch(/^i-0b .* no answer +curl: \(7\) Failed to connect$/);
      expect(lines[502]).toMatch(/^i-0c .* no answer +what it answers is too long for Systems Manager$/);
    });

    it("run a task on one machine, the next where the first is out of reach, and end as it ends", async () => {
      const task = { "service-task": `echo "$*: done"; echo "but slowly" >&2; exit 3` };
      const started = await region(
        [
          machine("i-0a", task, { agent: undefined }),
          machine("i-0b", task, { state: "Pending:Wait" }),
          machine("i-0c", task),
          machine("i-0d", task),
        ],
        { group: "us-app" },
      );
      // WHEN
      const { code, text } = await printed(() => run(["web", "report", "--region", "us", "--out", out]));
      // THEN
      expect({ code, text }).toEqual({ code: 3, text: "now web report: done\n" });
      expect(complained()).toMatch(/^run: i-0a \(us-east-1a\) is out of reach: .*InvalidInstanceId/m);
      expect(complained()).toContain("but slowly\n");
      expect(started.order).toEqual(["i-0c"]);
      const sent = started.calls.filter(({ action }) => action === "SendCommand");
      expect(sent.at(-1)?.detail["Parameters"]).toMatchObject({ executionTimeout: ["2420"] });
    });

    it("run it once at most: what may have begun is begun nowhere else", async () => {
      // GIVEN an operator who may not ask what has become of it
      const task = { "service-task": "echo done" };
      const started = await region([machine("i-0a", task), machine("i-0b", task)], { group: "us-app" });
      started.denied.add("ListCommandInvocations");
      // WHEN THEN
      const { code } = await printed(() => run(["web", "report", "--region", "us", "--out", out]));
      expect(code).toBe(1);
      expect(complained()).toMatch(/^run: i-0a \(us-east-1a\): .*may not perform ListCommandInvocations$/m);
      expect(started.calls.filter(({ action }) => action === "SendCommand")).toHaveLength(1);
    });

    it("say so where nobody can run it, and what is left out of much", async () => {
      await region([machine("i-0a", {}, { agent: "offline" })], { group: "us-app" });
      expect(await printed(() => run(["web", "report", "--region", "us", "--out", out]))).toEqual({
        ...{ code: 1, text: "" },
      });
      expect(complained()).toContain("run: no machine of us-app is in service, healthy and in reach\n");
      service!.stop();
      const much = "head -c 150000 /dev/urandom | base64; echo the end";
      await region([machine("i-0b", { "service-task": much })], { group: "us-app" });
      const { code, text } = await printed(() => run(["web", "report", "--region", "us", "--out", out]));
      expect({ code, end: text.slice(-9) }).toEqual({ code: 0, end: "\nthe end\n" });
      expect(complained()).toMatch(/^run: the first \d+ bytes of what it has printed are left out$/m);
    });

    it("show of tasks where they ran last, and who tells nothing of them", async () => {
      // GIVEN two machines: tasks have run on one, and the other is out of reach
      const ran = (script: string) => ({
        ...machine("i-0a", {}),
        answer: (packed: string) =>
          machine("i-0a", {}).answer(
            packed.replace(/bash -c '[^]*?' >"\$dir\/out"/, `bash -c '${script}' >"$dir/out"`),
          ),
      });
      await region(
        [
          ran(
            'echo "*web.migrate|inactive inactive |0|4|1764406800|"; echo "*web.report|inactive active |3|9|1764406900|@1764439200"',
          ),
          machine("i-0b", {}, { agent: "offline" }),
        ],
        { group: "us-app" },
      );
      // WHEN
      const { code, text } = await printed(() => services(["--region", "us", "--json", "--out", out])).catch(
        (error: Error) => ({ code: 0, text: error.message }),
      );
      // THEN
      expect(code).toBe(1);
      expect((JSON.parse(text) as { tasks: object[] }).tasks).toEqual([
        {
          ...{ service: "web", task: "migrate", timed: false, underWay: false, next: null },
          last: { host: on("i-0a"), status: 0, seconds: 4, ended: "2025-11-29T09:00:00.000Z" },
        },
        {
          ...{
            service: "web",
            task: "report",
            timed: true,
            underWay: true,
            next: "2025-11-29T18:00:00.000Z",
          },
          last: { host: on("i-0a"), status: 3, seconds: 9, ended: "2025-11-29T09:01:40.000Z" },
        },
      ]);
      expect(complained()).toContain(
        "services: i-0b (us-east-1a) tells nothing of its tasks: the command is DeliveryTimedOut\n",
      );
    });

    it("show what AWS says where it refuses", async () => {
      const started = await region([machine("i-0a", drained)]);
      started.denied.add("PutParameter");
      await expect(asked("drain")).rejects.toThrow(
        /^aws ssm put-parameter in us-east-1: .*you may not perform PutParameter/,
      );
      started.denied.add("SendCommand");
      expect(await asked("drain")).toMatchObject({
        code: 1,
        proxies: [{ answer: expect.stringContaining("you may not perform SendCommand") as string }],
      });
      started.denied.add("DescribeAutoScalingGroups");
      await expect(asked("undrain")).rejects.toThrow(
        /^aws autoscaling describe-auto-scaling-groups in us-east-1: /,
      );
    });
  });

  it("want a task that there is", async () => {
    await expect(run(["web", "sweep", "--region", "us", "--out", out])).rejects.toThrow(
      'service web has no task "sweep" in region "us": expected one of migrate, report',
    );
    await expect(run(["search", "report", "--region", "us", "--out", out])).rejects.toThrow(
      'no service "search" with tasks in region "us": there web has some',
    );
  });

  it("want the AWS CLI", async () => {
    process.env["PATH"] = join(directory, "nowhere");
    const said =
      "aws autoscaling describe-auto-scaling-groups in us-east-1: the AWS CLI is not installed here (aws)";
    await expect(asked("drain")).rejects.toThrow(said);
    await expect(upstreams(["--region", "us", "--out", out])).rejects.toThrow(said);
    await expect(run(["web", "report", "--region", "us", "--out", out])).rejects.toThrow(said);
  });
});
