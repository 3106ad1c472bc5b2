import { type Fellows, type Telling, WorkerFellows } from "../../../proxy/together/fellows";
import { type Share, type ShareHolder } from "../../../proxy/together/share";
import { ShareBook } from "../../../proxy/together/share-book";
import { RetryBudget } from "../../../proxy/origins/groups/retry-budget";

jest.useFakeTimers();

/** A worker that keeps to a share of one thing, and what it has told and not been heard of yet. */
class Fellow implements ShareHolder {
  readonly said: Telling[] = [];
  readonly told: Telling[] = [];
  readonly fellows: WorkerFellows;
  private own: Share | undefined;
  inUse = 0;

  constructor(
    readonly slot: number,
    count: number,
    shares: [string, number][],
    private readonly total: number,
  ) {
    const place = { slot, count, checks: slot === 0, standings: [], shares };
    const send = (telling: Telling): unknown => this.said.push(telling);
    this.fellows = new WorkerFellows(place, send, () => Promise.resolve());
  }

  spare(): number {
    return this.share.size - this.inUse;
  }

  /** Takes what it keeps to, from the first look on. */
  get share(): Share {
    return (this.own ??= this.fellows.share("thing", this.total, this));
  }

  take(): boolean {
    if (this.inUse >= this.share.size) {
      void this.share.want();
      return false;
    }
    this.inUse++;
    return true;
  }

  giveBack(): void {
    this.inUse--;
    this.share.passesOn();
  }

  leave(): void {
    if (this.own !== undefined) this.fellows.leaveShare(this.own, this);
    this.own = undefined;
  }
}

/** Workers and their supervisor; what one tells another is under way until it is delivered. */
class Together {
  readonly workers: (Fellow | undefined)[] = [];
  readonly book: ShareBook;

  constructor(
    readonly count: number,
    readonly total: number,
  ) {
    this.book = new ShareBook(count, (slot, order) => this.workers[slot]?.told.push({ orders: [order] }));
    for (let slot = 0; slot < count; slot++) this.start(slot);
  }

  start(slot: number): Fellow {
    return (this.workers[slot] = new Fellow(slot, this.count, this.book.join(slot), this.total));
  }

  /** What it has told, and what it is told, goes with it. */
  kill(slot: number): void {
    this.workers[slot] = undefined;
    this.book.leave(slot);
  }

  get living(): Fellow[] {
    return this.workers.filter((worker) => worker !== undefined);
  }

  /** One message of this worker, or to it, comes to where it goes. */
  deliver({ slot, said, told, fellows }: Fellow, own: boolean): void {
    if (own) for (const message of said.shift()?.shares ?? []) this.book.hear(slot, message);
    else fellows.hear(told.shift() ?? {});
  }

  /** Until nothing is under way any more. */
  settle(): void {
    jest.advanceTimersByTime(1_000);
    for (let busy = true; busy; jest.advanceTimersByTime(1)) {
      busy = false;
      for (const worker of this.living) {
        busy ||= worker.said.length + worker.told.length > 0;
        while (worker.said.length > 0) this.deliver(worker, true);
        while (worker.told.length > 0) this.deliver(worker, false);
      }
    }
  }

  /** What each has. */
  get sizes(): number[] {
    return this.workers.map((worker) => worker?.share.size ?? 0);
  }

  /** Has this one take all that it can get. */
  fill(slot: number): Fellow {
    const worker = this.workers[slot]!;
    for (let tries = 0; tries < 10 * this.total; tries++) if (!worker.take()) this.settle();
    return worker;
  }
}

test("each begins with its part, and one that needs more gets all that the others do not use", () => {
  const together = new Together(3, 10);
  expect(together.sizes).toEqual([4, 3, 3]);
  together.workers[2]!.take();
  expect(together.fill(0).inUse).toBe(9);
  expect(together.sizes).toEqual([9, 0, 1]);
});

test("GIVEN one that has all WHEN others want some THEN what becomes free is theirs, down to its first part", () => {
  const together = new Together(2, 6);
  const greedy = together.fill(0);
  expect([greedy.inUse, together.fill(1).inUse]).toEqual([6, 0]);
  for (let i = 0; i < 6; i++) greedy.giveBack();
  together.settle();
  expect(together.sizes).toEqual([3, 3]);
});

test("GIVEN a worker that has ended WHEN others want its part THEN it is theirs until it is wanted again", () => {
  const together = new Together(2, 4);
  together.fill(0);
  together.kill(0);
  expect(together.fill(1).inUse).toBe(4);
  together.start(0);
  expect(together.fill(0).inUse).toBe(0);
  together.workers[1]!.giveBack();
  together.settle();
  expect(together.fill(0).inUse).toBe(1);
});

test("GIVEN a place that nobody takes WHEN one wants that part THEN it has it", () => {
  const together = new Together(2, 5);
  together.kill(1);
  expect(together.fill(0).inUse).toBe(5);
});

test("GIVEN a part that a worker was asked for WHEN it ends without a word THEN who wanted it has it", () => {
  const together = new Together(2, 4);
  const [one, other] = together.workers as [Fellow, Fellow];
  for (let i = 0; i < 3; i++) one.take();
  jest.advanceTimersByTime(1);
  together.deliver(one, true);
  expect(other.told).toEqual([{ orders: [{ key: "thing", total: 4, give: true }] }]);
  together.kill(1);
  together.settle();
  expect(one.share.size).toBe(4);
});

test("GIVEN what was granted to a worker WHEN it ends before it hears of it THEN it is not lost", () => {
  const together = new Together(2, 2);
  const [one, other] = together.workers as [Fellow, Fellow];
  one.take();
  one.take();
  jest.advanceTimersByTime(1);
  together.deliver(one, true);
  together.deliver(other, false);
  jest.advanceTimersByTime(1);
  together.deliver(other, true);
  expect(one.told).toEqual([{ orders: [{ key: "thing", total: 2, grant: 1 }] }]);
  together.kill(0);
  expect(together.fill(1).inUse).toBe(2);
});

test("GIVEN workers that keep to it no more THEN nothing of it is remembered, wherever it was", () => {
  const together = new Together(3, 6);
  together.fill(0);
  together.fill(1);
  for (const worker of together.living) {
    while (worker.inUse > 0) worker.giveBack();
    worker.leave();
  }
  together.settle();
  // WHEN it comes up again THEN it begins anew
  expect(together.book.join(0)).toEqual([]);
  expect(together.sizes).toEqual([2, 2, 2]);
});

/** Numbers from 0 to below `below`, the same for the same seed. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  "whatever is under way, in use, begun, ended or left: all have never more than there is, and later all of it (%i)",
  (seed) => {
    const random = numbers(seed);
    const together = new Together(1 + random(4), 1 + random(12));
    const inUse = (): number => together.living.reduce((sum, worker) => sum + worker.inUse, 0);
    for (let step = 0; step < 3_000; step++) {
      const slot = random(together.count);
      const worker = together.workers[slot];
      const what = random(20);
      if (worker === undefined) {
        if (what < 5) together.start(slot);
      } else if (what < 6) worker.take();
      else if (what < 10) {
        if (worker.inUse > 0) worker.giveBack();
      } else if (what < 14) together.deliver(worker, true);
      else if (what < 18) together.deliver(worker, false);
      else if (what === 18) {
        if (random(20) === 0) together.kill(slot);
      } else if (worker.inUse === 0) worker.leave();
      jest.advanceTimersByTime(random(4) === 0 ? 20 : 0);
      expect(inUse()).toBeLessThanOrEqual(together.total);
    }
    // WHEN one alone wants it THEN it has the whole
    for (const worker of together.living) while (worker.inUse > 0) worker.giveBack();
    const last = random(together.count);
    if (together.workers[last] === undefined) together.start(last);
    together.settle();
    expect(together.fill(last).inUse).toBe(together.total);
  },
);

describe("a retry budget", () => {
  const spent = (budget: RetryBudget): number => {
    let times = 0;
    while (budget.spend()) times++;
    return times;
  };
  const budgets = (share: number): [Together, RetryBudget, RetryBudget] => {
    const together = new Together(2, 0);
    const of = (slot: number): RetryBudget =>
      new RetryBudget(share, together.workers[slot]!.fellows as Fellows, "search");
    return [together, of(0), of(1)];
  };

  test("GIVEN two workers THEN what is there from the start, and what is saved at most, is one", () => {
    const [, one, other] = budgets(1);
    expect(spent(one) + spent(other)).toBe(3);
    for (let request = 0; request < 1_000; request++) {
      one.earn();
      other.earn();
    }
    expect(spent(one) + spent(other)).toBe(100);
  });

  test("WHEN one has spent its own THEN it has what the other one does not need", () => {
    const [together, one, other] = budgets(1);
    for (let request = 0; request < 40; request++) one.earn();
    let used = 0;
    for (let i = 0; i < 20; i++) {
      used += spent(other);
      together.settle();
    }
    // All but what is not worth passing on; both had some at the start.
    expect(used + spent(one)).toBe(43);
    expect(used).toBeGreaterThan(40);
  });
});
