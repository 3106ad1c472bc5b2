import { mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { digestOf, type RunningService } from "../../cli/services/running-service";
import type { ServiceInput } from "../../stacks/values/services";
import { attempt, type CommandResult } from "../testbed/command";
import { Caller } from "../testbed/cluster/caller";
import { madeImage } from "../testbed/cluster/made-image";
import { programFile } from "../testbed/cluster/program-file";
import { Recorder } from "../testbed/cluster/recorder";
import { type ClusterLab } from "./cluster-lab";

/** Versions of a service: two that work, and one that ends as soon as it is started. */
export type Version = "1" | "2" | "broken";

const VERSIONS: readonly Version[] = ["1", "2", "broken"];
type Name = "web" | "search";

/** Where its image has what a service's pod calls with. */
const PROGRAMS = "/srv";

/** Two services of the region, each of a file: web, which calls search. */
export class ServicesOnCluster {
  readonly search = "http://search.service.consul:8081/";
  readonly web = "http://web.service.consul:8080/";

  private constructor(
    private readonly lab: ClusterLab,
    private readonly images: ReadonlyMap<Version, string>,
    /** Of what search's instances are posted. */
    private readonly recorder: Recorder,
  ) {}

  /** Puts their images on every node, and has the next deploy run the first version of both. */
  static async create(lab: ClusterLab): Promise<ServicesOnCluster> {
    const { cluster, testbed } = lab;
    const directory = join(testbed.directory, "services");
    mkdirSync(directory);
    const programs = ["web.cjs", "steady-calls.cjs"].map((name) => [
      `srv/${name}`,
      readFileSync(programFile(name), "utf8"),
    ]);
    const images = new Map<Version, string>();
    for (const version of VERSIONS) {
      const files = { ...(Object.fromEntries(programs) as Record<string, string>), "srv/version": version };
      const command = ["node", "/srv/web.cjs"];
      images.set(version, await madeImage(cluster, { name: `web-${version}`, directory, files, command }));
    }
    const recorder = await Recorder.start(testbed, directory);
    const made = new ServicesOnCluster(lab, images, recorder);
    lab.workloads.write(made.webIs());
    lab.workloads.write(made.searchIs("1"), { "session-key": "first" });
    return made;
  }

  /**
   * Releases a version of search with a secret, whatever comes of it.
   *
   * @param status what the task before it ends with
   */
  release(version: Version, key: string, status = 0): Promise<CommandResult> {
    this.lab.workloads.write(this.searchIs(version, status), { "session-key": key });
    return this.lab.workloads.attempt();
  }

  /** Runs `tricloud run`, whatever comes of it. */
  run(...words: readonly string[]): Promise<CommandResult> {
    const { out, environment } = this.lab.workloads;
    const command = [resolve("dist/cli/main.js"), "run", ...words, "--region", "uk", "--out", out];
    return attempt(process.execPath, command, { env: environment });
  }

  /** What `tricloud services` shows, and its exit code. */
  async shown(): Promise<{ readonly code: number | null; readonly services: readonly RunningService[] }> {
    const { out, environment } = this.lab.workloads;
    const command = [resolve("dist/cli/main.js"), "services", "--region", "uk", "--json", "--out", out];
    const { code, stdout, stderr } = await attempt(process.execPath, command, { env: environment });
    if (stdout === "") throw new Error(stderr);
    const { services } = JSON.parse(stdout) as { services: RunningService[] };
    return { code, services };
  }

  /** Digest of a version's image. */
  digest(version: Version): string {
    return digestOf(this.images.get(version)!);
  }

  /** How Jobs of a service's task have ended: the conditions that are true of each. */
  async jobs(name: Name, task: string): Promise<{ readonly name: string; readonly ends: string[] }[]> {
    const labels = `tricloud/task-of=${name},tricloud/task=${task}`;
    const { items } = await this.lab.cluster.get<Jobs>("-n", "app", "jobs", "-l", labels);
    return items.map(({ metadata, status }) => ({
      name: metadata.name,
      ends: (status.conditions ?? []).filter((each) => each.status === "True").map(({ type }) => type),
    }));
  }

  /** Names and addresses of a service's pods that have not been told to end. */
  async pods(
    name: Name,
  ): Promise<readonly { name: string; node: string; address: string; ready: boolean }[]> {
    const { items } = await this.lab.cluster.get<Pods>(
      "-n",
      "app",
      "pods",
      "-l",
      `app.kubernetes.io/name=${name}`,
    );
    return items
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata, spec, status }) => ({
        name: metadata.name,
        node: spec.nodeName ?? "",
        address: status.podIP ?? "",
        ready: (status.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True"),
      }));
  }

  /** One of a service's own pods, to call from. */
  async from(name: Name): Promise<Caller> {
    const pod = (await this.pods(name)).find(({ ready }) => ready);
    if (pod === undefined) throw new Error(`no pod of ${name} is ready`);
    return Caller.in(this.lab.cluster, pod.name, PROGRAMS);
  }

  /** What search's instances have been posted, each as often as it was. */
  posted(): string[] {
    return this.recorder.posted();
  }

  private webIs(): ServiceInput {
    return {
      ...{ name: "web", image: this.images.get("1")!, port: 8080, health: { path: "/healthz" } },
      env: { CALLS: this.search },
      calls: ["search"],
      tasks: {
        // With what its service may reach.
        report: {
          command: node(`fetch("${this.search}").then((a) => a.text()).then((t) => console.log(t))`),
          every: "1 minute",
        },
        check: { command: node('console.log("not in order"); process.exit(7)'), every: "00:00 Asia/Tokyo" },
      },
      in: { uk: {} },
    };
  }

  private searchIs(version: Version, status = 0): ServiceInput {
    return {
      ...{ name: "search", image: this.images.get(version)!, port: 8081, health: { path: "/healthz" } },
      env: { RECORDER: this.recorder.address },
      secrets: ["session-key"],
      tasks: {
        migrate: {
          command: node(
            'const { readFileSync } = require("node:fs");' +
              'console.log("migrated to", readFileSync("/srv/version", "utf8"), "in", process.env.TRICLOUD_REGION,' +
              ` "with", readFileSync("/run/secrets/session-key", "utf8")); process.exitCode = ${status}`,
          ),
          when: "before-release",
        },
      },
      drainSeconds: 5,
      in: { uk: { instances: 2, atMost: 6 } },
    };
  }
}

const node = (program: string): string[] => ["node", "-e", program];

interface Jobs {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  }[];
}

interface Pods {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
    readonly spec: { readonly nodeName?: string };
    readonly status: {
      readonly podIP?: string;
      readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    };
  }[];
}
