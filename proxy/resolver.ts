import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { type AddressGuard } from "./address-guard";
import { clock } from "./clock";

interface Entry {
  addresses: readonly string[];
  expires: number;
  refreshing: Promise<readonly string[]> | undefined;
}

/** Milliseconds an answer is used. */
const TTL_MS = 5_000;

/** Names to addresses, cached; an expired answer is used until a new one has come. */
export class Resolver {
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly guard: AddressGuard) {}

  /** Addresses of `host` that an origin may have. @throws Error naming the host when there is none */
  async resolve(host: string): Promise<readonly string[]> {
    if (isIP(host) !== 0) return this.permitted(host, [host]);
    const entry = this.entries.get(host);
    if (entry !== undefined && entry.expires > clock.now) return entry.addresses;
    const fresh = entry?.refreshing ?? this.refresh(host);
    if (entry === undefined) return fresh;
    fresh.catch(() => undefined);
    return entry.addresses;
  }

  private async refresh(host: string): Promise<readonly string[]> {
    const found = await lookup(host, { all: true });
    const addresses = this.permitted(
      host,
      found.map(({ address }) => address),
    );
    this.entries.set(host, { addresses, expires: clock.now + TTL_MS, refreshing: undefined });
    return addresses;
  }

  private permitted(host: string, addresses: readonly string[]): readonly string[] {
    const permitted = addresses.filter((address) => this.guard.permits(address));
    if (permitted.length > 0) return permitted;
    throw new Error(`${host} has no permitted address (found ${addresses.join(", ")})`);
  }
}
