import type { Outcome } from "../testbed";

/** A deploy that has to end well: what it said is shown where it has not. */
export function succeeded(outcome: Outcome): Outcome {
  expect({ code: outcome.code, said: outcome.code === 0 ? "" : outcome.output }).toEqual({
    code: 0,
    said: "",
  });
  return outcome;
}
