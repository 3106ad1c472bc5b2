import { createSecureServer } from "node:http2";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createSecureContext, createServer as createTlsServer } from "node:tls";
import { Log } from "./observation/log";
import { type Options } from "./options/options";
import { Service } from "./service";
import { throwawayCertificate } from "./throwaway-certificate";

/** Milliseconds after which clients are let in, rehearsed or not. */
const LONGEST_MS = 250;
const CLIENTS_PER_ORIGIN = 6;
const ROUNDS = 30;
/** What origins and clients send in turn: code is compiled for what it has seen, and thrown away at the first surprise. */
const ANSWERS = [
  "Server: nginx\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 2\r\nConnection: keep-alive\r\n",
  "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 2\r\nKeep-Alive: timeout=75\r\nVary: Accept-Encoding\r\n",
  'Content-Type: application/json\r\nCache-Control: no-store\r\nETag: "0"\r\nTransfer-Encoding: chunked\r\n',
];
const REQUESTS = [
  "User-Agent: rehearsal\r\nAccept: */*\r\n",
  "Connection: keep-alive\r\nAccept-Encoding: gzip\r\nAuthorization: Bearer 0\r\nX-Forwarded-For: 127.0.0.1\r\n",
  "User-Agent: rehearsal\r\nContent-Type: application/json\r\nContent-Length: 2\r\ntraceparent: 00-0-0-00\r\n",
];

/**
 * Sends some requests through a second instance of the service to origins of its own on loopback, one of each kind,
 * before clients come: JavaScript is compiled as it is first run, which would otherwise cost the first request some
 * milliseconds.
 */
export async function rehearse(options: Options): Promise<void> {
  const certificate = throwawayCertificate();
  const origins: readonly (readonly [suffix: string, origin: Server])[] = [
    ["ccnproxy", createServer(answerAll)],
    ["ccnproxy-https", createTlsServer(certificate, answerAll)],
    ["ccnproxy-https", createSecureServer(certificate, (_request, response) => response.end("ok"))],
  ];
  const service = new Service(
    {
      ...options,
      upstream: "",
      allow: ["127.0.0.1"],
      allowAddress: ["127.0.0.1"],
      warm: [],
      accessLogDir: "none",
      maxClients: 0,
      keepaliveConns: CLIENTS_PER_ORIGIN,
    },
    new Log(() => undefined),
    createSecureContext({ ca: certificate.cert }),
  );
  const listener = service.listener();
  try {
    const entry = await listening(listener);
    const talks = origins.map(async ([suffix, origin]) => {
      const host = `127.0.0.1.${suffix}.rehearsal:${await listening(origin)}`;
      await Promise.all(Array.from({ length: CLIENTS_PER_ORIGIN }, (_, i) => converse(entry, i, host)));
    });
    await Promise.race([Promise.all(talks), sleep(LONGEST_MS)]);
  } finally {
    service.stop();
    for (const [, origin] of origins) origin.close();
  }
}

function answerAll(socket: NodeJS.ReadWriteStream): void {
  let round = 0;
  socket.on("error", () => undefined);
  socket.on("data", () => {
    const fields = ANSWERS[round++ % ANSWERS.length]!;
    const body = fields.includes("chunked") ? "2\r\nok\r\n0\r\n\r\n" : "ok";
    socket.write(`HTTP/1.1 200 OK\r\n${fields}\r\n${body}`);
  });
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

/** Asks again and again on one connection. */
function converse(port: number, client: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port });
    let round = 0;
    const ask = (): void => {
      const fields = REQUESTS[round++ % REQUESTS.length]!;
      const [method, body] = fields.includes("Content-Length") ? ["POST", "{}"] : ["GET", ""];
      socket.write(`${method} /${client} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n${body}`);
    };
    socket.on("error", reject);
    socket.on("data", () => {
      if (round < ROUNDS) ask();
      else socket.destroy();
    });
    socket.on("close", () => resolve());
    ask();
  });
}
