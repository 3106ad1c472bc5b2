/** What became of a turn. */
export type TurnEnd =
  /** The issuer told this set, as text. */
  | { readonly turn: number; readonly set: string }
  /** It did not. */
  | { readonly turn: number; readonly set?: undefined };

/** What a worker asks for: keys of an issuer that are newer than its own. */
export interface KeysQuestion {
  /** Who tells them, and where. */
  readonly source: string;
  /** Number of the set that it has; 0 for none. */
  readonly has: number;
  /** Seconds between two looks. */
  readonly refresh: number;
  /** A token was signed with a key that is not in its set. */
  readonly unknown: boolean;
  /** The worker had the turn, and this is what came of it. */
  readonly came?: TurnEnd;
}

export type KeysAnswer =
  /** A newer set, told `age` seconds ago. */
  | { readonly set: string; readonly number: number; readonly age: number }
  /** The worker is to ask the issuer, and then to say what came of it. */
  | { readonly turn: number }
  /** There is nothing newer; seconds until the question may be worth asking again. */
  | { readonly pause: number };

/** Milliseconds between two looks that tokens with unknown keys cause: whoever makes such up asks the issuer no more. */
const UNKNOWN_KEY_PAUSE_MS = 30_000;
/** Seconds until the first try after one that failed; each further one waits for twice as long, up to `refresh`. */
const FIRST_PAUSE = 1;
/** Milliseconds for which somebody waits for another's turn before he is told to ask again: less than he would wait. */
const HELD_MS = 1_000;
/** Milliseconds until a turn of which nothing was heard is another's: longer than the issuer is given to answer. */
const TURN_MS = 10_000;

/** What is known of one source; times as `performance.now()` tells them. */
interface Entry {
  set: string;
  /** 0 while there is none. */
  number: number;
  toldAt: number;
  /** Since it told them last. */
  failures: number;
  /** When it is to be looked at again. */
  dueAt: number;
  unknownAt: number;
  turn: { readonly number: number; readonly endsAt: number } | undefined;
  /** Wait until the turn has ended. */
  readonly waiting: Set<() => void>;
  /** When nobody asks for it any more. */
  unwantedAt: number;
}

/**
 * The keys that issuers told last: kept where all workers of a gateway ask, so that one of them asks the issuer and
 * the others have its answer.
 */
export class KeyBook {
  private readonly entries = new Map<string, Entry>();
  private turns = 0;

  async answer(question: KeysQuestion): Promise<KeysAnswer> {
    const entry = this.entryOf(question);
    if (question.came !== undefined) this.end(entry, question.came, question.refresh);
    const answer = this.judge(entry, question);
    if (answer !== undefined) return answer;
    await this.turnEnd(entry);
    return this.judge(entry, question) ?? { pause: 0 };
  }

  /** @returns undefined while another has the turn, and there is nothing newer yet */
  private judge(entry: Entry, { has, unknown }: KeysQuestion): KeysAnswer | undefined {
    const now = performance.now();
    const { set, number, toldAt, turn } = entry;
    if (number > has) return { set, number, age: (now - toldAt) / 1000 };
    if (turn !== undefined && turn.endsAt > now) return undefined;
    const forUnknown = unknown && now - entry.unknownAt >= UNKNOWN_KEY_PAUSE_MS;
    if (!forUnknown && entry.dueAt > now) return { pause: (entry.dueAt - now) / 1000 };
    if (forUnknown) entry.unknownAt = now;
    entry.turn = { number: ++this.turns, endsAt: now + TURN_MS };
    return { turn: this.turns };
  }

  private end(entry: Entry, { turn, set }: TurnEnd, refresh: number): void {
    // Of a turn that has become another's it does not matter any more.
    if (entry.turn?.number !== turn) return;
    entry.turn = undefined;
    const now = performance.now();
    if (set === undefined) {
      entry.dueAt = now + Math.min(refresh, FIRST_PAUSE * 2 ** entry.failures++) * 1000;
    } else {
      // Above any that a worker may have of an earlier entry that was forgotten.
      Object.assign(entry, { set, number: turn, toldAt: now, failures: 0, dueAt: now + refresh * 1000 });
    }
    for (const wake of entry.waiting) wake();
  }

  private turnEnd({ waiting }: Entry): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, HELD_MS);
      waiting.add(wake);
    });
  }

  private entryOf({ source, refresh }: KeysQuestion): Entry {
    const now = performance.now();
    let entry = this.entries.get(source);
    if (entry === undefined) {
      for (const [other, { unwantedAt }] of this.entries) if (unwantedAt < now) this.entries.delete(other);
      entry = {
        set: "",
        number: 0,
        toldAt: -Infinity,
        failures: 0,
        dueAt: -Infinity,
        unknownAt: -Infinity,
        turn: undefined,
        waiting: new Set(),
        unwantedAt: 0,
      };
      this.entries.set(source, entry);
    }
    entry.unwantedAt = now + 2 * refresh * 1000 + TURN_MS;
    return entry;
  }
}
