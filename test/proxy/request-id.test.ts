import { RequestIds } from "../../proxy/request-id";

afterEach(() => jest.restoreAllMocks());

test("ids have 20 characters, are told apart, and sort as they were made", () => {
  const ids = new RequestIds();
  const made = Array.from({ length: 1000 }, () => ids.next());
  expect(made.every((id) => /^[0-9a-v]{20}$/.test(id))).toBe(true);
  expect(new Set(made).size).toBe(1000);
  expect(made.toSorted()).toEqual(made);
});

test("they sort as they were made when the system's clock is set back, too", () => {
  // GIVEN a clock that goes on, back, and on again
  const now = jest.spyOn(Date, "now");
  const ids = new RequestIds();
  const made = [1_700_000_000, 1_700_000_002, 1_600_000_000, 1_700_000_003].map((second) => {
    now.mockReturnValue(second * 1000);
    return ids.next();
  });
  // THEN
  expect(made.toSorted()).toEqual(made);
});

test("two processes' ids of one second are told apart", () => {
  expect(new RequestIds().next()).not.toBe(new RequestIds().next());
});
