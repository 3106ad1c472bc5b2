import { type HostFile, type HostService, text } from "../host";
import { DNS_TOKEN_RULES } from "./consul-config";
import { CONSUL_PATHS } from "./consul-files";
import { shellApi, shellToken } from "./consul-shell";

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

/** What makes a server see to it that the agents' and the resolvers' tokens exist, with their rights and no more. */
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
      },
    ],
  };
}

const TOKEN_SCRIPT = `#!/bin/sh
# Sees to it that Consul knows the tokens of agents and resolvers, once there is a leader.
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
while true; do
  # Others wait for what the leader does, lest two of them make it twice.
  if consul info 2>/dev/null | grep -q 'leader = true'; then
    policy tricloud-agent ${RULES.agent}
    policy tricloud-dns ${RULES.dns}
    token tricloud-agent ${CONSUL_PATHS.agentToken}
    token tricloud-dns ${CONSUL_PATHS.dnsToken}
    exit 0
  elif known ${CONSUL_PATHS.agentToken} && known ${CONSUL_PATHS.dnsToken}; then
    exit 0
  fi
  sleep 2
done
`;

const TOKEN_UNIT = `[Unit]
Description=Consul's tokens for agents and resolvers
After=consul.service
Wants=consul.service

[Service]
# Not "oneshot": the first server of a new region must not wait for the leader that needs the others.
Type=exec
RemainAfterExit=yes
User=consul
Group=consul
ExecStart=${SCRIPT}
Restart=on-failure
RestartSec=5
NoNewPrivileges=yes
PrivateTmp=yes
ProtectHome=yes
ProtectSystem=strict

[Install]
WantedBy=multi-user.target
`;
