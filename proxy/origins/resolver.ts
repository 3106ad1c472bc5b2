import { lookup, Resolver as DnsResolver } from "node:dns/promises";
import { readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";
import { type AddressGuard } from "./address-guard";
import { clock } from "../clock";
import { type Origin } from "../route";
import { equalPlace, type Place, servicePlace } from "./place";

/** One SRV record. */
interface ServiceRecord {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

interface Answer {
  readonly addresses: readonly string[];
  /** Of a service, which has no addresses itself. */
  readonly records?: readonly ServiceRecord[];
  /** Seconds the answer may be used. */
  readonly ttl: number;
}

interface Entry {
  answer: Answer | undefined;
  /** `clock.now` after which a new answer is wanted. */
  expires: number;
  /** The name does not exist; remembered until `expires`. */
  absent: Error | undefined;
  asking: Promise<Answer> | undefined;
}

/** There is no such name, or no address under it, as opposed to: nobody could be asked. */
export class NameAbsent extends Error {}

/** What the metrics tell of name look-ups. */
export interface ResolverCounts {
  queries: number;
  failures: number;
  staleAnswers: number;
  cached: number;
}

const MIN_TTL_SECONDS = 1;
const MAX_TTL_SECONDS = 300;
/** Seconds an answer without a TTL of its own is used (getaddrinfo, the hosts file, SRV records as Node tells them). */
const LOCAL_TTL_SECONDS = 5;
const NEGATIVE_TTL_MS = 1_000;
/** Seconds after its end that an answer still serves while no server gives a new one. */
const MAX_STALE_SECONDS = 86_400;
/** Milliseconds a request waits for a new answer when an expired one is at hand. */
const STALE_AFTER_MS = 200;
/** Milliseconds before a name is asked for again after its servers failed. */
const RETRY_MS = 1_000;
const MAX_ENTRIES = 4096;
const HOSTS_FILE = "/etc/hosts";

/**
 * Names to addresses: the hosts file, then DNS (A and AAAA, with their TTLs), then whatever else the system's name
 * service knows. Answers are cached for their TTL, and beyond it while no server answers.
 */
export class Resolver {
  readonly counts: ResolverCounts = { queries: 0, failures: 0, staleAnswers: 0, cached: 0 };

  private readonly entries = new Map<string, Entry>();
  private readonly dns = new DnsResolver({ timeout: 1_000, tries: 2 });
  private hosts = new Map<string, string[]>();
  private hostsRead = -Infinity;
  private hostsStamp = "";

  /** @param servers DNS servers (`address` or `address:port`) to ask instead of the system's */
  constructor(
    private readonly guard: AddressGuard,
    servers: readonly string[] = [],
  ) {
    if (servers.length > 0) this.dns.setServers(servers);
  }

  /** Where an origin can be reached, at least one place. @throws Error naming the host */
  async placesOf({ host, service }: Pick<Origin, "host" | "service">): Promise<readonly Place[]> {
    if (service !== true) return (await this.resolve(host)).map(equalPlace);
    const records = (await this.known(`SRV ${host}`, () => this.queryService(host))).records!;
    const found = await Promise.allSettled(
      records.map(async ({ name, port, priority, weight }) =>
        (await this.resolve(name)).map((address) => servicePlace(address, port, priority, weight)),
      ),
    );
    const places = found.flatMap((each) => (each.status === "fulfilled" ? each.value : []));
    // A host that cannot be found is one that cannot be reached: the others serve.
    const failure = found.find((each) => each.status === "rejected");
    if (places.length === 0 && failure !== undefined)
      throw new Error(`${host}: ${(failure.reason as Error).message}`);
    return places;
  }

  /** Addresses of `host` that an origin may have, at least one. @throws Error naming the host */
  async resolve(host: string): Promise<readonly string[]> {
    if (isIP(host) !== 0) return this.permitted(host, [host]);
    return this.permitted(host, (await this.answer(host)).addresses);
  }

  private async answer(host: string): Promise<Answer> {
    const local = this.fromHosts(host);
    if (local !== undefined) return { addresses: local, ttl: LOCAL_TTL_SECONDS };
    return this.known(host, () => this.query(host));
  }

  /** What is known of a name, or else what `query` finds. */
  private async known(host: string, query: () => Promise<Answer>): Promise<Answer> {
    const entry = this.entry(host);
    if (clock.now < entry.expires) {
      this.counts.cached++;
      if (entry.absent !== undefined) throw entry.absent;
      return entry.answer!;
    }
    entry.asking ??= this.ask(host, entry, query).finally(() => (entry.asking = undefined));
    if (entry.answer === undefined) return entry.asking;
    const stale = await settledWithin(entry.asking, STALE_AFTER_MS);
    if (stale !== undefined) return stale;
    if (entry.answer === undefined) return this.known(host, query);
    this.counts.staleAnswers++;
    return entry.answer;
  }

  private entry(host: string): Entry {
    let entry = this.entries.get(host);
    if (entry === undefined) {
      if (this.entries.size >= MAX_ENTRIES) this.entries.clear();
      entry = { answer: undefined, expires: 0, absent: undefined, asking: undefined };
      this.entries.set(host, entry);
    }
    return entry;
  }

  private async ask(host: string, entry: Entry, query: () => Promise<Answer>): Promise<Answer> {
    this.counts.queries++;
    try {
      const answer = await query();
      entry.answer = answer;
      entry.absent = undefined;
      entry.expires = clock.now + answer.ttl * 1000;
      return answer;
    } catch (error) {
      this.counts.failures++;
      const said = `${host}: ${error instanceof Error ? error.message : String(error)}`;
      const problem = isAbsence(error) ? new NameAbsent(said) : new Error(said);
      const tooOld = clock.now - entry.expires > MAX_STALE_SECONDS * 1000;
      if (isAbsence(error) || tooOld) {
        entry.answer = undefined;
        entry.absent = problem;
        entry.expires = clock.now + NEGATIVE_TTL_MS;
      } else if (entry.answer !== undefined) {
        entry.expires = clock.now + RETRY_MS;
      }
      throw problem;
    }
  }

  private async query(host: string): Promise<Answer> {
    const [four, six] = await Promise.allSettled([
      this.dns.resolve4(host, { ttl: true }),
      this.dns.resolve6(host, { ttl: true }),
    ]);
    const records = [
      ...(four.status === "fulfilled" ? four.value : []),
      ...(six.status === "fulfilled" ? six.value : []),
    ];
    if (records.length > 0) {
      const ttl = Math.min(
        MAX_TTL_SECONDS,
        Math.max(MIN_TTL_SECONDS, ...[Math.min(...records.map((record) => record.ttl))]),
      );
      return { addresses: records.map((record) => record.address), ttl };
    }
    const failure = [four, six].find((result) => result.status === "rejected" && !isAbsence(result.reason));
    if (failure?.status === "rejected") throw failure.reason;
    // Not in DNS under this very name: search domains, NSS modules and the like are getaddrinfo's business.
    const found = await lookup(host, { all: true });
    return { addresses: found.map(({ address }) => address), ttl: LOCAL_TTL_SECONDS };
  }

  private async queryService(name: string): Promise<Answer> {
    const records = (await this.dns.resolveSrv(name)).filter((record) => record.name !== "");
    // A single record without a host says that the service is nowhere (RFC 2782).
    if (records.length === 0)
      throw Object.assign(new Error("the service is not to be had"), { code: "ENODATA" });
    return { addresses: [], records, ttl: LOCAL_TTL_SECONDS };
  }

  private fromHosts(host: string): string[] | undefined {
    if (clock.now - this.hostsRead > RETRY_MS) {
      this.hostsRead = clock.now;
      try {
        const { mtimeMs, size, ino } = statSync(HOSTS_FILE);
        const stamp = `${mtimeMs} ${size} ${ino}`;
        if (stamp !== this.hostsStamp) this.hosts = parseHosts(readFileSync(HOSTS_FILE, "utf8"));
        this.hostsStamp = stamp;
      } catch {
        this.hosts = new Map(); // no hosts file: DNS alone
      }
    }
    return this.hosts.get(host);
  }

  private permitted(host: string, addresses: readonly string[]): readonly string[] {
    const permitted = addresses.filter((address) => this.guard.permits(address));
    if (permitted.length > 0) return permitted;
    throw new Error(`${host} has no permitted address (has ${addresses.join(", ")})`);
  }
}

function isAbsence(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === "ENOTFOUND" || code === "ENODATA";
}

/** The value, or undefined when the promise fails or takes longer than `ms`. */
function settledWithin<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), ms);
    promise.then(resolve, () => resolve(undefined)).finally(() => clearTimeout(timer));
  });
}

/** Names (lower case) to addresses, from the text of a hosts file. */
export function parseHosts(text: string): Map<string, string[]> {
  const hosts = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [address = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (isIP(address) === 0) continue;
    for (const name of names) {
      const known = hosts.get(name.toLowerCase());
      if (known === undefined) hosts.set(name.toLowerCase(), [address]);
      else if (!known.includes(address)) known.push(address);
    }
  }
  return hosts;
}
