import cluster, { type Worker } from "node:cluster";
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
import { type Place, type Telling } from "./together/fellows";
import { NewsBook } from "./together/origin-news";
import { ShareBook } from "./together/share-book";
import {
  ALL_TIMES,
  CHANGE,
  JOINING,
  ORDERS,
  REPORT,
  TELLING,
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
  private readonly workers = new Map<Worker, Channel>();
  /** The place of each worker among those that serve together. */
  private readonly slots = new Map<Worker, number>();
  private checker: Worker | undefined;
  private readonly news = new NewsBook();
  private readonly shares: ShareBook;
  private drained: readonly string[] = [];
  private terminating = false;
  private exitCode = 0;
  private readonly together: ((question: unknown) => unknown) | undefined;

  constructor(
    private readonly program: Program<O>,
    public options: O,
    private readonly count: number,
  ) {
    this.together = program.together?.();
    this.shares = new ShareBook(this.count, (slot, order) => this.tell(slot, { orders: [order] }));
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
    const taken = new Set(this.slots.values());
    let slot = 0;
    while (taken.has(slot)) slot++;
    this.slots.set(worker, slot);
    this.checker ??= worker;
    this.workers.set(
      worker,
      new Channel(worker, {
        [ALL_TIMES]: () => this.askAll(TIMES),
        [ORDERS]: () => this.orders,
        [JOINING]: () => this.join(worker, slot),
        [TELLING]: (told) => this.hear(worker, slot, told as Telling),
        [TOGETHER]: (question) => this.together?.(question),
      }),
    );
    worker.once("exit", (code, signal) => {
      this.workers.delete(worker);
      this.left(worker, slot);
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

  private join(worker: Worker, slot: number): void {
    const channel = this.workers.get(worker);
    if (channel === undefined) return;
    const place: Place = {
      slot,
      count: this.count,
      checks: this.checker === worker,
      standings: this.news.all(),
      shares: this.shares.join(slot),
    };
    channel.tell(TELLING, { place } satisfies Telling);
  }

  /** What a worker has to tell the others. What comes of one that is no more is of parts that are others' already. */
  private hear(worker: Worker, slot: number, { news = [], shares = [] }: Telling): void {
    if (!this.workers.has(worker)) return;
    for (const each of news) this.news.note(each, slot);
    if (news.length > 0) this.tellOthers(slot, { news });
    for (const message of shares) this.shares.hear(slot, message);
  }

  private left(worker: Worker, slot: number): void {
    this.slots.delete(worker);
    const undecided = this.news.left(slot);
    if (undecided.length > 0) this.tellOthers(slot, { news: undecided });
    this.shares.leave(slot);
    if (this.checker !== worker) return;
    this.checker = this.workers.keys().next().value;
    if (this.checker !== undefined) this.workers.get(this.checker)!.tell(TELLING, { checks: true });
  }

  private tellOthers(slot: number, telling: Telling): void {
    for (const [worker, channel] of this.workers)
      if (this.slots.get(worker) !== slot) channel.tell(TELLING, telling);
  }

  private tell(slot: number, telling: Telling): void {
    for (const [worker, channel] of this.workers)
      if (this.slots.get(worker) === slot) channel.tell(TELLING, telling);
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
