import { clock } from "../../clock";

/** Attempts that may be made in a second however few requests there are. */
const LEAST_PER_SECOND = 3;
/** Attempts that may be saved up. */
const MOST_SAVED = 100;

/**
 * How many attempts there may be on top of those that each request has, so that origins which fail are not answered by
 * a storm: a share of the requests, and a few a second where there are hardly any.
 */
export class RetryBudget {
  private balance = LEAST_PER_SECOND;
  /** `clock.now` when the last second's few were paid in. */
  private paidAt = clock.now;

  /** @param share attempts for each request, e.g. 0.2 */
  constructor(private readonly share: number) {}

  /** A request has come. */
  earn(): void {
    this.pay(this.share);
  }

  /** May one more attempt be made? Then it is paid for. */
  spend(): boolean {
    this.pay(((clock.now - this.paidAt) / 1000) * LEAST_PER_SECOND);
    this.paidAt = clock.now;
    if (this.balance < 1) return false;
    this.balance--;
    return true;
  }

  private pay(attempts: number): void {
    this.balance = Math.min(MOST_SAVED, this.balance + attempts);
  }
}
