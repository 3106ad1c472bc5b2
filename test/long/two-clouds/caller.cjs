/*
 * Calls a service through the proxy: `node caller.cjs PORT HOST ADMIN_PORT SECONDS`, 300 requests a second whatever
 * comes of them, one in ten a POST with a number of its own. Prints `calling`, and at the end a line of JSON: what came
 * of each request, and how many requests had asked each origin at what time.
 */
const { Agent, get, request } = require("node:http");
const { performance } = require("node:perf_hooks");
const { clearInterval, setInterval, setTimeout } = require("node:timers");

const PER_SECOND = 300;
const POST_IN = 10;
const LOOK_MS = 50;
const [port, host, adminPort, seconds] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
const calls = [];
const looks = [];

function call(number) {
  const method = number % POST_IN === 0 ? "POST" : "GET";
  const path = `/${number}`;
  const made = { method, path, at: Date.now(), status: 0, by: "", milliseconds: 0 };
  calls.push(made);
  const began = performance.now();
  return new Promise((resolve) => {
    const done = () => {
      made.milliseconds = performance.now() - began;
      resolve();
    };
    const headers = { host, ...(method === "POST" ? { "content-length": "0" } : {}) };
    request({ agent, host: "127.0.0.1", port, method, path, headers }, (response) => {
      made.status = response.statusCode;
      response.on("data", (part) => (made.by += part));
      response.on("end", done).on("error", () => ((made.status = 0), done()));
    })
      .on("error", done)
      .end();
  });
}

function look() {
  const at = Date.now();
  const asked = { host: "127.0.0.1", port: adminPort, path: "/upstreams", agent: false };
  get(asked, (response) => {
    let text = "";
    response.on("data", (part) => (text += part));
    response.on("end", () => {
      const [first, second] = JSON.parse(text).groups[0].origins;
      looks.push({ at, first, second });
    });
  }).on("error", () => undefined);
}

async function main() {
  process.stdout.write("calling\n");
  const waiting = [];
  const began = performance.now();
  const looking = setInterval(look, LOOK_MS);
  while (performance.now() - began < Number(seconds) * 1000) {
    // As many as are due: a late timer makes none of them up.
    while (waiting.length < ((performance.now() - began) / 1000) * PER_SECOND)
      waiting.push(call(waiting.length));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await Promise.all(waiting);
  clearInterval(looking);
  process.stdout.write(`${JSON.stringify({ calls, looks })}\n`);
  agent.destroy();
}

void main();
