import { type Block, blockOf, type BlockSource, component, parallel, series } from "../block";
import { evaluate } from "./evaluate";
import type { MarkovChain } from "./markov-chain";

/** How something takes over for something else: neither at once nor always. */
export interface FailoverProps {
  /** For example `shop`: in the ids of what the failover itself costs. */
  readonly name: string;
  /** Serves while it is up. It is switched from when it fails. */
  readonly primary: BlockSource;
  /** Takes over. */
  readonly standby: BlockSource;
  /** Share of the primary's failures that are noticed and switched from, 0 to 1; the others last until it is repaired. */
  readonly coverage: number;
  /** From the failure until the standby serves, in hours: checks that must fail, names that must expire, moving. */
  readonly switchHours: number;
  /** Besides `switchHours`, until a cold standby serves, in hours: it must be started first. @default 0, warm */
  readonly startHours?: number;
  /** Where coverage and times come from. */
  readonly source: string;
}

/** What a failure of the primary means for users, where the standby takes over. */
export interface FailoverTimes {
  /** Recovery time of a failure that is switched from, in hours. */
  readonly recoveryHours: number;
  /** Failures of the primary in a year of 8,760 hours. */
  readonly failuresPerYear: number;
  /** Mean downtime of one failure, those that are not noticed included, in hours. */
  readonly meanDowntimeHours: number;
}

/**
 * Two ways to serve and what lies between them. Down while both are, while it switches, and while a failure of the
 * primary goes unnoticed: primary and standby keep their parts, shared ones count once, and the failover adds two
 * components of its own, one for its time and one for its coverage.
 *
 * The method takes each of these by itself. Against the Markov chain of the same pair (`failoverChain`) it errs by
 * terms of second order: relatively by no more than about the primary's and standby's unavailabilities plus the
 * switching time over the primary's times to failure and to repair.
 *
 * @throws RangeError for a share or times that cannot be, and for a primary of which it is not known how often it fails
 */
export function failover(props: FailoverProps): {
  readonly availability: Block;
  readonly times: FailoverTimes;
} {
  const { name, coverage, switchHours, startHours = 0, source } = props;
  if (!(coverage >= 0 && coverage <= 1)) {
    throw new RangeError(
      `failover "${name}": coverage must be a number from 0 to 1, got ${String(coverage)}`,
    );
  }
  if (!(switchHours >= 0 && startHours >= 0 && Number.isFinite(switchHours + startHours))) {
    throw new RangeError(
      `failover "${name}": switchHours and startHours must be numbers of at least 0, got ${switchHours} and ${startHours}`,
    );
  }
  const [primary, standby] = [blockOf(props.primary), blockOf(props.standby)];
  const found = evaluate(primary, { cutSets: false });
  const frequency = found.exact ? found.frequency : undefined;
  if (!found.exact || frequency?.perYear === undefined) {
    const unknown = frequency?.unknown.join(", ") ?? "it is too large";
    throw new RangeError(`failover "${name}": it is not known how often the primary fails (${unknown})`);
  }
  const perHour = frequency.perYear / HOURS_PER_YEAR;
  const repairHours = frequency.meanOutageHours ?? 0;
  const recoveryHours = switchHours + startHours;
  const switching = Math.min(1, coverage * perHour * recoveryHours);
  const unnoticed = (1 - coverage) * found.unavailability;
  const own = (what: string, unavailability: number, meanOutageHours: number): Block[] =>
    unavailability === 0 || meanOutageHours === 0
      ? []
      : [
          component(
            `failover/${name}/${what}`,
            { unavailability, meanOutageHours },
            { label: `${what} of ${name}`, kind: "assumed", source },
          ),
        ];
  return {
    availability: series(
      parallel(primary, standby),
      ...own("switching", switching, recoveryHours),
      ...own("unnoticed failures", unnoticed, repairHours),
    ),
    times: {
      recoveryHours,
      failuresPerYear: frequency.perYear,
      meanDowntimeHours: coverage * recoveryHours + (1 - coverage) * repairHours,
    },
  };
}

const HOURS_PER_YEAR = 8760;

/** Rates of a pair of which each is one repairable unit, per hour. */
export interface FailoverRates {
  readonly primaryFails: number;
  readonly primaryRepaired: number;
  readonly standbyFails: number;
  readonly standbyRepaired: number;
  readonly coverage: number;
  /** One over the time to switch. */
  readonly switched: number;
}

/**
 * The same pair as a continuous-time Markov chain: both up; switching; standby serves; both down; an unnoticed failure
 * of the primary; standby down while the primary serves; standby down during an unnoticed failure.
 */
export function failoverChain(rates: FailoverRates): MarkovChain {
  const { primaryFails, primaryRepaired, standbyFails, standbyRepaired, coverage, switched } = rates;
  const transitions: readonly (readonly [from: number, to: number, rate: number])[] = [
    [0, 1, coverage * primaryFails],
    [0, 4, (1 - coverage) * primaryFails],
    [0, 5, standbyFails],
    [1, 0, primaryRepaired],
    [1, 2, switched],
    [1, 3, standbyFails],
    [2, 0, primaryRepaired],
    [2, 3, standbyFails],
    [3, 5, primaryRepaired],
    [3, 2, standbyRepaired],
    [4, 0, primaryRepaired],
    [4, 6, standbyFails],
    [5, 0, standbyRepaired],
    [5, 3, primaryFails],
    [6, 4, standbyRepaired],
    [6, 5, primaryRepaired],
  ];
  const table = Array.from({ length: 7 }, () => Array<number>(7).fill(0));
  for (const [from, to, rate] of transitions) (table[from] as number[])[to] = rate;
  return { rates: table, up: [true, false, true, false, false, true, false] };
}
