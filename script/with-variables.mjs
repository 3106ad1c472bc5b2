#!/usr/bin/env node
// Runs a command with the secrets that Terraform's variables of synthesised stacks are named for.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

const USAGE = `usage: SECRETS=JSON script/with-variables.mjs STACK... -- COMMAND [ARGUMENT...]

Runs the command with TF_VAR_name for each variable of these stacks (in cdktf.out) whose name in capitals SECRETS has:
CONSUL_GOSSIP_KEY for consul_gossip_key. SECRETS is a JSON object of texts, as \${{ toJSON(secrets) }} gives it in a
workflow. The command gets no other one of them.

Exit code: the command's.
`;

const separator = process.argv.indexOf("--");
const stacks = process.argv.slice(2, separator);
const [command, ...parameters] = process.argv.slice(separator + 1);
if (["-h", "--help"].includes(process.argv[2])) {
  process.stdout.write(USAGE);
  process.exit(0);
}
if (separator < 0 || stacks.length === 0 || command === undefined) {
  process.stderr.write(USAGE);
  process.exit(2);
}

const { SECRETS: json = "", ...environment } = process.env;
const secrets = read();
for (const stack of stacks) {
  const { variable = {} } = JSON.parse(readFileSync(`cdktf.out/stacks/${stack}/cdk.tf.json`, "utf8"));
  for (const name of Object.keys(variable)) {
    const value = secrets[name.toUpperCase()];
    if (value !== undefined) environment[`TF_VAR_${name}`] = value;
  }
}
const { status, error } = spawnSync(command, parameters, { stdio: "inherit", env: environment });
if (error !== undefined) process.stderr.write(`${command}: ${error.message}\n`);
process.exitCode = status ?? 1;

/** Nothing of it is told: it would stand in a log. */
function read() {
  try {
    const value = JSON.parse(json);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Told below.
  }
  process.stderr.write("SECRETS: expected a JSON object of texts, got something else\n");
  process.exit(2);
}
