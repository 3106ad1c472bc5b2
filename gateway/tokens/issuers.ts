import { authorityOf, type Origin, type OriginPool, type Snapshot } from "../../proxy/engine";
import { type IssuerOptions } from "../options/issuer-options";
import { type AskForKeys, type Complain, FetchedKeys } from "./fetched-keys";
import { FixedKeys, type IssuerKeys } from "./issuer-keys";
import { KeptKeys } from "./kept-keys";
import { keysFrom } from "./keys-request";

/** What issuers need of the gateway. */
export interface IssuersOwner {
  /** Directory of what outlives a restart; empty for none. */
  readonly stateDir: string;
  pool(origin: Origin): OriginPool;
  nextId(): string;
  readonly book: AskForKeys;
  complain(what: string, issuer: string, problem: string): void;
}

export interface Issuer {
  readonly options: IssuerOptions;
  readonly keys: IssuerKeys;
  /** Connections to where its keys are told. */
  readonly pool: OriginPool | undefined;
}

/** All whose tokens are believed, by name; who is as he was keeps his keys when the options are read again. */
export class Issuers {
  private readonly byName = new Map<string, Issuer>();

  constructor(private readonly owner: IssuersOwner) {}

  declare(all: readonly IssuerOptions[]): void {
    for (const [name, issuer] of this.byName) {
      const now = all.find((options) => options.name === name);
      if (JSON.stringify(now) === JSON.stringify(issuer.options)) continue;
      issuer.keys.stop();
      this.byName.delete(name);
    }
    for (const options of all)
      if (!this.byName.has(options.name)) this.byName.set(options.name, this.make(options));
  }

  get(name: string): Issuer {
    return this.byName.get(name)!;
  }

  get ready(): boolean {
    for (const { keys } of this.byName.values()) if (!keys.ready) return false;
    return true;
  }

  has(pool: OriginPool): boolean {
    for (const issuer of this.byName.values()) if (issuer.pool === pool) return true;
    return false;
  }

  into(snapshot: Snapshot): void {
    for (const { keys } of this.byName.values()) if (keys instanceof FetchedKeys) keys.into(snapshot);
  }

  stop(): void {
    for (const { keys } of this.byName.values()) keys.stop();
  }

  private make(options: IssuerOptions): Issuer {
    const { name, jwks } = options;
    if (jwks === undefined) return { options, keys: new FixedKeys(options), pool: undefined };
    const { host, port, path } = jwks;
    const authority = authorityOf(host, port, true);
    const pool = this.owner.pool({ host, port, tls: true, authority });
    const { stateDir } = this.owner;
    const url = `https://${authority}${path}`;
    const kept = stateDir === "" ? undefined : new KeptKeys(stateDir, name, url);
    const source = { name: `${name} ${url}`, ask: () => keysFrom(pool, path, this.owner.nextId()) };
    const complain: Complain = (what, problem) => this.owner.complain(what, name, problem);
    return { options, keys: new FetchedKeys(options, source, this.owner.book, complain, kept), pool };
  }
}
