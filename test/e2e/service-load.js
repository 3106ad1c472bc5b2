// Calls a service as applications do until it is told to end by its standard input, and then prints what became of
// the calls as one line of JSON: service-load.js PER_SECOND WAYS. Ways, a list of JSON, are gone in turn, each with what
// node:https takes and, for TLS, `authority`, a file; every third call is a POST with an id of its own. No call is tried
// twice. A way with `addresses` is a name that has all of them: each call begins with another one, and goes to the next
// when no connection comes about, as browsers do (RFC 8305; Node.js moves on after 250 ms).
const { readFileSync } = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const { clearInterval, setInterval } = require("node:timers");

const perSecond = Number(process.argv[2]);
const ways = JSON.parse(process.argv[3]).map(({ authority, addresses, ...way }) => ({
  path: "/",
  ...way,
  ...(authority === undefined ? {} : { ca: readFileSync(authority) }),
  ...(addresses === undefined ? {} : { lookup: lookupOf(addresses), autoSelectFamily: true }),
}));
const report = { gets: 0, posts: [], failures: [], failedBegan: [], versions: {} };
let calls = 0;
let underWay = 0;
let ending = false;

function lookupOf(addresses) {
  let turn = 0;
  return (name, { all }, callback) => {
    const first = turn++ % addresses.length;
    const answer = [...addresses.slice(first), ...addresses.slice(0, first)];
    if (all)
      callback(
        null,
        answer.map((address) => ({ address, family: 4 })),
      );
    else callback(null, answer[0], 4);
  };
}

function call() {
  const began = Date.now();
  const at = calls++;
  const isPost = at % 3 === 2;
  const id = `${process.pid}-${at}`;
  const options = ways[at % ways.length];
  underWay++;
  let over = false;
  const end = (problem) => {
    if (over) return;
    over = true;
    underWay--;
    if (problem !== undefined) {
      report.failures.push(`${isPost ? "POST" : "GET"} ${options.path} via ${options.host}: ${problem}`);
      report.failedBegan.push(began);
    } else if (isPost) report.posts.push(id);
    else report.gets++;
    if (ending && underWay === 0) finish();
  };
  const request = (options.ca === undefined ? http : https).request({
    ...options,
    method: isPost ? "POST" : "GET",
    agent: false,
    timeout: 15000,
  });
  request.on("response", (response) => {
    let body = "";
    response.on("data", (part) => (body += part));
    response.on("aborted", () => end("the answer ended early"));
    response.on("end", () => {
      const version = /version (\S+)/.exec(body)?.[1];
      report.versions[version] = (report.versions[version] ?? 0) + 1;
      end(
        response.statusCode === 200 && version !== undefined ? undefined : `${response.statusCode} ${body}`,
      );
    });
  });
  request.on("timeout", () => request.destroy(new Error("no answer in 15 s")));
  request.on("error", (error) => end(error.message));
  request.end(isPost ? id : undefined);
}

const finish = () => {
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
};
const timer = setInterval(call, 1000 / perSecond);
process.stdin.resume().on("end", () => {
  ending = true;
  clearInterval(timer);
  if (underWay === 0) finish();
});
