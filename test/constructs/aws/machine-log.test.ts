import { spawnSync } from "node:child_process";
import { join } from "node:path";
import {
  AssetBucket,
  MachineLog,
  Network,
  SecretStore,
  ServerGroup,
  type ServerGroupProps,
} from "../../../constructs/aws";
import { policyDocument } from "../../../constructs/aws/policy";
import { statements, type Synthesised, synthesised, userDataText } from "./synthesised";

const PROGRAM = join(__dirname, "../../../constructs/aws/machine-watch.py");

const withGroup = (
  build: (group: ServerGroup) => void = () => undefined,
  changes: Partial<ServerGroupProps> = {},
): Synthesised =>
  synthesised((stack) => {
    const network = new Network(stack, "network", {
      name: "us",
      cidr: "10.20.0.0/16",
      awsRegion: "us-east-1",
      availabilityZones: ["us-east-1a", "us-east-1b", "us-east-1c"],
    });
    build(
      new ServerGroup(stack, "app", {
        name: "us-app",
        network,
        assets: new AssetBucket(stack, "assets", { namePrefix: "tricloud-us-" }),
        secrets: new SecretStore(stack, "secrets", { namePrefix: "tricloud/us" }),
        log: new MachineLog(stack, "log", { name: "us", awsRegion: "us-east-1", days: 14 }),
        imageId: "ami-0123456789abcdef0",
        ...changes,
      }),
    );
  });

describe("MachineLog", () => {
  it("is there before the machines, which may add to their own streams of it and nothing else", () => {
    // GIVEN a group with a log WHEN synthesised
    const stack = withGroup();
    // THEN
    const [id] = Object.keys(stack.resource["aws_cloudwatch_log_group"] ?? {});
    expect(stack.one("cloudwatch_log_group")).toMatchObject({
      name: "/tricloud/us/machines",
      retention_in_days: 14,
    });
    expect(stack.one("autoscaling_group")["depends_on"]).toContain(`aws_cloudwatch_log_group.${id}`);
    const allowed = statements(stack.one("iam_role_policy")["policy"]);
    expect(allowed.filter(({ Action }) => Action.some((one) => one.startsWith("logs:")))).toMatchObject([
      {
        Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
        Resource: ["arn:aws:logs:us-east-1:*:log-group:/tricloud/us/machines:log-stream:i-*"],
      },
    ]);
    expect(allowed).toContainEqual(
      expect.objectContaining({
        Action: ["cloudwatch:PutMetricData"],
        Condition: { StringEquals: { "cloudwatch:namespace": "Tricloud" } },
      }),
    );
  });

  it("tells the roll-out where machines that do not come up have said why", () => {
    const [step] = Object.values(withGroup().resource["terraform_data"] ?? {});
    expect(step).toMatchObject({
      provisioner: [{ "local-exec": { environment: { LOG_GROUP: "/tricloud/us/machines" } } }],
    });
    const [without] = Object.values(
      withGroup(undefined, { log: undefined }).resource["terraform_data"] ?? {},
    );
    expect(JSON.stringify(without)).not.toContain("LOG_GROUP");
  });

  it("has a machine that is given up say its last before it is reported, whatever becomes of that", () => {
    const stack = withGroup();
    const text = userDataText(stack, stack.one("launch_template"));
    const [, encoded = ""] = /^ *unhealthy (\S+)$/m.exec(text) ?? [];
    const command = decodeURIComponent(encoded);
    expect(command).toMatch(/put-log-events[\s\S]*\n.*--lifecycle-action-result ABANDON/);
    // Bash can read it, and reports even when nothing of what it calls is there.
    const run = spawnSync("/bin/bash", ["-o", "pipefail", "-c", `aws() { echo "aws $*"; }\n${command}`], {
      encoding: "utf8",
      env: { PATH: "/nonexistent" },
    });
    expect(run.stdout).toMatch(/^aws autoscaling complete-lifecycle-action .*ABANDON/m);
  });

  it("tells people of full disks and memory, and of checks that fail on all machines", () => {
    // GIVEN a group that has something tried
    let alarms: ServerGroup["alarms"] = [];
    const stack = withGroup((group) => {
      group.check(
        { metric: "AppAnswers", command: "curl -fsS http://127.0.0.1:8080/" },
        { name: "us-app-dumb", what: "No application answers", minutes: 5 },
      );
      alarms = group.alarms;
    });
    // THEN
    const dimensions = { Group: "us-app" };
    expect(alarms).toMatchObject([
      { name: "us-app-too-few" },
      { metric: "DiskUsed", namespace: "Tricloud", dimensions, statistic: "Maximum", when: { above: 85 } },
      { metric: "MemoryUsed", namespace: "Tricloud", dimensions, when: { above: 92 } },
      { metric: "AppAnswers", dimensions, statistic: "Maximum", when: { below: 1 }, silenceIsBad: true },
    ]);
    const text = userDataText(stack, stack.one("launch_template"));
    expect(text).toContain("#!/bin/sh\n      curl -fsS http://127.0.0.1:8080/");
  });

  it("refuses a check of a group without a log", () => {
    withGroup(
      (group) =>
        expect(() =>
          group.check({ metric: "A", command: "true" }, { name: "a", what: "a", minutes: 1 }),
        ).toThrow("server group us-app: expected a log for check A, got: none"),
      { log: undefined },
    );
  });

  it("is written to by a program that keeps within CloudWatch's bounds, in order of time", () => {
    // GIVEN entries of a journal: many, long ones, some not text, out of order, and over more than a day WHEN put together
    const { stdout, stderr } = spawnSync(
      "python3",
      [
        ...["-B", "-c"],
        `
import importlib.machinery, importlib.util, json
loader = importlib.machinery.SourceFileLoader("watch", ${JSON.stringify(PROGRAM)})
watch = importlib.util.module_from_spec(importlib.util.spec_from_loader("watch", loader))
loader.exec_module(watch)
def entry(at, message, cursor):
    return {"__REALTIME_TIMESTAMP": str(at * 1000), "MESSAGE": message, "SYSLOG_IDENTIFIER": "a", "__CURSOR": cursor}
many = [entry(1000 + i, "x", f"m{i}") for i in range(10001)]
long = [entry(20000 - i, "é" * 200000, f"l{i}") for i in range(8)]
odd = [entry(21000, [104, 105, 255], "o0"), entry(21000, None, "o1"), entry(21000 + 24 * 3600 * 1000, "next day", "o2")]
def shown(events, cursor):
    size = sum(len(event["message"].encode()) + 26 for event in events)
    times = [event["timestamp"] for event in events]
    span = times[-1] - times[0]
    return {"events": len(events), "size": size, "sorted": times == sorted(times), "span": span, "cursor": cursor, "last": events[-1]["message"][:12]}
print(json.dumps([shown(*batch) for batch in watch.batches([*many, *long, *odd])]))
`,
      ],
      { encoding: "utf8" },
    );
    expect(stderr).toBe("");
    const batches = JSON.parse(stdout) as Record<string, number | boolean | string>[];
    // THEN
    expect(batches.reduce((sum, { events }) => sum + Number(events), 0)).toBe(10001 + 8 + 3);
    for (const batch of batches) {
      expect(batch["events"]).toBeLessThanOrEqual(10_000);
      expect(batch["size"]).toBeLessThanOrEqual(1_048_576);
      expect(batch["span"]).toBeLessThan(24 * 3600 * 1000);
      expect(batch["sorted"]).toBe(true);
    }
    expect(batches[0]).toMatchObject({ events: 10_000, cursor: "m9999" });
    expect(batches.at(-1)).toMatchObject({ events: 1, cursor: "o2", last: "a: next day" });
  });

  it("asks for permissions that policies may name", () => {
    synthesised((stack) => {
      const log = new MachineLog(stack, "log", { name: "cn", awsRegion: "cn-north-1" });
      expect(policyDocument(log.permissions())).toContain("arn:aws-cn:logs:cn-north-1:");
    });
  });
});
