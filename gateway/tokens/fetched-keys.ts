import { createLocalJWKSet, type JSONWebKeySet } from "jose";
import { type Snapshot, whenUp } from "../../proxy/engine";
import { type IssuerOptions } from "../options/issuer-options";
import { type IssuerKeys, type KeyFinder } from "./issuer-keys";
import { type KeptKeys } from "./kept-keys";
import { type KeysAnswer, type KeysQuestion, type TurnEnd } from "./key-book";

/** Where an issuer tells its keys. */
export interface KeySource {
  /** By which workers that ask the same place know it. */
  readonly name: string;
  /** Asks there. @throws with what went wrong */
  ask(): Promise<Buffer>;
}

/** Asks whoever keeps the book of keys; undefined where he does not answer. */
export type AskForKeys = (question: KeysQuestion) => Promise<KeysAnswer | undefined>;

/** Tells the log that something came to nothing. */
export type Complain = (what: string, problem: string) => void;

/** Milliseconds for which the book is not asked again where it knew of nothing newer for a token's key. */
const NOTHING_NEWER_MS = 1_000;
/** Seconds until the book is asked again where nobody answered. */
const SILENCE_PAUSE = 1;
/** Of one set. */
const MOST_KEYS = 100;

/**
 * Keys that an issuer tells by URL: had before they are needed, looked at again, and kept while it does not answer.
 * When it is looked at, and by whom of several workers, the book says.
 */
export class FetchedKeys implements IssuerKeys {
  private finder: KeyFinder | undefined;
  /** `performance.now()` when they were last told. */
  private toldAt = 0;
  /** Of the set in the book. */
  private number = 0;
  private nothingNewerAt = -Infinity;
  private looking: Promise<void> | undefined;
  private asked = 0;
  private failed = 0;
  private stopped = false;
  private takeBack: (() => void) | undefined;

  constructor(
    private readonly options: IssuerOptions,
    private readonly source: KeySource,
    private readonly book: AskForKeys,
    private readonly complain: Complain,
    /** Where they outlive a restart; undefined for nowhere. */
    private readonly kept: KeptKeys | undefined,
  ) {
    this.restore();
    void this.look(false);
  }

  get ready(): boolean {
    return this.finder !== undefined;
  }

  async current(): Promise<KeyFinder | undefined> {
    // Before they were ever told whoever needs them waits for the look that is under way.
    if (this.finder === undefined) await this.looking;
    return (performance.now() - this.toldAt) / 1000 > this.options.keepKeys ? undefined : this.finder;
  }

  async renew(): Promise<boolean> {
    const { finder } = this;
    if (this.looking === undefined) {
      if (performance.now() - this.nothingNewerAt < NOTHING_NEWER_MS) return false;
      void this.look(true);
    }
    await this.looking;
    if (this.finder !== finder) return true;
    this.nothingNewerAt = performance.now();
    return false;
  }

  stop(): void {
    this.stopped = true;
    this.takeBack?.();
  }

  into(snapshot: Snapshot): void {
    const labels = `issuer="${this.options.name}"`;
    snapshot[`issuer_looks_total{${labels}}`] = this.asked;
    snapshot[`issuer_look_failures_total{${labels}}`] = this.failed;
  }

  private look(unknown: boolean): Promise<void> {
    this.takeBack?.();
    this.looking = this.learn(unknown).then((pause) => {
      this.looking = undefined;
      if (!this.stopped) this.takeBack = whenUp(pause, () => void this.look(false));
    });
    return this.looking;
  }

  /** @returns seconds until the next look */
  private async learn(unknown: boolean): Promise<number> {
    const { refresh } = this.options;
    let came: TurnEnd | undefined;
    for (;;) {
      const { number: has } = this;
      const question = { source: this.source.name, has, refresh, unknown, ...(came && { came }) };
      const answer = await this.book(question);
      came = undefined;
      if (answer === undefined) {
        if (!this.stopped) this.complain("keys of an issuer not had", "the supervisor does not answer");
        return SILENCE_PAUSE;
      }
      // A turn is taken in any case: others wait for what comes of it.
      if ("turn" in answer) came = { turn: answer.turn, ...(await this.read()) };
      else if (this.stopped) return 0;
      else if ("set" in answer) {
        this.finder = finderIn(answer.set);
        this.toldAt = performance.now() - answer.age * 1000;
        this.number = answer.number;
        return Math.max(0, refresh - answer.age);
      } else if (answer.pause > 0) return answer.pause;
    }
  }

  /** What the issuer tells; without a set where it does not. */
  private async read(): Promise<{ set?: string }> {
    this.asked++;
    try {
      const set = (await this.source.ask()).toString();
      // What is told to others is what they can read.
      finderIn(set);
      this.keep(set);
      return { set };
    } catch (error) {
      this.failed++;
      this.complain("keys of an issuer not had", (error as Error).message);
      return {};
    }
  }

  /** Those of an earlier run serve until the issuer has been asked, for as long as they would have there. */
  private restore(): void {
    try {
      const found = this.kept?.read();
      if (found === undefined || found.age > this.options.keepKeys) return;
      this.finder = finderIn(found.set);
      this.toldAt = performance.now() - found.age * 1000;
    } catch (error) {
      this.complain("kept keys of an issuer not read", (error as Error).message);
    }
  }

  private keep(set: string): void {
    try {
      this.kept?.write(set);
    } catch (error) {
      this.complain("keys of an issuer not kept", (error as Error).message);
    }
  }
}

/** @throws where it is none, or has no key: what cannot be meant does not take the place of keys that serve */
function finderIn(json: string): KeyFinder {
  const set = JSON.parse(json) as Partial<JSONWebKeySet> | null;
  const keys = set?.keys;
  if (!Array.isArray(keys)) throw new Error("the answer is no JWK set");
  if (keys.length === 0 || keys.length > MOST_KEYS) throw new Error(`a JWK set of ${keys.length} keys`);
  return createLocalJWKSet({ keys });
}
