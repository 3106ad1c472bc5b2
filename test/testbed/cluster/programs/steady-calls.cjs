// steady-calls.cjs URL RATE [POSTS [ADDRESS]]: calls URL at RATE calls a second until its standard input ends; then says
// as JSON how it went. Each POSTS-th call is a POST, with a number of its own; 0 for none. Each call makes a look-up and a
// connection of its own, and asks the next address when one does not answer; with ADDRESS all go there, over connections
// that are kept.
const dns = require("node:dns");
const { readFileSync } = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const { clearInterval, clearTimeout, setInterval, setTimeout } = require("node:timers");

const [url, rate, posts = "0", address] = process.argv.slice(2);
const { hostname, pathname, port, protocol } = new URL(url);
const scheme = protocol === "https:" ? https : http;
// As many as are needed many times over: where calls are held up, more would hold them up further.
const agent = address === undefined ? false : new scheme.Agent({ keepAlive: true, maxSockets: 64 });
const CONNECT_WITHIN_MS = 1000;
const ANSWER_WITHIN_MS = 10000;

const result = { calls: 0, posts: 0, failed: 0, slowestMs: 0, lastFailureMs: undefined, errors: {} };
const started = Date.now();

/** The look-up that a program makes by itself when it follows its resolv.conf: every address of the name. */
const resolver = new dns.promises.Resolver({ timeout: 2000, tries: 3 });
if (address === undefined)
  resolver.setServers([/^nameserver (\S+)$/m.exec(readFileSync("/etc/resolv.conf", "utf8"))[1]]);

function ask(host, method, number) {
  return new Promise((resolve, reject) => {
    const request = scheme.request(
      {
        ...{ method, host, port: port || scheme.globalAgent.defaultPort, path: pathname, agent },
        ...{ servername: hostname, headers: { host: hostname } },
      },
      (answer) => {
        answer.resume();
        answer.on("error", reject);
        answer.on("end", () =>
          answer.statusCode === 200 ? resolve() : reject(new Error(String(answer.statusCode))),
        );
      },
    );
    let connecting;
    // Who has one address waits for it.
    if (address === undefined) {
      connecting = setTimeout(() => request.destroy(new Error("not connected")), CONNECT_WITHIN_MS);
      request.on("socket", (socket) => socket.once("connect", () => clearTimeout(connecting)));
    }
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
  const method = number % Number(posts) === 0 ? "POST" : "GET";
  if (method === "POST") result.posts++;
  try {
    const addresses = address === undefined ? await resolver.resolve4(hostname) : [address];
    for (const [index, each] of addresses.entries()) {
      try {
        await ask(each, method, number);
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
