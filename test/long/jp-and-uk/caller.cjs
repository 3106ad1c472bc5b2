/*
 * Calls a URL ten times a second as an application does, each time with a look-up at 127.0.0.1 and a connection of its
 * own, until its standard input ends. Prints `calling`, and at the end a line of JSON: of each call when it began and
 * ended, its status (0 for none) and what was said.
 */
const dns = require("node:dns");
const http = require("node:http");
const { clearInterval, setInterval, setTimeout } = require("node:timers");

const EVERY_MS = 100;
const WITHIN_MS = 30_000;
const [url] = process.argv.slice(2);
const { hostname, pathname } = new URL(url);
const resolver = new dns.Resolver({ timeout: 2000, tries: 3 });
resolver.setServers(["127.0.0.1"]);
const calls = [];

/** All addresses of the name: a connection that one refuses is tried with the next. */
function lookup(name, options, callback) {
  resolver.resolve4(name, (error, found) => {
    if (error) return callback(error);
    callback(null, options.all ? found.map((address) => ({ address, family: 4 })) : found[0], 4);
  });
}

function call() {
  const made = { began: Date.now(), ended: 0, status: 0, said: "" };
  calls.push(made);
  return new Promise((resolve) => {
    const done = () => {
      made.ended = Date.now();
      resolve();
    };
    const failed = (error) => {
      [made.status, made.said] = [0, error.code ?? error.message];
      done();
    };
    const options = { host: hostname, path: pathname, lookup, agent: false, autoSelectFamily: true };
    http
      .get(options, (answer) => {
        made.status = answer.statusCode;
        answer.setEncoding("utf8").on("data", (part) => (made.said += part));
        answer.on("end", done).on("error", failed);
      })
      .on("error", failed)
      .setTimeout(WITHIN_MS, function () {
        this.destroy(new Error("no answer"));
      });
  });
}

const pending = new Set();
const timer = setInterval(() => {
  const one = call().finally(() => pending.delete(one));
  pending.add(one);
}, EVERY_MS);
process.stdin.resume().on("end", () => {
  clearInterval(timer);
  void Promise.race([Promise.all(pending), new Promise((given) => setTimeout(given, WITHIN_MS))]).then(() => {
    console.log(JSON.stringify(calls.filter(({ ended }) => ended > 0)));
    process.exit(0);
  });
});
console.log("calling");
