import { CONSUL_PATHS } from "../../constructs/dns/consul-files";

/** The `consul` command with the servers' own rights; for a host that is one. Without access control there is no token. */
export const CONSUL_AS_SERVER = `CONSUL_HTTP_TOKEN="$(cat ${CONSUL_PATHS.managementToken} 2>/dev/null)" consul`;

/** Asks a server, with its own rights, a path of its HTTP API below `/v1/`. */
const askServer = (path: string): string =>
  `curl -sS -m 5 -H "X-Consul-Token: $(cat ${CONSUL_PATHS.managementToken} 2>/dev/null)" http://127.0.0.1:8500/v1/${path}`;

/** What the servers say of themselves, as JSON. */
export const SERVERS_HEALTH = askServer("operator/autopilot/health");
