import { clock } from "../../../../proxy/clock";
import { RetryBudget } from "../../../../proxy/origins/groups/retry-budget";

const began = clock.now;
afterEach(() => (clock.now = began));

/** How often in a row one more attempt may be made. */
function spent(budget: RetryBudget): number {
  let times = 0;
  while (budget.spend()) times++;
  return times;
}

test("a share of the requests is earned, and a few attempts are there from the start", () => {
  // GIVEN a quarter of the requests WHEN a hundred have come THEN 25, and the first three
  const budget = new RetryBudget(0.25);
  for (let request = 0; request < 100; request++) budget.earn();
  expect(spent(budget)).toBe(28);
});

test("where there are no requests a few attempts a second come back", () => {
  // GIVEN a budget that is spent WHEN two seconds go by THEN six more
  const budget = new RetryBudget(0.2);
  expect(spent(budget)).toBe(3);
  clock.now += 2000;
  expect(spent(budget)).toBe(6);
});

test("no more than a hundred are saved up", () => {
  const budget = new RetryBudget(1);
  for (let request = 0; request < 10_000; request++) budget.earn();
  expect(spent(budget)).toBe(100);
});
