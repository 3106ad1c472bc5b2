import { createLocalJWKSet, type JSONWebKeySet } from "jose";
import { type Snapshot, whenUp } from "../../proxy/engine";
import { type IssuerOptions } from "../options/issuer-options";
import { type IssuerKeys, type KeyFinder } from "./issuer-keys";
import { type KeptKeys } from "./kept-keys";

/** Asks where the keys are told. @throws with what went wrong */
export type AskForKeys = () => Promise<Buffer>;

/** Tells the log that something came to nothing. */
export type Complain = (what: string, problem: string) => void;

/** Milliseconds between two looks that tokens with unknown keys cause: whoever makes such up asks the issuer no more. */
const UNKNOWN_KEY_PAUSE_MS = 30_000;
/** Seconds until the first try after one that failed; each further one waits for twice as long, up to `refresh`. */
const FIRST_PAUSE = 1;
/** Of one set. */
const MOST_KEYS = 100;

/** Keys that an issuer tells by URL: had before they are needed, looked at again, and kept while it does not answer. */
export class FetchedKeys implements IssuerKeys {
  private finder: KeyFinder | undefined;
  /** `performance.now()` when they were last told. */
  private toldAt = 0;
  private renewedAt = -Infinity;
  private asking: Promise<void> | undefined;
  private failures = 0;
  private asked = 0;
  private failed = 0;
  private stopped = false;
  private takeBack: (() => void) | undefined;

  constructor(
    private readonly options: IssuerOptions,
    private readonly ask: AskForKeys,
    private readonly complain: Complain,
    /** Where they outlive a restart; undefined for nowhere. */
    private readonly kept: KeptKeys | undefined,
  ) {
    this.restore();
    void this.look();
  }

  get ready(): boolean {
    return this.finder !== undefined;
  }

  async current(): Promise<KeyFinder | undefined> {
    // Before they were ever told whoever needs them waits for the look that is under way.
    if (this.finder === undefined) await this.asking;
    return (performance.now() - this.toldAt) / 1000 > this.options.keepKeys ? undefined : this.finder;
  }

  async renew(): Promise<boolean> {
    if (this.asking === undefined) {
      const now = performance.now();
      if (now - this.renewedAt < UNKNOWN_KEY_PAUSE_MS) return false;
      this.renewedAt = now;
    }
    await (this.asking ?? this.look());
    return true;
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

  private look(): Promise<void> {
    this.takeBack?.();
    this.asking = this.read().then(() => {
      this.asking = undefined;
      if (this.stopped) return;
      const { refresh } = this.options;
      const pause = this.failures === 0 ? refresh : Math.min(refresh, FIRST_PAUSE * 2 ** (this.failures - 1));
      this.takeBack = whenUp(pause, () => void this.look());
    });
    return this.asking;
  }

  private async read(): Promise<void> {
    this.asked++;
    try {
      const told = await this.ask();
      this.finder = createLocalJWKSet(keySet(told));
      this.toldAt = performance.now();
      this.failures = 0;
      this.keep(told);
    } catch (error) {
      this.failed++;
      this.failures++;
      this.complain("keys of an issuer not had", (error as Error).message);
    }
  }

  /** Those of an earlier run serve until the issuer has been asked, for as long as they would have there. */
  private restore(): void {
    try {
      const found = this.kept?.read();
      if (found === undefined || found.age > this.options.keepKeys) return;
      this.finder = createLocalJWKSet(keySet(found.set));
      this.toldAt = performance.now() - found.age * 1000;
    } catch (error) {
      this.complain("kept keys of an issuer not read", (error as Error).message);
    }
  }

  private keep(told: Buffer): void {
    try {
      this.kept?.write(told);
    } catch (error) {
      this.complain("keys of an issuer not kept", (error as Error).message);
    }
  }
}

/** @throws where it is none, or has no key: what cannot be meant does not take the place of keys that serve */
function keySet(json: Buffer): JSONWebKeySet {
  const set = JSON.parse(json.toString()) as Partial<JSONWebKeySet> | null;
  const keys = set?.keys;
  if (!Array.isArray(keys)) throw new Error("the answer is no JWK set");
  if (keys.length === 0 || keys.length > MOST_KEYS) throw new Error(`a JWK set of ${keys.length} keys`);
  return { keys };
}
