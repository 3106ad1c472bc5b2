import { createServer, type IncomingMessage, request } from "node:http";
import { saying } from "./saying";

/** What Node's parser, llhttp, makes of bytes. */
export interface Read {
  readonly start: string;
  readonly body: string;
}

/** Rejects where the body is not whole. */
async function bodyOf(message: IncomingMessage): Promise<string> {
  let body = "";
  for await (const piece of message.setEncoding("latin1")) body += piece;
  if (!message.complete) throw new Error("not whole");
  return body;
}

/** The requests that llhttp finds in these bytes, to their end; undefined where it refuses some of them. */
export function requestsIn(bytes: Buffer): Promise<Read[] | undefined> {
  return new Promise((resolve) => {
    const found: Promise<Read>[] = [];
    let refused = false;
    const server = createServer({ requireHostHeader: false, connectionsCheckingInterval: 2 ** 30 });
    // Or what is read would be given up as the other end says no more.
    (server as unknown as { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;
    const take = (message: IncomingMessage, answer: { end(): unknown }): void => {
      found.push(
        bodyOf(message).then((body) => {
          answer.end();
          return { start: `${message.method} ${message.url}`, body };
        }),
      );
    };
    server.on("request", take).on("checkContinue", take).on("checkExpectation", take);
    server.on("clientError", (_error, other) => {
      refused = true;
      other.destroy();
    });
    const socket = saying(bytes);
    socket.on("close", () => {
      server.close();
      Promise.all(found).then(
        (all) => resolve(refused ? undefined : all),
        () => resolve(undefined),
      );
    });
    server.emit("connection", socket);
  });
}

/** The answer that llhttp reads to a GET, where the connection ends with it; undefined where it refuses it. */
export function responseIn(bytes: Buffer): Promise<Read | undefined> {
  return new Promise((resolve) => {
    const refuse = (): void => resolve(undefined);
    let come = false;
    const asked = request({ createConnection: () => saying(bytes) as never }, (message) => {
      come = true;
      bodyOf(message).then((body) => resolve({ start: String(message.statusCode), body }), refuse);
    });
    asked.on("error", () => come || refuse()).on("upgrade", refuse);
    asked.on("close", () => come || refuse()).end();
  });
}
