import { createHash } from "node:crypto";
import { type Snapshot } from "../../proxy/engine";
import { type LimitOptions } from "../options/limit-options";
import { type QuotaGrant, type QuotaQuestion } from "./quota-book";
import { Windows } from "./windows";

/** Asks whoever keeps the book of quotas; undefined where he does not answer. */
export type AskForQuota = (question: QuotaQuestion) => Promise<QuotaGrant | undefined>;

export interface Verdict {
  readonly passed: boolean;
  /** Requests that may follow, as far as is known here. */
  readonly left: number;
  /** Seconds until there are more. */
  readonly seconds: number;
}

/** Part of a quota that may lie unused in workers, all together. */
const UNUSED = 1 / 20;
/** Longer ones are kept as what they hash to. */
const LONGEST_KEY = 64;

/** What this worker may let through of one key's requests. */
interface Share {
  granted: number;
  /** Nobody's yet when last asked. */
  left: number;
}

/** Requests of one key that wait to hear what is left. */
interface Waiting {
  count: number;
  answered: Promise<boolean> | undefined;
}

/** A limit as one worker keeps it: from quotas that are all workers' together it draws a few requests at a time. */
export class RateLimit {
  private exceeded = 0;
  private forgotten = 0;
  private unknown = 0;
  private readonly waiting = new Map<string, Waiting>();
  private readonly shares: Windows<Share>;
  private readonly batch: number;
  private readonly book: string;

  /**
   * @param quota requests of each window that are this gateway's
   * @param gateways among which they are divided
   * @param workers of this gateway
   */
  constructor(
    readonly options: LimitOptions,
    private readonly quota: number,
    private readonly gateways: number,
    workers: number,
    private readonly ask: AskForQuota,
  ) {
    this.shares = new Windows(options.maxKeys);
    this.batch = Math.max(1, Math.floor((quota * UNUSED) / workers));
    this.book = `${options.name} ${quota} ${options.window}`;
  }

  /** A request of this key has come. */
  async take(key: string): Promise<Verdict> {
    const known = key.length > LONGEST_KEY ? createHash("sha256").update(key).digest("base64url") : key;
    const verdict = this.judge(known);
    if (verdict !== undefined) return verdict;
    let waiting = this.waiting.get(known);
    if (waiting === undefined) this.waiting.set(known, (waiting = { count: 0, answered: undefined }));
    waiting.count++;
    try {
      return await this.wait(known, waiting);
    } finally {
      if (--waiting.count === 0) this.waiting.delete(known);
    }
  }

  into(snapshot: Snapshot): void {
    const labels = `limit="${this.options.name}"`;
    snapshot[`limit_exceeded_total{${labels}}`] = this.exceeded;
    snapshot[`limit_keys_forgotten_total{${labels}}`] = this.forgotten;
    snapshot[`limit_unknown_total{${labels}}`] = this.unknown;
  }

  private async wait(key: string, waiting: Waiting): Promise<Verdict> {
    for (;;) {
      waiting.answered ??= this.draw(key, waiting);
      if (!(await waiting.answered)) {
        // A limit keeps order, it is no lock: who keeps the book may not stop all who serve.
        this.unknown++;
        return { passed: true, left: 0, seconds: this.options.window };
      }
      const verdict = this.judge(key);
      if (verdict !== undefined) return verdict;
    }
  }

  /** What is known without asking. */
  private judge(key: string): Verdict | undefined {
    const entry = this.shares.get(key);
    if (entry === undefined) return undefined;
    const share = entry.value;
    const passed = share.granted > 0;
    if (passed) share.granted--;
    else if (share.left > 0) return undefined;
    else this.exceeded++;
    return {
      passed,
      left: (share.granted + share.left) * this.gateways,
      seconds: Math.max(1, Math.ceil((entry.endsAt - performance.now()) / 1000)),
    };
  }

  /** @returns false where nobody answers */
  private async draw(key: string, waiting: Waiting): Promise<boolean> {
    const { window, maxKeys } = this.options;
    const { book: limit, quota } = this;
    const wanted = Math.max(this.batch, waiting.count);
    const grant = await this.ask({ limit, key, wanted, quota, window, maxKeys });
    waiting.answered = undefined;
    if (grant === undefined) return false;
    if (grant.forgot) this.forgotten++;
    const { granted, left, endsIn } = grant;
    const entry = this.shares.get(key);
    if (entry === undefined) this.shares.begin(key, endsIn, { granted, left });
    else Object.assign(entry.value, { granted: entry.value.granted + granted, left });
    return true;
  }
}
