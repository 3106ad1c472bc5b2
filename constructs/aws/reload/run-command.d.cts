/** What a program has come to on a machine. */
export interface Outcome {
  /** With which it has ended; null where it has not, or could not be run. */
  readonly code: number | null;
  /** What it has written to standard output, of which the first 24,000 characters are kept; or why it could not be run. */
  readonly said: string;
  /** Whether it may have begun. */
  readonly began: boolean;
}

/**
 * Has machines run a program as root, all at once.
 *
 * @param aws what the AWS CLI answers to these words @throws Error with what it said
 * @param ids of instances
 * @param program a script, its first line the interpreter's
 * @param how `what` it is for, for whoever looks at the account's commands; time between two looks; how long Systems
 *   Manager tries to reach a machine, and how long the program may run, 120 s unless given; `onOutcome`, told of each
 * @returns the outcome of each machine, by its id
 */
export function runOnMachines(
  aws: (words: readonly string[]) => Promise<unknown>,
  ids: readonly string[],
  program: string,
  how: {
    readonly what: string;
    readonly pollMs?: number;
    readonly deliverySeconds?: number;
    readonly runSeconds?: number;
    readonly onOutcome?: (id: string, outcome: Outcome) => void;
  },
): Promise<ReadonlyMap<string, Outcome>>;
