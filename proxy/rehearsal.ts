import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Log } from "./log";
import { type Options } from "./options";
import { Service } from "./service";

/** Milliseconds after which clients are let in, rehearsed or not. */
const LONGEST_MS = 250;
const CLIENTS = 16;
const ROUNDS = 30;
const ANSWER = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";
const REQUEST = "GET /rehearsal HTTP/1.1\r\nHost: rehearsal\r\nUser-Agent: rehearsal\r\nAccept: */*\r\n\r\n";

/**
 * Sends some requests through a second instance of the service to an origin of its own on loopback, before clients
 * come: JavaScript is compiled as it is first run, which would otherwise cost the first request several milliseconds.
 */
export async function rehearse(options: Options): Promise<void> {
  const origin = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", () => socket.write(ANSWER));
  });
  const port = await listening(origin);
  const service = new Service(
    {
      ...options,
      upstream: `http://127.0.0.1:${port}`,
      allowAddress: ["127.0.0.1"],
      caFile: "",
      warm: [],
      accessLogDir: "none",
      keepaliveConns: CLIENTS,
    },
    new Log(() => undefined),
  );
  const listener = service.listener();
  const entry = await listening(listener);
  try {
    await Promise.race([
      Promise.all(Array.from({ length: CLIENTS }, () => converse(entry))),
      sleep(LONGEST_MS),
    ]);
  } finally {
    service.stop();
    origin.close();
  }
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

/** Asks again and again on one connection. */
function converse(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port });
    let rounds = 0;
    socket.on("error", reject);
    socket.on("data", () => {
      if (++rounds < ROUNDS) socket.write(REQUEST);
      else socket.destroy();
    });
    socket.on("close", () => resolve());
    socket.write(REQUEST);
  });
}
