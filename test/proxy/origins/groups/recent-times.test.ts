import { RecentTimes } from "../../../../proxy/origins/groups/recent-times";

const after = (...times: readonly number[]): number | undefined => {
  const recent = new RecentTimes();
  for (const time of times) recent.add(time);
  return recent.p95;
};
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

test("tells nothing of too few times", () => {
  expect(after(...upTo(19))).toBeUndefined();
  expect(after(...upTo(20))).toBe(19);
});

test("tells what 95 of 100 take at most, in whatever order they come", () => {
  expect(after(...upTo(100))).toBe(95);
  expect(after(...upTo(100).reverse())).toBe(95);
});

test("forgets what is long past", () => {
  expect(after(...Array<number>(1000).fill(500), ...Array<number>(256).fill(1))).toBe(1);
});

test("notices a change without being told of each time", () => {
  // GIVEN an origin that answers at once WHEN it was asked THEN one more hardly counts, and many do
  const recent = new RecentTimes();
  for (let i = 0; i < 100; i++) recent.add(1);
  expect(recent.p95).toBe(1);
  for (let i = 0; i < 100; i++) recent.add(9);
  expect(recent.p95).toBe(9);
});
