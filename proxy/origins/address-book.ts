import { clock } from "../clock";
import { equalPlace, type Place } from "./place";

interface Standing {
  /** Connections open or being opened. */
  open: number;
  /** Exchanges under way. */
  busy: number;
  /** Failures since the last success. */
  failures: number;
  /** `clock.now` until which the address is set aside. */
  asideUntil: number;
}

const FIRST_ASIDE_MS = 1_000;
const LONGEST_ASIDE_MS = 30_000;

/** How the addresses of one origin fare: which to connect to next, and which to leave alone for a while. */
export class AddressBook {
  private readonly standings = new Map<string, Standing>();
  private current: readonly string[] = [];
  private places = new Map<string, Place>();

  /** @param tolerance failed exchanges in a row before an address that accepts connections is set aside */
  constructor(private readonly tolerance: number) {}

  /** What the resolver says now. Standing of addresses that are gone and unused is forgotten. */
  update(places: readonly Place[]): void {
    this.places = new Map(places.map((place) => [place.address, place]));
    this.current = [...this.places.keys()];
    for (const [address, { open }] of this.standings) {
      if (open === 0 && !this.places.has(address)) this.standings.delete(address);
    }
  }

  /** False once the name no longer has this address. */
  isCurrent(address: string): boolean {
    return this.current.length === 0 || this.places.has(address);
  }

  /** One that is to be asked before this one is in good standing. */
  isOutranked(address: string): boolean {
    const { priority } = this.placeOf(address);
    return this.current.some((other) => this.placeOf(other).priority < priority && !this.isAside(other));
  }

  /**
   * The current addresses in the order to try them: those set aside last, by priority, and of the same one those with the
   * fewest connections for their weight first.
   */
  order(): string[] {
    const aside = (address: string): number => Math.max(0, this.of(address).asideUntil - clock.now);
    return [...this.current].sort(
      (a, b) =>
        aside(a) - aside(b) ||
        this.placeOf(a).priority - this.placeOf(b).priority ||
        this.load(a, "open") - this.load(b, "open"),
    );
  }

  /** The address in good standing, of the best priority, with the fewest exchanges under way for its weight. */
  leastBusy(): string | undefined {
    let best: string | undefined;
    for (const address of this.current) {
      if (this.isAside(address)) continue;
      if (best === undefined) {
        best = address;
        continue;
      }
      const worse = this.placeOf(address).priority - this.placeOf(best).priority;
      if (worse < 0 || (worse === 0 && this.load(address, "busy") < this.load(best, "busy"))) best = address;
    }
    return best;
  }

  isAside(address: string): boolean {
    return this.of(address).asideUntil > clock.now;
  }

  asideCount(): number {
    return this.current.filter((address) => this.isAside(address)).length;
  }

  opening(address: string): void {
    this.of(address).open++;
  }

  closed(address: string): void {
    this.of(address).open--;
  }

  borrowed(address: string): void {
    this.of(address).busy++;
  }

  returned(address: string): void {
    this.of(address).busy--;
  }

  worked(address: string): void {
    const standing = this.of(address);
    standing.failures = 0;
    standing.asideUntil = 0;
  }

  /** A connection could not be had: aside at once, longer each time. */
  refused(address: string): void {
    const standing = this.of(address);
    standing.failures++;
    standing.asideUntil =
      clock.now + Math.min(LONGEST_ASIDE_MS, FIRST_ASIDE_MS * 2 ** (standing.failures - 1));
  }

  /** An exchange failed (no answer, or a 5xx one): aside when it goes on, unless no other address is left. */
  failed(address: string): void {
    const standing = this.of(address);
    standing.failures++;
    if (standing.failures < this.tolerance || this.current.length - this.asideCount() <= 1) return;
    standing.asideUntil = clock.now + LONGEST_ASIDE_MS;
    standing.failures = 0;
  }

  /** What it would have with one more, for its weight. */
  private load(address: string, what: "open" | "busy"): number {
    return (this.of(address)[what] + 1) / this.placeOf(address).weight;
  }

  private placeOf(address: string): Place {
    return this.places.get(address) ?? equalPlace(address);
  }

  private of(address: string): Standing {
    let standing = this.standings.get(address);
    if (standing === undefined) {
      standing = { open: 0, busy: 0, failures: 0, asideUntil: 0 };
      this.standings.set(address, standing);
    }
    return standing;
  }
}
