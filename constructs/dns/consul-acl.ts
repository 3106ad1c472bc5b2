import { type HostFile, type HostService, text } from "../host";
import { DNS_TOKEN_RULES } from "./consul-config";
import { CONSUL_PATHS } from "./consul-files";
import { shellApi, shellToken } from "./consul-shell";
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
      { path: RULES.agent, content: text(AGENT_TOKEN_RULES) },
      { path: RULES.dns, content: text(DNS_TOKEN_RULES) },
      { path: SCRIPT, content: text(TOKEN_SCRIPT), mode: "0755" },
      { path: UNIT, content: text(TOKEN_UNIT) },
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

const TOKEN_SCRIPT = `#!/bin/sh
# Sees to it that Consul knows the tokens of agents and resolvers, once there is a leader.
# consul-tokens ready: succeeds when it does.
set -eu
${shellToken(CONSUL_PATHS.managementToken)}${shellApi(CONSUL_PATHS.managementToken)}
policy() { # NAME RULES
  id=$(consul acl policy read -name "$1" 2>/dev/null | sed -n 's/^ID: *//p')
  if [ -z "$id" ]; then
    consul acl policy create -name "$1" -rules "@$2" >/dev/null
  else
    consul acl policy update -id "$id" -name "$1" -rules "@$2" >/dev/null
  fi
}
known() { CONSUL_HTTP_TOKEN_FILE=$1 consul acl token read -self >/dev/null 2>&1; }
token() { # POLICY FILE
  known "$2" && return
  body=$(mktemp)
  printf '{"SecretID":"%s","Description":"Tricloud: %s","Policies":[{"Name":"%s"}]}' "$(cat "$2")" "$1" "$1" >"$body"
  api acl/token -f -o /dev/null -X PUT --data-binary "@$body"
  rm -f "$body"
}
umask 077
has_leader() { leader=$(api status/leader -f 2>/dev/null) && [ "$leader" != '""' ]; }
made() { known ${CONSUL_PATHS.agentToken} && known ${CONSUL_PATHS.dnsToken}; }

if [ "\${1-}" = ready ]; then
  # Where there is no leader yet, agents start first and the tokens follow.
  has_leader || exit 0
  made
  exit
fi
umask 077
until has_leader; do sleep 2; done
# Should another server do the same at this moment, one of the two fails and is started again.
policy tricloud-agent ${RULES.agent}
policy tricloud-dns ${RULES.dns}
token tricloud-agent ${CONSUL_PATHS.agentToken}
token tricloud-dns ${CONSUL_PATHS.dnsToken}
`;

const TOKEN_UNIT = consulTaskUnit({
  description: "Consul's tokens for agents and resolvers",
  script: SCRIPT,
});
