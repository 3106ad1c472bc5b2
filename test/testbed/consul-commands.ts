import { CONSUL_PATHS } from "../../constructs/dns/consul-files";

/** The `consul` command with the servers' own rights; for a host that is one. Without access control there is no token. */
export const CONSUL_AS_SERVER = `CONSUL_HTTP_TOKEN="$(cat ${CONSUL_PATHS.managementToken} 2>/dev/null)" consul`;

/** The token of the agent, which every host has that has access control. Without single quotes, for scripts in them. */
const AGENT_TOKEN = `$(grep -oE "\\"agent\\": *\\"[^\\"]+" ${CONSUL_PATHS.acl} 2>/dev/null | grep -oE "[^\\"]+$")`;

/** What the servers say of themselves, as JSON; asked by any agent. */
export const SERVERS_HEALTH = `curl -sS -m 5 -H "X-Consul-Token: ${AGENT_TOKEN}" http://127.0.0.1:8500/v1/operator/autopilot/health`;
