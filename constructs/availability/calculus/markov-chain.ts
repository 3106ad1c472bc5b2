/** A continuous-time Markov chain: rates per hour from state to state. */
export interface MarkovChain {
  /** Rows are where it leaves, columns where it goes; the diagonal is not looked at. */
  readonly rates: readonly (readonly number[])[];
  /** Which states count as up. */
  readonly up: readonly boolean[];
}

export interface SteadyState {
  /** Share of time in each state. */
  readonly probabilities: readonly number[];
  /** Share of time in states that count as down. */
  readonly unavailability: number;
  /** How often it goes from up to down. */
  readonly outagesPerHour: number;
  /** Mean time down; undefined where it never goes down. */
  readonly meanOutageHours: number | undefined;
}

/**
 * The steady state of an irreducible chain, by elimination without subtraction (Grassmann, Taksar and Heyman, 1985):
 * every digit of a small probability is kept.
 *
 * @throws RangeError for rates that are no square of numbers of at least 0, and for states that lead nowhere
 */
export function steadyState({ rates, up }: MarkovChain): SteadyState {
  const n = rates.length;
  const wrong = rates.some((row) => row.length !== n || row.some((rate, at) => at < 0 || !(rate >= 0)));
  if (n === 0 || wrong || up.length !== n) {
    throw new RangeError(
      `Markov chain: expected ${n} rows of ${n} rates of at least 0, and ${n} states up or down`,
    );
  }
  const a = rates.map((row) => [...row]);
  const at = (row: number, column: number): number => (a[row] as number[])[column] as number;
  const leaving: number[] = [];
  for (let last = n - 1; last > 0; last--) {
    let sum = 0;
    for (let to = 0; to < last; to++) sum += at(last, to);
    if (sum === 0) throw new RangeError(`Markov chain: state ${last} leads to none of the states before it`);
    leaving[last] = sum;
    for (let from = 0; from < last; from++) {
      const share = at(from, last) / sum;
      for (let to = 0; to < last; to++) {
        if (to !== from) (a[from] as number[])[to] = at(from, to) + share * at(last, to);
      }
    }
  }
  const weight = [1];
  for (let state = 1; state < n; state++) {
    let sum = 0;
    for (let from = 0; from < state; from++) sum += (weight[from] as number) * at(from, state);
    weight[state] = sum / (leaving[state] as number);
  }
  const total = weight.reduce((sum, one) => sum + one, 0);
  const probabilities = weight.map((one) => one / total);
  let unavailability = 0;
  let outagesPerHour = 0;
  probabilities.forEach((probability, from) => {
    if (up[from] !== true) unavailability += probability;
    else {
      rates[from]?.forEach((rate, to) => {
        if (to !== from && up[to] !== true) outagesPerHour += probability * rate;
      });
    }
  });
  return {
    probabilities,
    unavailability,
    outagesPerHour,
    meanOutageHours: outagesPerHour === 0 ? undefined : unavailability / outagesPerHour,
  };
}
