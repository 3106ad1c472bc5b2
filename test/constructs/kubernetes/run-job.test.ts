import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo } from "node:net";
import { RUN_JOB } from "../../../constructs/kubernetes/job-run";

const JOBS = "/apis/batch/v1/namespaces/app/jobs";
const CRON_JOB = {
  metadata: { name: "web--migrate", uid: "of-the-template" },
  spec: {
    jobTemplate: {
      metadata: { labels: { "tricloud/task-of": "web", "tricloud/task": "migrate" } },
      spec: { backoffLimit: 0 },
    },
  },
};

interface Job {
  readonly metadata: { readonly name: string; readonly uid: string; readonly labels?: object };
  readonly status?: object;
}

const ended = (type: "Complete" | "Failed", reason = "") => ({
  conditions: [{ type, status: "True", reason, message: `${reason} it is` }],
});

/** Answers as Kubernetes' API does; a Job that is made ends at once, as it is told. */
class Api {
  readonly jobs = new Map<string, Job>();
  readonly made: Job[] = [];
  readonly deleted: string[] = [];
  pods: object[] = [];
  end: object = ended("Complete");
  private readonly server: Server = createServer((request, response) => void this.answer(request, response));

  async listen(): Promise<string> {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let sent = "";
    for await (const chunk of request) sent += String(chunk);
    const { pathname, searchParams } = new URL(request.url!, "http://api");
    const name = pathname.slice(JOBS.length + 1);
    const say = (status: number, body: object): void =>
      void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (request.headers.authorization !== "Bearer secret") return say(401, { message: "Unauthorized" });
    if (pathname.endsWith("/log")) return void response.end("migrated\n");
    if (pathname.endsWith("/pods")) return say(200, { items: this.pods });
    if (pathname.endsWith("/events"))
      return say(200, { items: [{ reason: "FailedCreate", message: "exceeded quota" }] });
    if (pathname.includes("/cronjobs/"))
      return pathname.endsWith(CRON_JOB.metadata.name) ? say(200, CRON_JOB) : say(404, {});
    if (request.method === "POST") {
      const job = JSON.parse(sent) as Job;
      const made = {
        ...job,
        metadata: { ...job.metadata, uid: `made-${this.made.length}` },
        status: this.end,
      };
      this.made.push(made);
      this.jobs.set(job.metadata.name, made);
      return say(201, { ...made, status: {} });
    }
    if (request.method === "DELETE") {
      this.deleted.push(name);
      this.jobs.delete(name);
      return say(200, {});
    }
    if (searchParams.has("labelSelector")) return say(200, { items: [...this.jobs.values()] });
    const job = this.jobs.get(name);
    return job === undefined ? say(404, {}) : say(200, job);
  }
}

describe("what runs a Job of a task", () => {
  let api: Api;
  let host: string;
  beforeEach(async () => {
    api = new Api();
    host = await api.listen();
  });
  afterEach(() => api.close());

  async function run(changes: object = { job: "web--migrate-1" }) {
    const task = { host, namespace: "app", cronJob: "web--migrate", ...changes };
    const child = spawn(process.execPath, [RUN_JOB], {
      env: { ...process.env, TRICLOUD_JOB: JSON.stringify(task), TRICLOUD_TOKEN: "secret" },
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk) => (stdout += String(chunk)));
    child.stderr.on("data", (chunk) => (stderr += String(chunk)));
    const [code] = (await once(child, "close")) as [number];
    return { code, stdout, stderr };
  }
  const job = (name: string, status: object): Job => ({ metadata: { name, uid: "there" }, status });
  const pod = (terminated: object) => ({
    metadata: { name: "web--migrate-1-x" },
    status: { containerStatuses: [{ state: { terminated } }] },
  });

  it("makes it of the CronJob's template, with which it goes, and prints what it prints", async () => {
    api.pods = [pod({ exitCode: 0 })];
    expect(await run()).toEqual({ code: 0, stdout: "migrated\n", stderr: "" });
    expect(api.made[0]).toMatchObject({
      metadata: {
        name: "web--migrate-1",
        labels: CRON_JOB.spec.jobTemplate.metadata.labels,
        ownerReferences: [{ kind: "CronJob", name: "web--migrate", uid: "of-the-template" }],
      },
      spec: { backoffLimit: 0 },
    });
  });

  it("makes none where it has succeeded", async () => {
    api.jobs.set("web--migrate-1", job("web--migrate-1", ended("Complete")));
    expect(await run()).toEqual({
      ...{ code: 0, stdout: "", stderr: "web--migrate: it has run for this release\n" },
    });
    expect(api.made).toEqual([]);
  });

  it("makes it anew where it has failed", async () => {
    api.jobs.set("web--migrate-1", job("web--migrate-1", ended("Failed", "BackoffLimitExceeded")));
    expect((await run()).code).toBe(0);
    expect([api.deleted, api.made.length]).toEqual([["web--migrate-1"], 1]);
  });

  it("fails as its container does, and says so", async () => {
    api.end = ended("Failed", "BackoffLimitExceeded");
    api.pods = [pod({ exitCode: 7, reason: "Error" })];
    expect(await run()).toEqual({
      code: 7,
      stdout: "migrated\n",
      stderr:
        "web--migrate: pod web--migrate-1-x: ended with 7, Error\n" +
        "web--migrate: Job web--migrate-1 has failed: BackoffLimitExceeded: BackoffLimitExceeded it is\n",
    });
  });

  it("says why there is not even a pod", async () => {
    api.end = ended("Failed", "DeadlineExceeded");
    const { code, stderr } = await run();
    expect([code, stderr.split("\n")[0]]).toEqual([1, "web--migrate: FailedCreate: exceeded quota"]);
  });

  it("makes one of its own for whoever asks, but none beside one that is under way", async () => {
    expect((await run({})).code).toBe(0);
    expect(api.made[0]!.metadata.name).toMatch(/^web--migrate-[0-9a-f]{8}$/);
    api.jobs.set("other", job("other", { active: 1 }));
    expect(await run({})).toEqual({
      ...{ code: 1, stdout: "", stderr: "web--migrate: it is under way as Job other\n" },
    });
  });

  it("says what is not there", async () => {
    expect((await run({ cronJob: "web--sweep" })).stderr).toBe(
      "web--sweep: there is no CronJob web--sweep in namespace app\n",
    );
  });
});
