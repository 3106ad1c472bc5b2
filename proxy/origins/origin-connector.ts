import { type SecureContext, type TLSSocket } from "node:tls";
import { type AddressBook } from "./address-book";
import { OriginSession, type SessionOwner } from "./origin-session";
import { type Options } from "../options/options";
import { type ConnectionOwner, OriginConnection } from "./origin-connection";
import { dial } from "./origin-dial";
import { endpointOf } from "./place";
import { type Resolver } from "./resolver";
import { type Origin } from "../route";

/** What all connectors share. */
export interface ConnectorContext {
  readonly options: Options;
  readonly resolver: Resolver;
  readonly secureContext: SecureContext;
  /** For other regions' proxies; it changes when certificates do. */
  readonly peerContext: SecureContext | undefined;
}

/** What a connection may speak: HTTP/1.1, HTTP/2 where TLS negotiates it, or HTTP/2 in any case. */
export type Protocol = "http/1.1" | "negotiated" | "h2";

/** Whose connections they are to be. */
export interface ConnectorOwner extends ConnectionOwner, SessionOwner {
  readonly book: AddressBook;
  /** TLS handshakes, and how many of them resumed a session. */
  readonly counts: { handshakes: number; resumptions: number };
}

const ALPN: Readonly<Record<Protocol, readonly string[]>> = {
  "http/1.1": ["http/1.1"],
  negotiated: ["h2", "http/1.1"],
  h2: ["h2"],
};
/** Milliseconds without a connection before another address is tried beside the first. */
const STAGGER_MS = 300;

/** Makes connections to one origin, to whichever of its addresses takes them. */
export class OriginConnector {
  /** The TLS session to resume. */
  private session: Buffer | undefined;

  constructor(
    private readonly origin: Origin,
    private readonly context: ConnectorContext,
    private readonly protocol: Protocol,
    private readonly owner: ConnectorOwner,
  ) {}

  /**
   * A connection to whichever address takes one first, the most promising asked first.
   * @throws ConnectTimeout, or the last error of resolver, network or TLS
   */
  async connect(): Promise<OriginConnection | OriginSession> {
    const { book } = this.owner;
    book.update(await this.context.resolver.placesOf(this.origin));
    const addresses = book.order();
    const attempts: Promise<OriginConnection | OriginSession>[] = [];
    let failure: unknown;
    for (const address of addresses) {
      attempts.push(this.connectTo(address));
      const last = attempts.length === addresses.length;
      try {
        const won = await (last ? Promise.any(attempts) : orAfter(Promise.any(attempts), STAGGER_MS));
        if (won === undefined) continue;
        for (const attempt of attempts) {
          attempt.then(
            (connection) => {
              if (connection === won) return;
              // Nobody has taken it over, so nobody else counts it.
              book.closed(connection.address);
              connection.close();
            },
            () => undefined,
          );
        }
        return won;
      } catch (error) {
        failure = error instanceof AggregateError ? error.errors.at(-1) : error;
      }
    }
    throw failure;
  }

  private async connectTo(address: string): Promise<OriginConnection | OriginSession> {
    const { origin, owner, protocol } = this;
    const { options, secureContext, peerContext } = this.context;
    owner.book.opening(address);
    try {
      const socket = await dial({
        origin,
        address,
        timeoutSeconds: options.connectTimeout,
        // Other regions' proxies ask for a certificate, which nobody else shall be shown.
        secureContext: origin.peer === true ? peerContext! : secureContext,
        alpn: ALPN[protocol],
        // A session from before would have the other side know an earlier certificate.
        session: origin.peer === true ? undefined : this.session,
        onSession: (session) => (this.session = session),
      });
      // It may have ended since: then nobody would be told of it any more.
      if (socket.destroyed) throw new Error(`${endpointOf(origin, address).text} closed a new connection`);
      if (origin.tls) {
        owner.counts.handshakes++;
        if ((socket as TLSSocket).isSessionReused()) owner.counts.resumptions++;
      }
      const agreed = origin.tls ? (socket as TLSSocket).alpnProtocol : protocol;
      if (agreed === "h2")
        return new OriginSession(owner, address, origin.tls ? "https" : "http", socket, options);
      if (protocol === "h2") {
        socket.destroy();
        throw new Error(`${endpointOf(origin, address).text} does not speak HTTP/2`);
      }
      return new OriginConnection(owner, address, socket, options);
    } catch (error) {
      owner.book.closed(address);
      owner.book.refused(address);
      // A session the origin no longer likes must not spoil the next attempt.
      this.session = undefined;
      throw error;
    }
  }
}

/** The promise's value, or undefined after `ms`. */
function orAfter<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
