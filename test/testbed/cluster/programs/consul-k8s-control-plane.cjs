#!/usr/bin/env node
// consul-k8s-control-plane COMMAND FLAG...: what the containers of HashiCorp's own chart are told to run, by what stands in
// for it. Neither TLS nor access control is known. A flag that would have it do what it does not know is refused.
const { writeFileSync } = require("node:fs");
const http = require("node:http");

const HEALTH_PORT = 8080;

/** Flags that a command must have so, since the stand-in knows no other way. */
const ONLY = { "k8s-default-sync": "false", "to-k8s": "false" };
/** Flags that are taken as they are, or that change nothing here: names come from annotations alone, nothing is logged. */
const TAKEN = {
  "fetch-server-region": ["node-name", "output-file"],
  "sync-catalog": [
    ...["log-level", "log-json", "consul-domain", "allow-k8s-namespace", "deny-k8s-namespace"],
    ...["k8s-write-namespace", "node-port-sync-type", "consul-write-interval", "consul-node-name"],
    ...["add-k8s-namespace-suffix", "enable-metrics", "prometheus-retention-time"],
  ],
};

/** Flags by name: `-name=value`, `-name value`, or `-name` for "true". */
function flagsOf(words) {
  const flags = {};
  for (const [index, word] of words.entries()) {
    if (!word.startsWith("-")) continue;
    const [, name, , value] = /^--?([^=]+)(=(.*))?$/s.exec(word);
    const next = words[index + 1];
    flags[name] = value ?? (next === undefined || next.startsWith("-") ? "true" : next);
  }
  return flags;
}

function refuseUnknown(command, flags) {
  if (TAKEN[command] === undefined)
    throw new Error(`${command} is not known here; expected one of ${Object.keys(TAKEN).join(", ")}`);
  for (const [name, value] of Object.entries(flags)) {
    if (name in ONLY && ONLY[name] !== value)
      throw new Error(`-${name}=${value} is not known here; expected ${ONLY[name]}`);
    if (!(name in ONLY) && !TAKEN[command].includes(name))
      throw new Error(`${command} knows no -${name} here`);
  }
  for (const name of ["CONSUL_USE_TLS", "CONSUL_ACL_TOKEN", "CONSUL_LOGIN_AUTH_METHOD"])
    if (process.env[name] !== undefined) throw new Error(`${name} is not known here`);
}

const COMMANDS = {
  /** Consul 1.8 has no locality that it could be told. */
  "fetch-server-region": (flags) => writeFileSync(flags["output-file"], "{}"),
  "sync-catalog": (flags) => {
    const seconds = /^([0-9.]+)s$/.exec(flags["consul-write-interval"]);
    if (seconds === null)
      throw new Error(
        `-consul-write-interval=${flags["consul-write-interval"]}: expected seconds, such as 2s`,
      );
    const { CONSUL_ADDRESSES, CONSUL_HTTP_PORT } = process.env;
    Object.assign(process.env, {
      CONSUL: `${CONSUL_ADDRESSES}:${CONSUL_HTTP_PORT}`,
      NODE_NAME: flags["consul-node-name"],
      INTERVAL_MS: String(Number(seconds[1]) * 1000),
    });
    http
      .createServer((request, answer) => answer.writeHead(request.url === "/health/ready" ? 204 : 404).end())
      .listen(HEALTH_PORT);
    require("/program/catalog-sync.cjs");
  },
};

const [command, ...words] = process.argv.slice(2);
const flags = flagsOf(words);
refuseUnknown(command, flags);
COMMANDS[command](flags);
