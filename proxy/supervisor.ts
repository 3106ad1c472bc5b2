import cluster, { type Worker } from "node:cluster";
import { cpus } from "node:os";
import { type Observed } from "./observation/admin";
import { type Commanded } from "./control/operator-commands";
import { Channel } from "./worker-channel";
import { Log } from "./observation/log";
import { type Snapshot, sum } from "./observation/metrics";
import { mergeReports } from "./observation/upstreams";
import { type UpstreamsReport } from "./observation/group-report";
import { type Options } from "./options/options";
import { type Program } from "./program";
import { reloadOnHangup } from "./reload";
import { ignoreSignal } from "./serve";
import {
  ALL_TIMES,
  CHANGE,
  ORDERS,
  REPORT,
  TIMES,
  TOGETHER,
  type WorkerOrders,
  type WorkerReport,
} from "./worker";

/** A worker that lived for less is replaced only after a pause, lest a broken start burns a core. */
const SHORT_LIFE_MS = 1_000;

/** Keeps a number of workers running that share one listening port, and speaks for them together. */
export class Supervisor<O extends Options> implements Observed, Commanded<O> {
  readonly log = Log.toStderr();
  private readonly count: number;
  private readonly workers = new Map<Worker, Channel>();
  private drained: readonly string[] = [];
  private terminating = false;
  private exitCode = 0;
  private readonly together: ((question: unknown) => unknown) | undefined;

  constructor(
    private readonly program: Program<O>,
    public options: O,
  ) {
    this.together = program.together?.();
    this.count = options.workers === "auto" ? cpus().length : options.workers;
  }

  start(): void {
    for (let i = 0; i < this.count; i++) this.fork();
    const terminate = (): void => this.terminate();
    process.on("SIGTERM", terminate).on("SIGINT", terminate);
    ignoreSignal("SIGUSR2", this.log);
    reloadOnHangup(this.program, this);
  }

  async reload(options: O): Promise<void> {
    this.options = options;
    await this.tellAll();
  }

  takeOut(origins: readonly string[]): void {
    this.drained = origins;
    void this.tellAll();
  }

  async ready(): Promise<boolean> {
    if (this.terminating) return false;
    const reports = (await this.askAll(REPORT)) as WorkerReport[];
    // A worker that does not answer counts as not ready.
    return reports.length === this.count && reports.every(({ ready }) => ready);
  }

  async snapshot(): Promise<Snapshot> {
    return sum(((await this.askAll(REPORT)) as WorkerReport[]).map(({ snapshot }) => snapshot));
  }

  async upstreams(): Promise<UpstreamsReport> {
    return mergeReports(((await this.askAll(REPORT)) as WorkerReport[]).map(({ upstreams }) => upstreams));
  }

  private fork(): void {
    const worker = cluster.fork();
    const started = Date.now();
    this.workers.set(
      worker,
      new Channel(worker, {
        [ALL_TIMES]: () => this.askAll(TIMES),
        [ORDERS]: () => this.orders,
        [TOGETHER]: (question) => this.together?.(question),
      }),
    );
    worker.once("exit", (code, signal) => {
      this.workers.delete(worker);
      if (this.terminating) {
        // What one worker had to cut off makes the whole an end by time-out.
        if (code !== 0) this.exitCode = 1;
        if (this.workers.size === 0) process.exit(this.exitCode);
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
    for (const worker of this.workers.keys()) worker.process.kill("SIGTERM");
    if (this.workers.size === 0) process.exit(0);
    const { shutdownTimeout, drainDelay } = this.options;
    setTimeout(() => process.exit(1), (shutdownTimeout + drainDelay + 5) * 1000).unref();
  }

  private get orders(): WorkerOrders<O> {
    return { options: this.options, drained: this.drained };
  }

  private async tellAll(): Promise<void> {
    await this.askAll(CHANGE, this.orders);
  }

  private async askAll(question: string, subject?: unknown): Promise<unknown[]> {
    const answers = await Promise.all(
      [...this.workers.values()].map((worker) => worker.ask(question, subject)),
    );
    return answers.filter((answer) => answer !== undefined);
  }
}
