/*
 * One site of a service: `node site.cjs NAME ADDRESS PORT CERTIFICATE KEY`. Speaks HTTP/1.1 and HTTP/2 over TLS. Lines
 * on stdin say how it is: `well`, `unavailable` (503), `resets` (once it has done what it was asked) or `slow` (3 s).
 * A line of JSON on stdout tells the number of each POST that was done.
 */
const { readFileSync } = require("node:fs");
const { createSecureServer } = require("node:http2");
const { createInterface } = require("node:readline");
const { setTimeout } = require("node:timers");

const SLOW_MS = 3_000;
const [name, host, port, certificate, key] = process.argv.slice(2);
let state = "well";
createInterface({ input: process.stdin }).on("line", (line) => (state = line));

const server = createSecureServer({
  cert: readFileSync(certificate),
  key: readFileSync(key),
  ALPNProtocols: ["h2", "http/1.1"],
  allowHTTP1: true,
});
server.on("request", (request, response) => {
  request.resume().on("end", () => {
    if (state === "unavailable") return void response.writeHead(503).end();
    if (request.method === "POST") process.stdout.write(`${JSON.stringify({ done: request.url })}\n`);
    if (state === "resets") return void (response.stream?.session ?? request.socket).destroy();
    setTimeout(() => response.end(name), state === "slow" ? SLOW_MS : 0);
  });
});
// A site does not end because a peer does.
server.on("sessionError", () => undefined).on("clientError", (_error, socket) => socket.destroy());
server.on("secureConnection", (socket) => socket.on("error", () => undefined));
server.listen({ host, port: Number(port) }, () => process.stdout.write("listening\n"));
