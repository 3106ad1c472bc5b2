// steady-calls.cjs URL RATE [POSTS]: calls URL at RATE calls a second, each with a look-up and a connection of its own,
// until its standard input ends; then says as JSON how it went. A call asks the next address when one does not answer.
// Each POSTS-th call is a POST, with a number of its own.
const dns = require("node:dns");
const http = require("node:http");
const { readFileSync } = require("node:fs");
const { clearInterval, clearTimeout, setInterval, setTimeout } = require("node:timers");

const [url, rate, posts] = process.argv.slice(2);
const { hostname, pathname, port } = new URL(url);
const CONNECT_WITHIN_MS = 1000;
const ANSWER_WITHIN_MS = 10000;

const result = { calls: 0, posts: 0, failed: 0, slowestMs: 0, lastFailureMs: undefined, errors: {} };
const started = Date.now();

/** The look-up that a program makes by itself when it follows its resolv.conf: every address of the name. */
const resolver = new dns.promises.Resolver({ timeout: 2000, tries: 3 });
resolver.setServers([/^nameserver (\S+)$/m.exec(readFileSync("/etc/resolv.conf", "utf8"))[1]]);

function ask(address, method, number) {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { method, host: address, port: port || 80, path: pathname, headers: { host: hostname }, agent: false },
      (answer) => {
        answer.resume();
        answer.on("error", reject);
        answer.on("end", () =>
          answer.statusCode === 200 ? resolve() : reject(new Error(String(answer.statusCode))),
        );
      },
    );
    const connecting = setTimeout(() => request.destroy(new Error("not connected")), CONNECT_WITHIN_MS);
    request.on("socket", (socket) => socket.once("connect", () => clearTimeout(connecting)));
    request.setTimeout(ANSWER_WITHIN_MS, () => request.destroy(new Error("no answer")));
    request.on("error", (error) => {
      clearTimeout(connecting);
      reject(error);
    });
    request.end(method === "POST" ? String(number) : undefined);
  });
}

async function call() {
  const begun = Date.now();
  const number = ++result.calls;
  const method = posts !== undefined && number % Number(posts) === 0 ? "POST" : "GET";
  if (method === "POST") result.posts++;
  try {
    const addresses = await resolver.resolve4(hostname);
    for (const [index, address] of addresses.entries()) {
      try {
        await ask(address, method, number);
        break;
      } catch (error) {
        if (index === addresses.length - 1 || !/ECONNREFUSED|EHOSTUNREACH|not connected/.test(String(error)))
          throw error;
      }
    }
  } catch (error) {
    result.failed++;
    result.lastFailureMs = Date.now() - started;
    const said = String(error.code ?? error.message);
    result.errors[said] = (result.errors[said] ?? 0) + 1;
  }
  result.slowestMs = Math.max(result.slowestMs, Date.now() - begun);
}

// So many as should have begun by now: a busy machine's late timer starts several at once.
let begun = 0;
const pending = new Set();
const timer = setInterval(() => {
  for (const due = ((Date.now() - started) * Number(rate)) / 1000; begun < due; begun++) {
    const one = call().finally(() => pending.delete(one));
    pending.add(one);
  }
}, 5);

process.stdin.resume().on("end", () => {
  clearInterval(timer);
  void Promise.all(pending).then(() => {
    console.log(JSON.stringify({ ...result, seconds: (Date.now() - started) / 1000 }));
    process.exit(0);
  });
});
console.log("calling");
