import { CONSUL_PATHS } from "./consul-files";
import { shellApi } from "./consul-shell";

export interface ConsulGuardOptions {
  /** The agent is one of the datacenter's servers. */
  readonly isServer: boolean;
  /** Servers that must be lost before the datacenter stops: 0 for a single one. */
  readonly spareServers: number;
  /** The agent's name in Consul. @default - the machine's host name */
  readonly nodeName?: string;
  /** File with a token that may read how the servers are. @default - none is needed */
  readonly tokenFile?: string;
}

/**
 * A program of the host that stands between a change and the running agent. Needs curl.
 *
 * - `gate` succeeds when the agent may stop without names going away.
 * - `ready` succeeds when the agent does its job. A server of a datacenter that never had a leader counts as ready,
 *   or the first of three could never be followed by the second.
 * - `apply` makes the agent take its new files: services and checks by a reload, the rest by a restart. Bad files
 *   are found before either.
 * - `remember` keeps what a reload cannot change, for `apply` to compare.
 */
export function consulGuard({ isServer, spareServers, nodeName, tokenFile }: ConsulGuardOptions): string {
  return `#!/bin/sh
# Keeps changes to the Consul agent from taking names away. Usage: consul-guard gate|ready|apply|remember
set -eu
node=${nodeName ?? "$(hostname)"}
started_with=/run/tricloud-consul/started-with

${shellApi({ tokenFile })}
needs_restart_for() {
  for file in ${CONSUL_PATHS.unit} ${CONSUL_PATHS.folder}/*.json; do
    case $file in */service-*) ;; *) sha256sum "$file" ;; esac
  done
}
never_had_leader() { peers=$(api status/peers -f) && [ "$peers" = "[]" ]; }
has_leader() { leader=$(api status/leader -f) && [ "$leader" != '""' ]; }
# The servers' health by their own account, one object a line: first the datacenter's, then each server's.
health() { api operator/autopilot/health | tr '{' '\\n'; }
spare() { health | sed -n 's/.*"Healthy": *true.*"FailureTolerance": *\\([0-9]*\\).*/\\1/p'; }
is_healthy() { health | grep "\\"Name\\": *\\"$node\\"" | grep -q '"Healthy": *true'; }
gate() {
${isServer && spareServers > 0 ? GATE_OF_A_SERVER : "  return 0"}
}
ready() {
${isServer ? READY_SERVER : READY_CLIENT}
}
apply() {
  consul validate ${CONSUL_PATHS.folder} >/dev/null
  if [ "$(needs_restart_for)" = "$(cat "$started_with")" ]; then
    exec systemctl reload consul.service
  fi
  tries=60
  until gate; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo "the agent may not be restarted now" >&2; exit 1; }
    sleep 1
  done
  exec systemctl restart consul.service
}

case \${1-} in
  gate) gate ;;
  ready) ready ;;
  apply) apply ;;
  remember) needs_restart_for >"$started_with" ;;
  *) echo "usage: consul-guard gate|ready|apply|remember" >&2; exit 2 ;;
esac
`;
}

const GATE_OF_A_SERVER = `  # An agent that does not answer serves nobody: nothing is lost by stopping it.
  api status/leader -f >/dev/null || return 0
  if never_had_leader; then return 0; fi
  spare=$(spare)
  [ "\${spare:-0}" -ge 1 ] || { echo "consul: no healthy server to spare" >&2; return 1; }`;

const READY_SERVER = `  if never_had_leader; then return 0; fi
  has_leader || { echo "consul: the servers have no leader" >&2; return 1; }
  is_healthy || { echo "consul: server $node has not caught up with the leader" >&2; return 1; }`;

const READY_CLIENT = `  has_leader || { echo "consul: no server of the datacenter was found, or they have no leader" >&2; return 1; }`;
