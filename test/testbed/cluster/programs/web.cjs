// web.cjs: a service in two versions, and one that cannot start. Answers every call with its version, region, secret
// and what it was sent, after a moment; with CALLS, a URL, with what is answered there. What a POST brings it tells
// RECORDER, HOST:PORT, before it answers. Told to end, it takes no more and ends once all is answered. It keeps idle
// connections longer than Google's load balancer does: who asks over one is not to find it just closed.
const http = require("node:http");
const net = require("node:net");
const { existsSync, readFileSync } = require("node:fs");
const { setTimeout } = require("node:timers");

const version = readFileSync("/srv/version", "utf8").trim();
const { PORT, TRICLOUD_REGION, CALLS, RECORDER } = process.env;
const ANSWER_AFTER_MS = 50;
const KEEPS_IDLE_MS = 620_000;
const SECRET = "/run/secrets/session-key";

if (version === "broken") {
  console.error("cannot read /srv/settings.json");
  process.exit(1);
}
const key = existsSync(SECRET) ? readFileSync(SECRET, "utf8") : "";
const recorder = RECORDER && net.connect(RECORDER.split(":")[1], RECORDER.split(":")[0]);

/** Once it is on its way nothing that happens to this process holds it up. */
const record = (text) => new Promise((resolve) => recorder.write(`${text}\n`, resolve));

async function answerTo({ method, url }, sent) {
  if (url === "/healthz") return "ok\n";
  if (CALLS !== undefined) return (await fetch(CALLS)).text();
  if (method === "POST" && recorder) await record(sent);
  await new Promise((resolve) => setTimeout(resolve, ANSWER_AFTER_MS));
  return `${[version, TRICLOUD_REGION, key, sent].join(" ").trim()}\n`;
}

let isEnding = false;
const server = http.createServer({ keepAliveTimeout: KEEPS_IDLE_MS }, async (request, response) => {
  let sent = "";
  for await (const chunk of request) sent += chunk;
  if (isEnding) response.setHeader("connection", "close");
  try {
    response.end(await answerTo(request, sent));
  } catch (error) {
    response.writeHead(502).end(`${error.cause?.message ?? error.message}\n`);
  }
});
server.listen(Number(PORT));
process.on("SIGTERM", () => {
  isEnding = true;
  server.close(() => process.exit(0));
});
