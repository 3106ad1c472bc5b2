import { exposition, RequestMetrics, type Snapshot, sum } from "../../../proxy/observation/metrics";

/** What a worker that answered this tells. */
function snapshotOf(
  ...answers: readonly (readonly [status: number, sent: number, seconds: number])[]
): Snapshot {
  const metrics = new RequestMetrics();
  for (const [status, sent, seconds] of answers) metrics.completed(status, sent, seconds);
  const snapshot: Snapshot = {};
  metrics.into(snapshot);
  return snapshot;
}

test("counts answers by status, their bytes, and how long they took", () => {
  // GIVEN, WHEN
  const snapshot = snapshotOf([200, 10, 0.004], [200, 5, 40], [502, 20, 0.001]);

  // THEN
  expect(snapshot).toMatchObject({
    'requests_total{status="200"}': 2,
    'requests_total{status="502"}': 1,
    response_body_bytes_total: 35,
    'request_seconds_bucket{le="0.001"}': 1,
    'request_seconds_bucket{le="0.005"}': 2,
    'request_seconds_bucket{le="30"}': 2,
    'request_seconds_bucket{le="+Inf"}': 3,
    request_seconds_count: 3,
  });
  expect(Object.keys(snapshot).filter((series) => series.startsWith("requests_total"))).toHaveLength(2);
});

test("the numbers of several workers are one", () => {
  expect(sum([snapshotOf([200, 1, 1]), snapshotOf([200, 2, 1], [404, 0, 1]), {}])).toMatchObject({
    'requests_total{status="200"}': 2,
    'requests_total{status="404"}': 1,
    response_body_bytes_total: 3,
    request_seconds_sum: 3,
  });
});

test("says of each family once what it is, with the program's prefix, and of none that has no series", () => {
  // GIVEN a program with a family of its own
  const families = { prefix: "test_", own: [["routes", "gauge", "Routes."]] as const };
  const snapshot = { 'requests_total{status="200"}': 2, request_seconds_count: 2, routes: 3, unknown: 1 };

  // WHEN, THEN
  expect(exposition(families, snapshot)).toBe(
    [
      "# HELP test_requests_total Requests answered, by status.",
      "# TYPE test_requests_total counter",
      'test_requests_total{status="200"} 2',
      "# HELP test_request_seconds Time from a request's first byte to its response's last.",
      "# TYPE test_request_seconds histogram",
      "test_request_seconds_count 2",
      "# HELP test_routes Routes.",
      "# TYPE test_routes gauge",
      "test_routes 3",
      "",
    ].join("\n"),
  );
});
