import { connect as connectPlain, isIP, type Socket } from "node:net";
import { connect as connectTls, type SecureContext, type TLSSocket } from "node:tls";
import { whenUp } from "../clock";
import { endpointOf } from "./place";
import { type Origin } from "../route";

/** How to reach one address of an origin. */
export interface DialOptions {
  readonly origin: Origin;
  /** One of its places'. */
  readonly address: string;
  readonly timeoutSeconds: number;
  readonly secureContext: SecureContext;
  readonly alpn: readonly string[];
  /** A TLS session to resume, which spares a certificate exchange. */
  readonly session: Buffer | undefined;
  readonly onSession: (session: Buffer) => void;
}

/** No connection in time: 504 rather than 502. */
export class ConnectTimeout extends Error {}

/**
 * Connects to one address: TCP, and for https TLS with the certificate verified for the origin's name.
 * @returns the connected socket. @throws ConnectTimeout or the network's or TLS's error
 */
export function dial(options: DialOptions): Promise<Socket> {
  const { origin, address, timeoutSeconds } = options;
  const { host, port, text: where } = endpointOf(origin, address);
  const socket = origin.tls ? dialTls(options, host, port) : connectPlain({ host, port });
  // Between here and its owner's first look nothing may find it without a listener.
  socket.on("error", () => undefined);
  // What becomes of a tunnel whose other side has ended is its owner's business.
  socket.allowHalfOpen = true;
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 30_000);
  const event = origin.tls ? "secureConnect" : "connect";
  return new Promise((resolve, reject) => {
    const takeBack = whenUp(timeoutSeconds, () =>
      socket.destroy(new ConnectTimeout(`no connection to ${where} within ${timeoutSeconds} s`)),
    );
    const settle = (): void => {
      takeBack();
      socket.off(event, ready).off("error", failed).off("close", closed);
    };
    const ready = (): void => {
      settle();
      resolve(socket);
    };
    const failed = (error: Error): void => {
      settle();
      socket.destroy();
      reject(error);
    };
    const closed = (): void => failed(new Error(`${where} closed the connection before it was ready`));
    socket.on(event, ready).on("error", failed).on("close", closed);
  });
}

function dialTls(options: DialOptions, host: string, port: number): TLSSocket {
  const { origin, secureContext, alpn, session, onSession } = options;
  const serverName = origin.serverName ?? origin.host;
  const socket = connectTls({
    host,
    port,
    secureContext,
    ALPNProtocols: [...alpn],
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
    ...(session === undefined ? {} : { session }),
  });
  socket.on("session", onSession);
  return socket;
}
