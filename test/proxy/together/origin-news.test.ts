import { type OriginEvent, NewsBook } from "../../../proxy/together/origin-news";
import { Circuit } from "../../../proxy/origins/circuit";
import { clock } from "../../../proxy/clock";
import { type Telling, WorkerFellows } from "../../../proxy/together/fellows";

jest.useFakeTimers();
const began = clock.now;
afterEach(() => (clock.now = began));

const FAILED: OriginEvent = { kind: "failed", problem: "refused", open: undefined };

/** Workers that hear each other at once. */
function workers(count: number): WorkerFellows[] {
  const book = new NewsBook();
  const all: WorkerFellows[] = [];
  for (let slot = 0; slot < count; slot++) {
    const tell = ({ news = [] }: Telling): void => {
      for (const each of news) book.note(each, slot);
      for (const other of all) if (other !== all[slot]) other.hear({ news });
    };
    const place = { slot, count, checks: slot === 0, standings: book.all(), shares: [] };
    all.push(new WorkerFellows(place, tell, () => Promise.resolve()));
  }
  return all;
}

/** Opens after three failures, for five seconds. */
const circuits = (fellows: readonly WorkerFellows[]): Circuit[] =>
  fellows.map((each) => new Circuit(3, 5).join(each, "origin"));

const heard = (): unknown => jest.advanceTimersByTime(1);

test("GIVEN failures that each worker sees THEN they count together", () => {
  const [one, other] = circuits(workers(2)) as [Circuit, Circuit];
  one.failed("refused");
  other.failed("refused");
  heard();
  one.failed("reset");
  heard();
  expect([one.state, other.state, other.problem]).toEqual(["open", "open", "reset"]);
});

test("GIVEN failures of two workers at the same moment THEN these open both circuits, as if one had seen them", () => {
  const [one, other] = circuits(workers(2)) as [Circuit, Circuit];
  for (const circuit of [one, other, one, other]) circuit.failed("refused");
  expect([one.state, other.state]).toEqual(["closed", "closed"]);
  heard();
  expect([one.state, other.state]).toEqual(["open", "open"]);
});

test("GIVEN a circuit that one has opened WHEN its pause is over THEN that one alone lets a request through", () => {
  const [one, other] = circuits(workers(2)) as [Circuit, Circuit];
  for (let i = 0; i < 3; i++) one.failed("refused");
  heard();
  clock.now += 5_000;
  expect([other.admits(), one.admits()]).toEqual([false, true]);
  heard();
  clock.now += 1_000;
  expect(other.admits()).toBe(false);
  // WHEN that came to nothing THEN the other one may try
  one.undecided();
  heard();
  expect(other.admits()).toBe(true);
  // AND when it answers all know
  other.succeeded();
  heard();
  expect([one.state, other.state]).toEqual(["closed", "closed"]);
});

test("GIVEN an answer to what was sent before a circuit opened elsewhere THEN that stays open", () => {
  const [one, other] = circuits(workers(2)) as [Circuit, Circuit];
  one.failed("refused");
  heard();
  for (let i = 0; i < 2; i++) one.failed("refused");
  other.succeeded();
  heard();
  expect(one.state).toBe("open");
});

test("GIVEN a circuit without a pause THEN it is open until something is known, in all workers", () => {
  const [one, other] = workers(2).map((each) => new Circuit(1, 0).join(each, "origin")) as [Circuit, Circuit];
  one.failed("refused");
  heard();
  expect([one.state, other.state]).toEqual(["half-open", "open"]);
});

test("GIVEN a circuit that is open WHEN a worker begins, or is asked for that origin first THEN it is open there too", () => {
  const [one, other] = workers(2) as [WorkerFellows, WorkerFellows];
  const seen = new Circuit(1, 5).join(one, "origin");
  seen.failed("refused");
  heard();
  const late = new Circuit(1, 5).join(other, "origin");
  expect([late.state, late.problem, late.spotless]).toEqual(["open", "refused", false]);
});

test("GIVEN a worker that ends while it tries an origin THEN another one may", () => {
  const book = new NewsBook();
  book.note(["origin", FAILED], 0);
  book.note(["origin", { kind: "probing" }], 1);
  expect([book.left(0), book.left(1), book.left(1)]).toEqual([[], [["origin", { kind: "undecided" }]], []]);
});

test("GIVEN news of long ago THEN they are forgotten, but for a check that fails still", () => {
  const book = new NewsBook();
  book.note(["origin", FAILED]);
  book.note(["check", { kind: "checked", failing: true, problem: "status 500" }]);
  jest.advanceTimersByTime(3_600_000);
  expect(book.all()).toEqual([
    ["check", { failures: 0, problem: "status 500", open: undefined, checkFailing: true }],
  ]);
  book.note(["check", { kind: "checked", failing: false, problem: "" }]);
  expect(book.all()).toEqual([]);
});
