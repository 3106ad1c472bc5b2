import { KeyBook, type KeysAnswer, type KeysQuestion } from "../../gateway/tokens/key-book";

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const QUESTION: KeysQuestion = { source: "users", has: 0, refresh: 600, unknown: false };

/** A worker as the book sees it. */
class Worker {
  private has = 0;

  constructor(private readonly book: KeyBook) {}

  async asks(more: Partial<KeysQuestion> = {}): Promise<KeysAnswer> {
    const answer = await this.book.answer({ ...QUESTION, has: this.has, ...more });
    if ("set" in answer) this.has = answer.number;
    return answer;
  }

  /** @returns its turn */
  async hasTurn(more: Partial<KeysQuestion> = {}): Promise<number> {
    const answer = await this.asks(more);
    expect(answer).toHaveProperty("turn");
    return (answer as { turn: number }).turn;
  }

  /** It had the turn, and was told this; undefined where it was told nothing. */
  tells(turn: number, set: string | undefined, more: Partial<KeysQuestion> = {}): Promise<KeysAnswer> {
    return this.asks({ ...more, came: set === undefined ? { turn } : { turn, set } });
  }
}

function workers(): readonly [Worker, Worker, Worker] {
  const book = new KeyBook();
  return [new Worker(book), new Worker(book), new Worker(book)];
}

test("GIVEN workers that need an issuer's keys WHEN they ask THEN one has the turn, and all have what it was told", async () => {
  const [first, second, later] = workers();
  const turn = await first.hasTurn();
  const waiting = second.asks();
  expect(await first.tells(turn, "keys")).toMatchObject({ set: "keys", age: 0 });
  expect(await waiting).toMatchObject({ set: "keys", age: 0 });
  // AND a worker that starts later has them at once, and is told how old they are
  jest.advanceTimersByTime(200_000);
  expect(await later.asks()).toMatchObject({ set: "keys", age: 200 });
  // AND nobody asks the issuer before it is time
  expect(await later.asks()).toEqual({ pause: 400 });
  jest.advanceTimersByTime(400_000);
  const next = await second.hasTurn();
  expect(await second.tells(next, "newer keys")).toMatchObject({ set: "newer keys" });
  for (const worker of [first, later]) expect(await worker.asks()).toMatchObject({ set: "newer keys" });
});

test("GIVEN a turn that lasts WHEN others wait for it THEN they are told to ask again; who has nothing yet has what was told before", async () => {
  const [first, second, later] = workers();
  const turn = await first.hasTurn();
  const waiting = second.asks();
  await jest.advanceTimersByTimeAsync(1_000);
  expect(await waiting).toEqual({ pause: 0 });
  await first.tells(turn, "keys");
  await second.asks();
  jest.advanceTimersByTime(600_000);
  await first.hasTurn();
  expect(await later.asks()).toMatchObject({ set: "keys", age: 600 });
});

test("GIVEN an issuer that does not answer WHEN the turn ends THEN the next try is everybody's together, later each time, and the keys stay", async () => {
  const [first, second, later] = workers();
  await first.tells(await first.hasTurn(), "keys");
  await second.asks();
  jest.advanceTimersByTime(600_000);
  for (const pause of [1, 2, 4, 8]) {
    const turn = await first.hasTurn();
    const waiting = second.asks();
    expect(await first.tells(turn, undefined)).toEqual({ pause });
    expect(await waiting).toEqual({ pause });
    jest.advanceTimersByTime(pause * 1000);
  }
  expect(await later.asks()).toMatchObject({ set: "keys", age: 615 });
  // AND once it answers all begins anew
  await second.tells(await second.hasTurn(), "newer keys");
  expect(await first.asks()).toMatchObject({ set: "newer keys", age: 0 });
  expect(await first.asks()).toEqual({ pause: 600 });
});

test("GIVEN a pause that would be longer than `refresh` WHEN a turn comes to nothing THEN it is `refresh`", async () => {
  const [first] = workers();
  const soon = { refresh: 3 };
  for (const pause of [1, 2, 3, 3]) {
    expect(await first.tells(await first.hasTurn(soon), undefined, soon)).toEqual({ pause });
    jest.advanceTimersByTime(pause * 1000);
  }
});

test("GIVEN a worker that ended in its turn WHEN nothing was heard of it for long THEN it is another's, and what it says then is of no use", async () => {
  const [first, second] = workers();
  const turn = await first.hasTurn();
  await jest.advanceTimersByTimeAsync(9_000);
  const waiting = second.asks();
  await jest.advanceTimersByTimeAsync(1_000);
  const taken = await waiting;
  expect(taken).toHaveProperty("turn");
  const late = first.tells(turn, "late keys");
  await second.tells((taken as { turn: number }).turn, "keys");
  expect(await late).toMatchObject({ set: "keys" });
});

test("GIVEN tokens of keys that are not known WHEN workers ask for them THEN the issuer is asked once in 30 s, by all together", async () => {
  const [first, second] = workers();
  const unknown = { unknown: true };
  await first.tells(await first.hasTurn(), "keys");
  await second.asks();
  await first.tells(await first.hasTurn(unknown), "keys", unknown);
  // AND what another was told meanwhile is newer
  expect(await second.asks(unknown)).toMatchObject({ set: "keys", age: 0 });
  for (const worker of [first, second]) expect(await worker.asks(unknown)).toEqual({ pause: 600 });
  jest.advanceTimersByTime(29_999);
  expect(await second.asks(unknown)).toHaveProperty("pause");
  jest.advanceTimersByTime(1);
  await second.hasTurn(unknown);
});

test("GIVEN issuers that are asked for no more WHEN another comes THEN those are forgotten, and no set has a number that was another's", async () => {
  const [first, second] = workers();
  const soon = { refresh: 10 };
  const told = await first.tells(await first.hasTurn(soon), "keys", soon);
  jest.advanceTimersByTime(31_000);
  await second.hasTurn({ source: "others" });
  const again = await second.tells(await second.hasTurn(soon), "other keys", soon);
  expect((again as { number: number }).number).toBeGreaterThan((told as { number: number }).number);
});
