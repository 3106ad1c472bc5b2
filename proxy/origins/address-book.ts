import { clock } from "../clock";

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

  /** @param tolerance failed exchanges in a row before an address that accepts connections is set aside */
  constructor(private readonly tolerance: number) {}

  /** What the resolver says now. Standing of addresses that are gone and unused is forgotten. */
  update(addresses: readonly string[]): void {
    this.current = addresses;
    for (const [address, { open }] of this.standings) {
      if (open === 0 && !addresses.includes(address)) this.standings.delete(address);
    }
  }

  /** False once the name no longer has this address. */
  isCurrent(address: string): boolean {
    return this.current.length === 0 || this.current.includes(address);
  }

  /** The current addresses in the order to try them: the fewest connections first, those set aside last. */
  order(): string[] {
    const aside = (address: string): number => Math.max(0, this.of(address).asideUntil - clock.now);
    return [...this.current].sort((a, b) => aside(a) - aside(b) || this.of(a).open - this.of(b).open);
  }

  /** The address in good standing with the fewest exchanges under way. */
  leastBusy(): string | undefined {
    let best: string | undefined;
    for (const address of this.current) {
      const { busy, asideUntil } = this.of(address);
      if (asideUntil > clock.now) continue;
      if (best === undefined || busy < this.of(best).busy) best = address;
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

  private of(address: string): Standing {
    let standing = this.standings.get(address);
    if (standing === undefined) {
      standing = { open: 0, busy: 0, failures: 0, asideUntil: 0 };
      this.standings.set(address, standing);
    }
    return standing;
  }
}
