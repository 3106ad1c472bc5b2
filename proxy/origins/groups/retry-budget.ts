import { clock } from "../../clock";
import { ALONE, type Fellows } from "../../together/fellows";
import { firstShare, type Share, type ShareHolder } from "../../together/share";

/** Attempts that may be made in a second however few requests there are. */
const LEAST_PER_SECOND = 3;
/** Attempts that may be saved up. */
const MOST_SAVED = 100;

/**
 * How many attempts there may be on top of those that each request has, so that origins which fail are not answered by
 * a storm: a share of the requests, and a few a second where there are hardly any. Workers that serve together have
 * each its part, and pass on what they do not need.
 */
export class RetryBudget {
  private balance: number;
  private readonly passedOn: Share;
  /** `clock.now` when the last second's few were paid in. */
  private paidAt = clock.now;

  private readonly holder: ShareHolder = {
    spare: () => Math.floor(this.balance),
    lost: (count) => (this.balance -= count),
    gained: (count) => (this.balance += count),
  };

  /**
   * @param share attempts for each request, e.g. 0.2
   * @param name the same in all workers
   */
  constructor(
    private readonly share: number,
    private readonly fellows: Fellows = ALONE,
    name = "",
  ) {
    this.balance = firstShare(LEAST_PER_SECOND, fellows.count, fellows.slot);
    this.passedOn = fellows.share(`attempts of ${name}`, 0, this.holder);
  }

  leave(): void {
    this.fellows.leaveShare(this.passedOn, this.holder);
  }

  /** A request has come. */
  earn(): void {
    this.pay(this.share);
  }

  /** May one more attempt be made? Then it is paid for. */
  spend(): boolean {
    this.pay((((clock.now - this.paidAt) / 1000) * LEAST_PER_SECOND) / this.fellows.count);
    this.paidAt = clock.now;
    const affordable = this.balance >= 1;
    if (affordable) this.balance--;
    // For the next one: this one cannot wait to be told.
    if (this.balance < 1) void this.passedOn.want();
    return affordable;
  }

  private pay(attempts: number): void {
    const most = MOST_SAVED / this.fellows.count;
    // What others have passed on is not lost for that.
    if (this.balance < most) this.balance = Math.min(most, this.balance + attempts);
  }
}
