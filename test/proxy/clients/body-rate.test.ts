import { BodyRate } from "../../../proxy/clients/body-rate";
import { TICK_MS } from "../../../proxy/clock";

const READ_TIMEOUT = 1;
const WITHIN = (READ_TIMEOUT * 1_000) / TICK_MS;
const failed = expect.objectContaining({ status: 408 }) as unknown;

/** What each of so many ticks says. */
function ticks(rate: BodyRate, count: number): unknown[] {
  return Array.from({ length: count }, () => rate.tick());
}

const passed = (count: number): undefined[] => new Array<undefined>(count).fill(undefined);

test("the rate counts from the first byte, and holds once readTimeout is over", () => {
  // GIVEN a body whose first byte was long awaited
  const rate = new BodyRate({ readTimeout: READ_TIMEOUT, minBodyRate: 100 });
  expect(ticks(rate, 100)).toEqual(passed(100));
  // WHEN it comes, and no more
  rate.add(1);
  // THEN it is too slow after readTimeout, not before
  expect(ticks(rate, WITHIN + 1)).toEqual([...passed(WITHIN), failed]);
});

test("what came early makes up for a pause, as far as the average allows", () => {
  const rate = new BodyRate({ readTimeout: READ_TIMEOUT, minBodyRate: 100 });
  rate.add(100 * 2 * READ_TIMEOUT);
  expect(ticks(rate, 2 * WITHIN + 1)).toEqual([...passed(2 * WITHIN), failed]);
});

test("the next body on a connection is judged by itself", () => {
  const rate = new BodyRate({ readTimeout: READ_TIMEOUT, minBodyRate: 100 });
  rate.add(1);
  ticks(rate, WITHIN);
  rate.restart();
  rate.add(1);
  expect(ticks(rate, WITHIN + 1)).toEqual([...passed(WITHIN), failed]);
});

test("a minimum of 0 lets any body pass", () => {
  const rate = new BodyRate({ readTimeout: READ_TIMEOUT, minBodyRate: 0 });
  rate.add(1);
  expect(ticks(rate, 100)).toEqual(passed(100));
});
