import { connect as connectPlain, isIP, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions, type SecureContext } from "node:tls";
import { clock } from "./clock";
import { type Failure, type Requester } from "./exchange";
import { OriginConnection } from "./origin-connection";
import { type Options } from "./options";
import { type Resolver } from "./resolver";
import { type Origin } from "./route";

/** What all pools share. */
export interface PoolContext {
  readonly options: Options;
  readonly resolver: Resolver;
  readonly secureContext: SecureContext;
}

interface Waiter {
  readonly requester: Requester;
  readonly since: number;
}

/** The connections to one origin: idle ones taken last in, first out, so that few are busy and the rest may go. */
export class OriginPool {
  readonly idle: OriginConnection[] = [];
  private readonly open = new Set<OriginConnection>();
  private readonly waiting: Waiter[] = [];
  private connecting = 0;
  private warm = 0;
  private closing = false;

  constructor(
    readonly origin: Origin,
    private readonly context: PoolContext,
  ) {}

  get size(): number {
    return this.open.size + this.connecting;
  }

  /** Nothing is open and nobody waits: the pool may be forgotten. */
  get unused(): boolean {
    return this.warm === 0 && this.size === 0 && this.waiting.length === 0;
  }

  /** Keeps at least `count` connections open from now on. */
  keepWarm(count: number): void {
    this.warm = Math.max(this.warm, count);
    this.fill();
  }

  /** Calls `requester.send` with a connection, now if one is idle, or `requester.fail`. */
  acquire(requester: Requester, fresh = false): void {
    const connection = fresh ? undefined : this.idle.pop();
    if (connection !== undefined) {
      connection.begin(requester);
      return;
    }
    if (this.waiting.length >= Math.max(this.context.options.maxQueue, 1) && this.full) {
      requester.fail({ status: 503, problem: "too many requests wait for this origin" });
      return;
    }
    this.waiting.push({ requester, since: clock.now });
    if (this.connecting < this.waiting.length && !this.full) this.connect();
  }

  /** The requester's client is gone. */
  forget(requester: Requester): void {
    const index = this.waiting.findIndex((waiter) => waiter.requester === requester);
    if (index >= 0) this.waiting.splice(index, 1);
  }

  released(connection: OriginConnection): void {
    const next = this.waiting.shift();
    if (next !== undefined) {
      connection.begin(next.requester);
      return;
    }
    if (this.closing) {
      connection.close();
      return;
    }
    this.idle.push(connection);
    if (this.idle.length > Math.max(this.context.options.keepaliveConns, this.warm)) this.idle[0]!.close();
  }

  closed(connection: OriginConnection): void {
    if (!this.open.delete(connection)) return;
    const index = this.idle.lastIndexOf(connection);
    if (index >= 0) this.idle.splice(index, 1);
    if (this.connecting < this.waiting.length && !this.full) this.connect();
    this.fill();
  }

  /** Enforces time-outs; called once a tick. */
  sweep(now: number): void {
    const { proxyReadTimeout, originIdleTimeout, queueTimeout } = this.context.options;
    for (const connection of this.open) {
      const still = now - connection.touched;
      if (connection.idle) {
        const limit =
          connection.idleSeconds > 0
            ? Math.min(originIdleTimeout, connection.idleSeconds - 1)
            : originIdleTimeout;
        if (still > limit * 1000) connection.close();
      } else if (!connection.paused && still > proxyReadTimeout * 1000) {
        connection.timeOut(`no byte from the origin for ${proxyReadTimeout} s`);
      }
    }
    while (this.waiting.length > 0 && now - this.waiting[0]!.since > queueTimeout * 1000) {
      this.waiting
        .shift()!
        .requester.fail({ status: 504, problem: `no connection to the origin within ${queueTimeout} s` });
    }
  }

  /** Closes what is idle, and everything else as it becomes so. */
  drain(): void {
    this.closing = true;
    this.warm = 0;
    for (const connection of [...this.idle]) connection.close();
  }

  private get full(): boolean {
    const { maxConnsPerHost } = this.context.options;
    return maxConnsPerHost > 0 && this.size >= maxConnsPerHost;
  }

  private fill(): void {
    while (!this.closing && this.size < this.warm && !this.full) this.connect();
  }

  private connect(): void {
    this.connecting++;
    this.connectAny().then(
      (connection) => {
        this.connecting--;
        if (connection.dead) return this.failed({ status: 502, problem: "origin closed a new connection" });
        this.open.add(connection);
        this.released(connection);
      },
      (error: unknown) => {
        this.connecting--;
        this.failed(asFailure(error));
      },
    );
  }

  /** An attempt has failed, and with it the oldest waiter; the others keep their own attempts or open connections. */
  private failed(failure: Failure): void {
    this.waiting.shift()?.requester.fail(failure);
    if (this.connecting + this.open.size < this.waiting.length && !this.full) this.connect();
  }

  /** A connection to the first address that takes one. */
  private async connectAny(): Promise<OriginConnection> {
    const addresses = await this.context.resolver.resolve(this.origin.host);
    let failed: unknown;
    for (const address of addresses) {
      try {
        return await this.connectTo(address);
      } catch (error) {
        failed = error;
      }
    }
    throw failed;
  }

  private connectTo(address: string): Promise<OriginConnection> {
    const { options, secureContext } = this.context;
    const { host, port, tls } = this.origin;
    const connection = new OriginConnection(this, options);
    const { onread } = connection;
    return new Promise((resolve, reject) => {
      const socket: Socket = tls
        ? connectTls({
            host: address,
            port,
            secureContext,
            ...(isIP(host) === 0 ? { servername: host } : {}),
            ALPNProtocols: ["http/1.1"],
            // Given to the socket it makes, as net.connect would.
            onread,
          } as ConnectionOptions)
        : connectPlain({ host: address, port, onread });
      connection.attach(socket);
      socket.setNoDelay(true);
      const timer = setTimeout(
        () =>
          socket.destroy(
            new TimeOutError(`no connection to ${address}:${port} within ${options.connectTimeout} s`),
          ),
        options.connectTimeout * 1000,
      );
      const settle = (): void => {
        clearTimeout(timer);
        socket
          .off(tls ? "secureConnect" : "connect", ready)
          .off("error", failed)
          .off("close", closed);
      };
      const ready = (): void => {
        settle();
        connection.established();
        resolve(connection);
      };
      const failed = (error: Error): void => {
        settle();
        socket.on("error", () => undefined);
        reject(error);
      };
      const closed = (): void =>
        failed(new Error(`${address}:${port} closed the connection before it was ready`));
      socket
        .on(tls ? "secureConnect" : "connect", ready)
        .on("error", failed)
        .on("close", closed);
    });
  }
}

class TimeOutError extends Error {}

function asFailure(error: unknown): Failure {
  const problem = error instanceof Error ? error.message || error.constructor.name : String(error);
  return { status: error instanceof TimeOutError ? 504 : 502, problem };
}
