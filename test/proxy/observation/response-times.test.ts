import { Histogram } from "../../../proxy/observation/histogram";
import { httpStats, ResponseTimes } from "../../../proxy/observation/response-times";

test("keeps one time in as many as it is told, and of those the latest", () => {
  // GIVEN room for three, and one in two kept WHEN ten come
  const times = new ResponseTimes(3, 2);
  for (let seconds = 1; seconds <= 10; seconds++) times.add(seconds);
  // THEN the last three of 2, 4, 6, 8, 10 are there
  expect(times.sample().sort((one, other) => one - other)).toEqual([6, 8, 10]);
});

test("several processes' times and counts are one statistic", () => {
  // GIVEN 1 to 100 s in two processes
  const half = (from: number) => Array.from({ length: 50 }, (_, index) => from + index);
  const stats = httpStats([
    { times: half(51), countsByStatus: [[200, 149], [502, 1]] }, // prettier-ignore
    { times: half(1), countsByStatus: [[200, 150]] },
  ]);
  // THEN
  expect(stats.request).toEqual({ count: 300, status_count: { 200: 299, 502: 1 } });
  expect(stats.response).toEqual({
    ...{ max_time: 100, min_time: 1, average_time: 50.5 },
    percentiled_time: { 90: 90, 95: 95, 99: 99 },
  });
});

test("no response is no time at all", () => {
  expect(httpStats([]).response).toMatchObject({ max_time: 0, average_time: 0, percentiled_time: { 99: 0 } });
});

test("a histogram's buckets each hold what is no longer than they say", () => {
  // GIVEN a bound itself, a time between two, and one past all of them
  const histogram = new Histogram();
  for (const seconds of [0.001, 0.3, 60]) histogram.add(seconds);
  // WHEN
  const snapshot: Record<string, number> = {};
  histogram.into(snapshot, "took_seconds", 'origin="a"');
  // THEN each counts those of the ones before it too
  const bucket = (bound: string) => snapshot[`took_seconds_bucket{origin="a",le="${bound}"}`];
  expect([bucket("0.001"), bucket("0.25"), bucket("0.5"), bucket("30"), bucket("+Inf")]).toEqual([
    1, 1, 2, 2, 3,
  ]);
  expect(snapshot['took_seconds_sum{origin="a"}']).toBeCloseTo(60.301);
  expect(snapshot['took_seconds_count{origin="a"}']).toBe(3);
});
