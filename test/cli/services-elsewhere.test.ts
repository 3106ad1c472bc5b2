import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { gzipSync } from "node:zlib";
import { App } from "cdktf";
import { ClusterApi } from "../../cli/recovery/cluster-api";
import { main as services } from "../../cli/services";
import { jobsOfTasks, onCluster, runningPods, servicesOfStack } from "../../cli/services/cluster-services";
import { nextRun } from "../../cli/services/next-run";
import { templateText } from "../../planning/matters/stack-groups";
import { textOfTemplate } from "../../planning/matters/template";
import { readStacks } from "../../planning/stack/synthesized-stacks";
import us from "../../regions/us";
import { UsStack } from "../../stacks/us";
import { type Ec2Region, validateRegions } from "../../stacks/values/regions";
import { DIGEST, servicesOf, validated } from "../stacks/service-values";
import { printed } from "./printed";

const OTHER = `sha256:${"2".repeat(64)}`;
const AT = "2026-11-28T13:01:33.000Z";
const LABELS = { "app.kubernetes.io/part-of": "tricloud" };

/** What test/e2e/cluster.test.ts asks a real cluster for; here, what there is to say in all states. */
describe("tricloud services of a region on GKE", () => {
  const pod = (name: string, digest: string, status: object, more: object = {}) => ({
    metadata: {
      name,
      labels: { ...LABELS, "app.kubernetes.io/name": name.split("-")[0] },
      creationTimestamp: AT,
      ...more,
    },
    spec: {
      nodeName: "node-1",
      containers: [{ image: `registry.example.com/${name.split("-")[0]}@${digest}` }],
    },
    status,
  });
  const ready = (is: string) => ({
    phase: "Running",
    conditions: [{ type: "Ready", status: is, lastTransitionTime: AT }],
  });
  const taskLabels = { ...LABELS, "tricloud/task-of": "web", "tricloud/task": "report" };
  const job = (name: string, end: object, status: object = {}) => ({
    metadata: { name, labels: taskLabels },
    status: { startTime: "2026-11-28T13:01:30Z", conditions: [{ status: "True", ...end }], ...status },
  });
  const held: Record<string, unknown> = {
    "/api/v1/namespaces/app/pods": [
      pod("web-1", DIGEST, ready("True")),
      pod("web-2", OTHER, ready("True"), { deletionTimestamp: AT }),
      pod("web-3", OTHER, {
        ...ready("False"),
        containerStatuses: [{ state: { waiting: { reason: "CrashLoopBackOff" } } }],
      }),
      { ...pod("web-4", DIGEST, { phase: "Pending" }), spec: { containers: [{ image: `web@${DIGEST}` }] } },
      {
        ...pod("web--report-b", DIGEST, { containerStatuses: [{ state: { terminated: { exitCode: 3 } } }] }),
        metadata: { name: "web--report-b-x", labels: { ...taskLabels, "job-name": "web--report-b" } },
      },
    ],
    "/apis/apps/v1/namespaces/app/deployments": [{ metadata: { name: "web" }, spec: { replicas: 3 } }],
    "/apis/batch/v1/namespaces/app/cronjobs": [
      {
        metadata: { name: "web--report", labels: taskLabels },
        spec: { schedule: "0 3 * * *", timeZone: "Asia/Tokyo" },
      },
      {
        metadata: { name: "web--migrate", labels: { ...taskLabels, "tricloud/task": "migrate" } },
        spec: { schedule: "0 0 1 1 *", suspend: true },
      },
    ],
    "/apis/batch/v1/namespaces/app/jobs": [
      job("web--report-a", { type: "Complete" }, { completionTime: "2026-11-27T13:01:33Z" }),
      job("web--report-b", { type: "Failed", lastTransitionTime: "2026-11-28T13:01:33Z" }),
      {
        metadata: { name: "web--migrate-1", labels: { ...taskLabels, "tricloud/task": "migrate" } },
        status: { active: 1 },
      },
    ],
  };

  it("tells what its API says of pods and of Jobs", async () => {
    // GIVEN a cluster that is asked as whoever deploys
    const server = createServer(({ url = "", headers }, response) => {
      const { pathname, searchParams } = new URL(url, "http://cluster");
      const isOurs =
        headers.authorization === "Bearer token" &&
        searchParams.get("labelSelector") === "app.kubernetes.io/part-of=tricloud";
      response.writeHead(isOurs && held[pathname] !== undefined ? 200 : 403, {
        "content-type": "application/json",
      });
      response.end(JSON.stringify({ items: held[pathname], message: "not yours" }));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const { port } = server.address() as AddressInfo;
      // WHEN
      const found = await onCluster(new ClusterApi(`http://127.0.0.1:${port}`, "token"), "app");
      // THEN each pod is told of, and why it is not well
      const [web, search] = runningPods(
        new Map([
          ["web", DIGEST],
          ["search", DIGEST],
        ]),
        found,
      ).reverse();
      const common = { host: "node-1", since: null };
      expect(web).toEqual({
        ...{ service: "web", version: DIGEST, healthy: 1, wanted: 3 },
        instances: [
          { host: "node-1", pod: "web-1", version: DIGEST, state: "healthy", since: AT },
          { ...common, pod: "web-2", version: OTHER, state: "stopping" },
          { ...common, pod: "web-3", version: OTHER, state: "not healthy", problem: "CrashLoopBackOff" },
          { ...common, host: "", pod: "web-4", version: DIGEST, state: "starting" },
        ],
      });
      // AND one that is not there at all
      expect(search).toMatchObject({ service: "search", healthy: 0, wanted: 0, instances: [] });
      // AND each task by its newest Job
      expect(jobsOfTasks(found, new Date("2026-11-28T17:59:30Z"))).toEqual([
        { service: "web", task: "migrate", timed: false, underWay: true, last: null, next: null },
        {
          ...{ service: "web", task: "report", timed: true, underWay: false },
          last: { host: "node-1", status: 3, seconds: 3, ended: AT },
          next: "2026-11-28T18:00:00.000Z",
        },
      ]);
    } finally {
      server.close();
    }
  });

  it("calls a Job that took too long as hosts do, and one whose pod is gone failed", () => {
    const lastOf = (end: object) =>
      jobsOfTasks(
        {
          ...{ pods: [], deployments: [] },
          cronJobs: held["/apis/batch/v1/namespaces/app/cronjobs"] as never,
          jobs: [job("web--report-c", { type: "Failed", lastTransitionTime: AT, ...end })] as never,
        },
        new Date(AT),
      )[1]!.last!.status;
    expect(lastOf({ reason: "DeadlineExceeded" })).toBe(124);
    expect(lastOf({ reason: "BackoffLimitExceeded" })).toBe(1);
  });

  it("takes for services what the stack makes of them", () => {
    const image = `\${var.prefix}/web@${DIGEST}`;
    const manifest = {
      kind: "Deployment",
      metadata: { name: "web" },
      spec: { template: { spec: { containers: [{ image }] } } },
    };
    const configuration = {
      resource: { kubernetes_manifest: { web: { manifest }, other: { manifest: { kind: "HTTPRoute" } } } },
    };
    expect(servicesOfStack({ name: "uk-workloads", directory: "", configuration })).toEqual(
      new Map([["web", DIGEST]]),
    );
  });

  it.each([
    ["0 3 * * *", "Asia/Tokyo", "2026-11-28T17:59:59Z", "2026-11-28T18:00:00.000Z"],
    ["0 3 * * *", "Asia/Tokyo", "2026-11-28T18:00:00Z", "2026-11-29T18:00:00.000Z"],
    ["30 1 * * *", "America/New_York", "2026-11-01T05:31:00Z", "2026-11-01T06:30:00.000Z"],
    ["*/15 * * * *", "Etc/UTC", "2026-11-28T18:01:00Z", "2026-11-28T18:15:00.000Z"],
    ["0 25 * * *", "Etc/UTC", "2026-11-28T18:01:00Z", null],
  ])("tells when %s in %s is next after %s", (schedule, zone, now, next) => {
    expect(nextRun(schedule, zone, new Date(now))).toBe(next);
  });
});

describe("tricloud services of a region on EC2", () => {
  let directory: string;
  let out: string;
  const path = process.env["PATH"];

  beforeAll(() => {
    // GIVEN a region with a service on each of two groups
    directory = mkdtempSync(join(tmpdir(), "tricloud-services-"));
    out = join(directory, "out");
    const region = { ...us, ...{ entrance: undefined, database: undefined, cache: undefined } };
    const regions = validateRegions([
      { file: "us.ts", value: { ...region, registry: { address: "registry.example.com/shop" } } },
    ]);
    const service = servicesOf("us");
    const app = new App({ outdir: out });
    const values = [service("web", 8080), service("search", 8081, { in: { us: { on: "proxy" } } })];
    new UsStack(app, regions[0] as Ec2Region, validated(values, regions));
    app.synth();
  });
  afterAll(() => {
    process.env["PATH"] = path;
    rmSync(directory, { recursive: true });
  });

  /** An AWS CLI that says that, by what it is asked to describe, and notes what it is asked. */
  function say(answers: Readonly<Record<string, unknown>>): void {
    for (const [what, answer] of Object.entries(answers))
      writeFileSync(join(directory, `${what}.json`), JSON.stringify(answer));
    const program = join(directory, "aws");
    writeFileSync(
      program,
      `#!/bin/sh\necho "$*" >>'${directory}/asked'\nfor word; do case $word in describe-*) exec cat '${directory}/'"$word".json;; esac; done\n`,
    );
    chmodSync(program, 0o755);
    process.env["PATH"] = [directory, path].join(delimiter);
  }

  const machine = (id: string, version: string, at = "InService", health = "Healthy") => ({
    ...{ InstanceId: id, AvailabilityZone: "us-east-1a", LifecycleState: at, HealthStatus: health },
    LaunchTemplate: { Version: version },
  });

  /** User data of the group's machines, as AWS has it. */
  function userData(change = (text: string) => text): string {
    const { configuration } = readStacks(out)[0]!;
    const templates = configuration.resource!["aws_launch_template"]!;
    const [id] = Object.entries(templates).find(([, { name }]) => name === "us-app")!;
    const text = change(textOfTemplate(templateText(configuration, id)!));
    return gzipSync(text).toString("base64");
  }

  it("tells how its groups' machines are, and which version each has", async () => {
    // GIVEN a release under way
    say({
      "describe-auto-scaling-groups": {
        AutoScalingGroups: [
          {
            ...{ AutoScalingGroupName: "us-app", DesiredCapacity: 3 },
            Instances: [
              machine("i-1", "7"),
              machine("i-2", "6", "InService", "Unhealthy"),
              machine("i-3", "6", "Terminating:Wait"),
              machine("i-4", "7", "Pending:Wait"),
            ],
          },
        ],
      },
      "describe-instances": {
        Reservations: [{ Instances: [{ InstanceId: "i-1", LaunchTime: "2026-11-28T13:01:33+00:00" }] }],
      },
      "describe-launch-template-versions": {
        LaunchTemplateVersions: [
          { VersionNumber: 7, LaunchTemplateData: { UserData: userData() } },
          {
            VersionNumber: 6,
            LaunchTemplateData: { UserData: userData((text) => text.replaceAll(DIGEST, OTHER)) },
          },
        ],
      },
    });
    // WHEN
    const { code, text } = await printed(() => services(["--region", "us", "--json", "--out", out]));
    // THEN
    const on = (id: string) => `${id} (us-east-1a)`;
    expect({ code, ...(JSON.parse(text) as object) }).toEqual({
      code: 1,
      tasks: [],
      services: [
        // A group that is not there yet
        { service: "search", version: DIGEST, healthy: 0, wanted: 0, instances: [] },
        {
          ...{ service: "web", version: DIGEST, healthy: 1, wanted: 3 },
          instances: [
            { host: on("i-1"), version: DIGEST, state: "healthy", since: AT },
            { host: on("i-2"), version: OTHER, state: "not healthy", since: null },
            { host: on("i-3"), version: OTHER, state: "stopping", since: null },
            { host: on("i-4"), version: DIGEST, state: "starting", since: null },
          ],
        },
      ],
    });
    // AND asks for no more than it needs, in the region's own place
    const asked = readFileSync(join(directory, "asked"), "utf8").trim().split("\n");
    expect(asked).toEqual([
      "--region us-east-1 --output json autoscaling describe-auto-scaling-groups --auto-scaling-group-names us-app us-proxy",
      "--region us-east-1 --output json ec2 describe-instances --instance-ids i-1 i-2 i-3 i-4",
      "--region us-east-1 --output json ec2 describe-launch-template-versions --launch-template-name us-app --versions 7 6",
    ]);
  });

  it("wants a region that has services", async () => {
    const empty = join(directory, "empty");
    const app = new App({ outdir: empty });
    const value = { ...us, ...{ entrance: undefined, database: undefined, cache: undefined } };
    new UsStack(app, validateRegions([{ file: "us.ts", value }])[0] as Ec2Region);
    app.synth();
    await expect(services(["--region", "us", "--out", empty])).rejects.toThrow(
      'region "us" has no services on its machines',
    );
  });

  it("shows what the AWS CLI says where it refuses, and where there is none", async () => {
    say({});
    writeFileSync(join(directory, "aws"), "#!/bin/sh\necho 'You are not authorized' >&2\nexit 254\n");
    await expect(services(["--region", "us", "--out", out])).rejects.toThrow(
      "aws autoscaling describe-auto-scaling-groups in us-east-1: You are not authorized",
    );
    process.env["PATH"] = join(directory, "nowhere");
    await expect(services(["--region", "us", "--out", out])).rejects.toThrow(
      "aws autoscaling describe-auto-scaling-groups in us-east-1: the AWS CLI is not installed here (aws)",
    );
  });
});
