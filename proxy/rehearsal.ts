import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createSecureContext, createServer as createTlsServer } from "node:tls";
import { encodeField } from "./http2/hpack";
import { FLAG, FRAME, frame, FrameReader, PREFACE, settingsFrame } from "./http2/http2-frames";
import { Log } from "./observation/log";
import { type Options } from "./options/options";
import { type Program } from "./program";
import { type Service } from "./service";
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
/** A head of HTTP/2 with a date in Huffman coding (RFC 7541 appendix C.6.1) that is kept in the table. */
const HEADER_BLOCK =
  "\x88\x61\x96\xd0\x7a\xbe\x94\x10\x54\xd4\x44\xa8\x20\x05\x95\x04\x0b\x81\x66\xe0\x82\xa6\x2d\x1b\xff" +
  encodeField("content-type", "text/html") +
  encodeField("content-length", "2");
const HEADER_BLOCK_BYTES = 16_384;
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
export async function rehearse<O extends Options>(program: Program<O>, options: O): Promise<void> {
  const certificate = throwawayCertificate();
  const origins: readonly (readonly [tls: boolean, origin: Server])[] = [
    [false, createServer(answerAll)],
    [true, createTlsServer(certificate, answerAll)],
    [true, createTlsServer({ ...certificate, ALPNProtocols: ["h2"] }, answerFrames)],
  ];
  let service: Service<O> | undefined;
  try {
    const at = await Promise.all(
      origins.map(async ([tls, origin]) => ({ tls, port: await listening(origin) })),
    );
    const { options: own, requests } = program.rehearsal(
      {
        ...options,
        allowAddress: ["127.0.0.1"],
        groups: [],
        accessLogDir: "none",
        maxClients: 0,
        keepaliveConns: CLIENTS_PER_ORIGIN,
      },
      at,
    );
    const trust = createSecureContext({ ca: certificate.ca });
    service = program.make(own, new Log(undefined), trust);
    const entry = await listening(service.listener());
    const talks = requests.flatMap(({ host, path }) =>
      Array.from({ length: CLIENTS_PER_ORIGIN }, (_, i) => converse(entry, `${path}${i}`, host)),
    );
    await Promise.race([Promise.all(talks), sleep(LONGEST_MS)]);
  } finally {
    service?.stop();
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

/** The same over HTTP/2. */
function answerFrames(socket: Socket): void {
  const ignore = (): void => undefined;
  const answer = (stream: number): void => {
    const head = frame(FRAME.headers, FLAG.endHeaders, stream, HEADER_BLOCK);
    socket.write(head + frame(FRAME.data, FLAG.endStream, stream, "ok"), "latin1");
  };
  const frames = new FrameReader(
    {
      headers: answer,
      dataBegins: ignore,
      data: ignore,
      streamReset: ignore,
      setting: ignore,
      settingsEnd: ignore,
      ping: ignore,
      goAway: ignore,
      windowUpdate: ignore,
    },
    HEADER_BLOCK_BYTES,
  );
  let preface = PREFACE.length;
  socket.on("error", ignore);
  socket.on("data", (bytes: Buffer) => {
    const skipped = Math.min(preface, bytes.length);
    preface -= skipped;
    frames.read(bytes.subarray(skipped), bytes.length - skipped);
  });
  socket.write(settingsFrame([]), "latin1");
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

/** Asks again and again on one connection. */
function converse(port: number, path: string, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port });
    let round = 0;
    const ask = (): void => {
      const fields = REQUESTS[round++ % REQUESTS.length]!;
      const [method, body] = fields.includes("Content-Length") ? ["POST", "{}"] : ["GET", ""];
      socket.write(`${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n${body}`);
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
