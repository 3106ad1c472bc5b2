import { NewsBook, type OriginEvent, type OriginNews, type OriginStanding } from "./origin-news";
import { firstShare, Share, type ShareHolder } from "./share";
import { type ShareMessage, type ShareOrder } from "./share-book";

/** Where one circuit or check tells the same one in other workers what it has seen. */
export interface NewsLine {
  /** What was told before this began. */
  readonly standing: OriginStanding | undefined;
  tell(event: OriginEvent): void;
  /** It is no more. */
  close(): void;
}

/**
 * Asks whoever knows of all processes that serve together, of things that are the program's own; the answer is
 * undefined where he is silent.
 */
export type AskTogether = (question: unknown) => Promise<unknown>;

/** The processes that serve together, as one of them sees them. */
export interface Fellows {
  /** How many there are, this one included. */
  readonly count: number;
  /** From 0, another one in each. */
  readonly slot: number;
  /** This one makes the checks that all go by. */
  readonly checks: boolean;
  /** Undefined where a process serves alone. */
  readonly ask: AskTogether | undefined;
  /** @param name the same in all of them */
  line(name: string, hear: (event: OriginEvent) => void): NewsLine;
  /**
   * A part of something that all have together, to be given back by `leaveShare`.
   *
   * @param total 0 for what has no fixed sum
   */
  share(name: string, total: number, holder: ShareHolder): Share;
  leaveShare(share: Share, holder: ShareHolder): void;
}

const DEAF: NewsLine = { standing: undefined, tell: () => undefined, close: () => undefined };

/** A process that serves alone. */
export const ALONE: Fellows = {
  count: 1,
  slot: 0,
  checks: true,
  ask: undefined,
  line: () => DEAF,
  share: (name, total, holder) => new Share(name, total, total, total, holder, undefined),
  leaveShare: () => undefined,
};

/** What a worker is told when it begins. */
export interface Place {
  /** From 0, another one than each of those who serve. */
  readonly slot: number;
  readonly count: number;
  readonly checks: boolean;
  readonly standings: readonly (readonly [string, OriginStanding])[];
  /** What it has of that which is not divided as at first. */
  readonly shares: readonly (readonly [string, number])[];
}

/** What workers tell their supervisor, and are told. */
export interface Telling {
  /** What the worker is to begin with; told first, and once. */
  readonly place?: Place;
  readonly news?: readonly OriginNews[];
  readonly shares?: readonly ShareMessage[];
  readonly orders?: readonly ShareOrder[];
  /** From now on the checks are this worker's to make. */
  readonly checks?: true;
}

/** The other workers, by way of the supervisor. */
export class WorkerFellows implements Fellows {
  readonly count: number;
  checks: boolean;
  readonly slot: number;
  private readonly book = new NewsBook();
  private readonly listeners = new Map<string, Set<(event: OriginEvent) => void>>();
  private readonly shares = new Map<string, Share>();
  /** What this worker has of shares that nobody here keeps to yet, where that is not what each has at first. */
  private readonly otherSizes: Map<string, number>;
  private news: OriginNews[] = [];
  private messages: ShareMessage[] = [];
  private sending = false;

  /**
   * @param send to the supervisor
   * @param ask the supervisor
   */
  constructor(
    { slot, count, checks, standings, shares }: Place,
    private readonly send: (telling: Telling) => void,
    readonly ask: AskTogether,
  ) {
    this.slot = slot;
    this.count = count;
    this.checks = checks;
    this.book.learn(standings);
    this.otherSizes = new Map(shares);
  }

  line(name: string, hear: (event: OriginEvent) => void): NewsLine {
    let listeners = this.listeners.get(name);
    if (listeners === undefined) this.listeners.set(name, (listeners = new Set()));
    listeners.add(hear);
    return {
      standing: this.book.standing(name),
      tell: (event) => {
        this.book.note([name, event]);
        this.news.push([name, event]);
        this.sendSoon();
      },
      close: () => {
        listeners.delete(hear);
        if (listeners.size === 0 && this.listeners.get(name) === listeners) this.listeners.delete(name);
      },
    };
  }

  share(name: string, total: number, holder: ShareHolder): Share {
    let share = this.shares.get(name);
    if (share === undefined) {
      const size = this.otherSizes.get(name) ?? this.first(total);
      this.otherSizes.delete(name);
      share = new Share(name, total, size, Math.floor(total / this.count), holder, (message) =>
        this.sayOfShare(message),
      );
      this.shares.set(name, share);
    } else share.takenBy(holder);
    return share;
  }

  leaveShare(share: Share, holder: ShareHolder): void {
    if (share.leftBy(holder) && share.restsAt(this.first(share.total))) this.shares.delete(share.key);
  }

  /** What the supervisor has to tell. */
  hear({ news = [], orders = [], checks }: Telling): void {
    if (checks === true) this.checks = true;
    for (const [name, event] of news) {
      this.book.note([name, event]);
      for (const hear of this.listeners.get(name) ?? []) hear(event);
    }
    for (const order of orders) this.obey(order);
  }

  private obey(order: ShareOrder): void {
    const { key, total } = order;
    const share = this.shares.get(key);
    if (share === undefined) this.obeyForNobody(order);
    else {
      share.obey(order);
      if (share.restsAt(this.first(total))) this.shares.delete(key);
    }
  }

  /** All of a share that nobody here keeps to can be given, and what comes above its first part is others'. */
  private obeyForNobody({ key, total, give, grant = 0 }: ShareOrder): void {
    const first = this.first(total);
    const size = (this.otherSizes.get(key) ?? first) + grant;
    const given = give === true ? size : Math.max(0, size - first);
    if (give === true || given > 0) this.sayOfShare({ key, total, given });
    if (size - given === first) this.otherSizes.delete(key);
    else this.otherSizes.set(key, size - given);
  }

  private sayOfShare(message: ShareMessage): void {
    this.messages.push(message);
    this.sendSoon();
  }

  private first(total: number): number {
    return firstShare(total, this.count, this.slot);
  }

  /** What comes of one turn of the loop goes together. */
  private sendSoon(): void {
    if (this.sending) return;
    this.sending = true;
    setImmediate(() => {
      this.sending = false;
      const { news, messages: shares } = this;
      this.news = [];
      this.messages = [];
      this.send({ news, shares });
    });
  }
}
