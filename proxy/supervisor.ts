import cluster, { type Worker } from "node:cluster";
import { cpus } from "node:os";
import { type Observed } from "./admin";
import { Log } from "./log";
import { type Snapshot, sum } from "./metrics";
import { type Options } from "./options";
import { type Service } from "./service";

/** What a worker tells its supervisor when asked. */
export interface WorkerReport {
  readonly ready: boolean;
  readonly snapshot: Snapshot;
}

const ASK = "report";
/** Milliseconds to wait for a worker's report; a worker that is silent for longer counts as not ready. */
const REPORT_MS = 2_000;
/** A worker that lived for less is replaced only after a pause, lest a broken start burns a core. */
const SHORT_LIFE_MS = 1_000;

/** Keeps a number of workers running that share one listening port, and speaks for them together. */
export class Supervisor implements Observed {
  private readonly log = new Log();
  private readonly count: number;
  private terminating = false;

  constructor(private readonly options: Options) {
    this.count = options.workers === "auto" ? cpus().length : options.workers;
  }

  start(): void {
    for (let i = 0; i < this.count; i++) this.fork();
    const terminate = (): void => this.terminate();
    process.on("SIGTERM", terminate).on("SIGINT", terminate);
  }

  async ready(): Promise<boolean> {
    if (this.terminating) return false;
    const reports = await this.reports();
    return reports.length === this.count && reports.every(({ ready }) => ready);
  }

  async snapshot(): Promise<Snapshot> {
    return sum((await this.reports()).map(({ snapshot }) => snapshot));
  }

  private fork(): void {
    const worker = cluster.fork();
    const started = Date.now();
    worker.once("exit", (code, signal) => {
      if (this.terminating) {
        if (this.living().length === 0) process.exit(0);
        return;
      }
      this.log.event("error", "worker ended and is replaced", { pid: worker.process.pid, code, signal });
      setTimeout(
        () => this.terminating || this.fork(),
        Date.now() - started < SHORT_LIFE_MS ? SHORT_LIFE_MS : 0,
      );
    });
  }

  private terminate(): void {
    if (this.terminating) return;
    this.terminating = true;
    for (const worker of this.living()) worker.process.kill("SIGTERM");
    if (this.living().length === 0) process.exit(0);
    const { shutdownTimeout, drainDelay } = this.options;
    setTimeout(() => process.exit(1), (shutdownTimeout + drainDelay + 5) * 1000).unref();
  }

  private living(): Worker[] {
    return Object.values(cluster.workers ?? {}).filter(
      (worker) => worker !== undefined && !worker.isDead(),
    ) as Worker[];
  }

  private async reports(): Promise<WorkerReport[]> {
    const reports = await Promise.all(this.living().map(reportOf));
    return reports.filter((report) => report !== undefined);
  }
}

function reportOf(worker: Worker): Promise<WorkerReport | undefined> {
  return new Promise((resolve) => {
    const finish = (report: WorkerReport | undefined): void => {
      clearTimeout(timer);
      worker.off("message", finish);
      resolve(report);
    };
    const timer = setTimeout(() => finish(undefined), REPORT_MS);
    worker.on("message", finish);
    worker.send(ASK, (error) => error !== null && finish(undefined));
  });
}

/** In a worker: answers the supervisor's questions. */
export function reportFor(service: Service): void {
  process.on("message", (message) => {
    if (message !== ASK) return;
    const report: WorkerReport = { ready: service.ready, snapshot: service.snapshot() };
    process.send!(report);
  });
}
