import { type HostFile, type HostService, textContent } from "../host";
import { DNS_TOKEN_RULES } from "./consul-config";
import { CONSUL_PATHS } from "./consul-files";
import { HAS_LEADER, shellApi, shellEnvironment } from "./consul-shell";
import { consulTaskUnit } from "./consul-task-unit";

/** The rights of an agent: to register machines and services, and to tell how the servers are. */
export const AGENT_TOKEN_RULES = `agent_prefix "" {
  policy = "read"
}
node_prefix "" {
  policy = "write"
}
service_prefix "" {
  policy = "write"
}
operator = "read"
`;

const SCRIPT = "/usr/local/lib/tricloud/consul-tokens";
const UNIT = "/etc/systemd/system/tricloud-consul-tokens.service";
const RULES = {
  agent: "/etc/tricloud/consul-agent.rules",
  dns: "/etc/tricloud/consul-dns.rules",
};

/**
 * What makes a server see to it that the agents' and the resolvers' tokens exist, with their rights and no more. To
 * come before the agent itself: a new token must be known before anybody uses it.
 */
export function tokenUpkeep(): { files: HostFile[]; services: HostService[] } {
  const { agentToken, dnsToken } = CONSUL_PATHS;
  return {
    files: [
      { path: RULES.agent, content: textContent(AGENT_TOKEN_RULES) },
      { path: RULES.dns, content: textContent(DNS_TOKEN_RULES) },
      { path: SCRIPT, content: textContent(TOKEN_SCRIPT), mode: "0755" },
      { path: UNIT, content: textContent(TOKEN_UNIT) },
    ],
    services: [
      {
        name: "tricloud-consul-tokens.service",
        reads: [RULES.agent, RULES.dns, SCRIPT, UNIT, agentToken, dnsToken],
        health: { command: `${SCRIPT} ready` },
      },
    ],
  };
}

/** Where a script finds the tokens and the rules that go with them. */
export interface TokenFiles {
  readonly agentToken: string;
  readonly dnsToken: string;
  readonly agentRules: string;
  readonly dnsRules: string;
}

/**
 * Shell functions; need `api` and the environment with a token that may do everything. `policy NAME RULES` makes a policy
 * of the rules in a file, or sets them anew; `token POLICY FILE` makes the token in a file, where it is not known yet.
 */
export const POLICY_FUNCTIONS = `policy() { # NAME RULES
  id=$(consul acl policy read -name "$1" 2>/dev/null | sed -n 's/^ID: *//p')
  if [ -z "$id" ]; then
    consul acl policy create -name "$1" -rules "@$2" >/dev/null
  else
    consul acl policy update -id "$id" -name "$1" -rules "@$2" >/dev/null
  fi
}
known() { CONSUL_HTTP_TOKEN_FILE=$1 consul acl token read -self >/dev/null 2>&1; }
token() { # POLICY FILE [LOCAL]: true for one that this datacenter alone knows
  known "$2" && return
  body=$(mktemp)
  printf '{"SecretID":"%s","Description":"Tricloud: %s","Local":%s,"Policies":[{"Name":"%s"}]}' "$(cat "$2")" "$1" "\${3:-false}" "$1" >"$body"
  api acl/token -f -o /dev/null -X PUT --data-binary "@$body"
  rm -f "$body"
}
acls_off() { api acl/token/self 2>/dev/null | grep -q 'ACL support disabled'; }
`;

/**
 * Shell functions; need the same. `make_tokens` makes the tokens or sets their rights anew, `tokens_made` tells whether
 * they are known, and `acls_off` whether nobody would know them: while access control is being turned on, agents without
 * it still run.
 */
export const tokenFunctions = ({
  agentToken,
  dnsToken,
  agentRules,
  dnsRules,
}: TokenFiles): string => `${POLICY_FUNCTIONS}make_tokens() {
  policy tricloud-agent ${agentRules}
  policy tricloud-dns ${dnsRules}
  token tricloud-agent ${agentToken}
  token tricloud-dns ${dnsToken}
}
tokens_made() { known ${agentToken} && known ${dnsToken}; }
`;

const MANAGEMENT = { tokenFile: CONSUL_PATHS.managementToken };

const TOKEN_SCRIPT = `#!/bin/sh
# Sees to it that Consul knows the tokens of agents and resolvers, once there is a leader.
# consul-tokens ready: succeeds when it does.
set -eu
${shellEnvironment(MANAGEMENT)}${shellApi(MANAGEMENT)}
${HAS_LEADER}
${tokenFunctions({
  agentToken: CONSUL_PATHS.agentToken,
  dnsToken: CONSUL_PATHS.dnsToken,
  agentRules: RULES.agent,
  dnsRules: RULES.dns,
})}umask 077

if [ "\${1-}" = ready ]; then
  # Where there is no leader yet, or no access control, agents start first and the tokens follow.
  has_leader || exit 0
  if acls_off; then exit 0; fi
  tokens_made
  exit
fi
until has_leader; do sleep 2; done
# Should another server do the same at this moment, one of the two fails and is started again.
make_tokens
# What the agent says of itself was refused while nobody knew its token: given it anew, it says so again at once, and not
# half a minute later.
body=$(mktemp)
printf '{"Token":"%s"}' "$(cat ${CONSUL_PATHS.agentToken})" >"$body"
api agent/token/agent -f -o /dev/null -X PUT --data-binary "@$body"
rm -f "$body"
`;

const TOKEN_UNIT = consulTaskUnit({
  description: "Consul's tokens for agents and resolvers",
  script: SCRIPT,
});
