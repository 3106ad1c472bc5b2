// web.cjs: a service in two versions, and one that cannot start. Answers every call with its version, region, secret
// and what it was sent, after a moment; told to end, it takes no more and ends once all is answered.
const http = require("node:http");
const { readFileSync } = require("node:fs");
const { setTimeout } = require("node:timers");

const version = readFileSync("/srv/version", "utf8").trim();
const { PORT, TRICLOUD_REGION } = process.env;
const ANSWER_AFTER_MS = 50;

if (version === "broken") {
  console.error("cannot read /srv/settings.json");
  process.exit(1);
}
const key = readFileSync("/run/secrets/session-key", "utf8");

const server = http.createServer(async (request, response) => {
  if (request.url === "/healthz") return response.end("ok\n");
  let sent = "";
  for await (const chunk of request) sent += chunk;
  setTimeout(
    () => response.end(`${[version, TRICLOUD_REGION, key, sent].join(" ").trim()}\n`),
    ANSWER_AFTER_MS,
  );
});
server.listen(Number(PORT));
process.on("SIGTERM", () => server.close(() => process.exit(0)));
