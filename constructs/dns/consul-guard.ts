import { CONSUL_PATHS } from "./consul-files";
import { shellApi } from "./consul-shell";

export interface ConsulGuardOptions {
  /** The agent is one of the datacenter's servers. */
  readonly isServer: boolean;
  /** Servers that must be lost before the datacenter stops: 0 for a single one. */
  readonly spareServers: number;
  /** The agent's name in Consul. @default - the machine's host name */
  readonly nodeName?: string;
  /** File with a token that may read how the servers are, and let one go; on servers. @default - there is none */
  readonly tokenFile?: string;
  /** Whether tokens are asked for: one that was a server goes on using its own until it has left. @default - whether there is one */
  readonly accessControl?: boolean;
  /**
   * The datacenter's first start, server after server: each is ready before it has a leader, unless a fellow is there
   * that it has not joined. @default - servers start together, and none is ready without a leader
   */
  readonly beginning?: Beginning;
}

/** Who makes a datacenter's first leader. */
export interface Beginning {
  /** Servers it takes. */
  readonly expect: number;
  /** IP addresses of all servers but this one: who else may be missed. */
  readonly fellows: readonly string[];
  /** Port of their gossip. */
  readonly serfPort: number;
}

/**
 * A program of the host that stands between a change and the running agent. Needs curl.
 *
 * - `gate` succeeds when the agent may stop without names going away.
 * - `spare` succeeds when the datacenter can lose one of its servers.
 * - `ready` succeeds when the agent does its job: what runs on its machine can be found, and a server has caught up and is
 *   one of those that decide.
 * - `serving` succeeds when it does the job of a server, so that it is not what the others wait for.
 * - `apply` makes the agent take its new files: services and checks by a reload, the rest by a restart, addresses of
 *   servers to join by neither, for they count at the next start only. Bad files are found before either. A server that
 *   gets another name, or is to be one no longer, leaves the servers before.
 * - `leave` takes a server out of the datacenter for good, once the others can do without it; its agent is stopped then,
 *   and it is no voter any more.
 * - `remember` keeps what a reload cannot change, for `apply` to compare.
 */
export function consulGuard(options: ConsulGuardOptions): string {
  const { isServer, spareServers, nodeName, tokenFile, beginning } = options;
  const accessControl = options.accessControl ?? tokenFile !== undefined;
  return `#!/bin/sh
# Keeps changes to the Consul agent from taking names away. Usage: consul-guard ${COMMANDS}
set -eu
node=${nodeName ?? "$(hostname)"}
role=${isServer ? "server" : "client"}
started_with=/run/tricloud-consul/started-with
started_as=/run/tricloud-consul/started-as
${accessControl ? tokenOf(tokenFile) : ""}
${shellApi({ tokenFile: accessControl ? '"$token_file"' : undefined })}
needs_restart_for() {
  for file in ${CONSUL_PATHS.unit} ${CONSUL_PATHS.folder}/*.json; do
    case $file in */service-* | ${CONSUL_PATHS.membership}) ;; *) sha256sum "$file" ;; esac
  done
}
# The package has been changed since the agent was started.
runs_another_program() {
  case $(readlink "/proc/$(systemctl show -p MainPID --value consul.service)/exe") in *" (deleted)") ;; *) return 1 ;; esac
}
# What the agent is, which may be other than what its new files say: "NODE ROLE".
runs_as() { cat "$started_as" 2>/dev/null || echo "$node $role"; }
runs_as_server() { case $(runs_as) in *" server") ;; *) return 1 ;; esac; }
never_had_leader() { peers=$(api status/peers -f) && [ "$peers" = "[]" ]; }
has_leader() { leader=$(api status/leader -f) && [ "$leader" != '""' ]; }
# The servers' health by their own account, one object a line: first the datacenter's, then each server's.
health() { api operator/autopilot/health | tr '{' '\\n'; }
spare() { health | sed -n 's/.*"Healthy": *true.*"FailureTolerance": *\\([0-9]*\\).*/\\1/p'; }
own_health() { health | grep "\\"Name\\": *\\"$node\\""; }
told_of_itself() { own_health | tr -d '"{}[]' | grep . || echo "no such server"; }
is_healthy() { own_health | grep -q '"Healthy": *true'; }
# Under its address the others know the agent: without it, it serves nobody.
has_moved() {
  name=$(runs_as)
  address=$(api agent/members -f | tr '{' '\\n' | grep "\\"Name\\": *\\"\${name% *}\\"" |
    sed -n 's/.*"Addr": *"\\([^"]*\\)".*/\\1/p') || return 1
  [ -n "$address" ] && [ -z "$(ip -o address show to "$address" 2>&1)" ]
}
is_voter() { own_health | grep -q '"Voter": *true'; }
alive_servers() { health | sed -n 's/.*"Name": *"\\([^"]*\\)".*"SerfStatus": *"alive".*/\\1/p'; }
# What an agent could not tell while there was no leader, or its token was unknown, it tells up to half a minute later.
# Its machine's other addresses are known from itself alone.
have_told() { # names, one a line
  told=$(api 'catalog/nodes?filter=lan+in+TaggedAddresses' -f | tr '{' '\\n' | sed -n 's/.*"Node": *"\\([^"]*\\)".*/\\1/p')
  while read -r name; do
    if ! printf '%s\\n' "$told" | grep -qxF "$name"; then
      echo "consul: nobody was told yet what runs on $name" >&2
      return 1
    fi
  done
}
${beginning === undefined ? "" : beginningFunctions(beginning, accessControl)}gate() {
  runs_as_server || return 0
${spareServers > 0 ? GATE_OF_A_SERVER : "  return 0"}
}
ready() {
${isServer ? readyServer(beginning !== undefined) : READY_CLIENT}
}
await_gate() {
  tries=60
  until gate; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo "the agent may not be stopped now" >&2; exit 1; }
    sleep 1
  done
}
apply() {
  consul validate ${CONSUL_PATHS.folder} >/dev/null
  if ! runs_another_program && [ "$(needs_restart_for)" = "$(cat "$started_with")" ]; then
    exec systemctl reload consul.service
  fi
  await_gate
  # Under its old name it would be missed as a server that has failed.
  if runs_as_server && [ "$(runs_as)" != "$node $role" ]; then
${beginning === undefined ? "    leave\n" : LEAVE_UNDER_A_NAME}  fi
  exec systemctl restart consul.service
}
# Those who lead hear of one that leaves by gossip, and after a change among themselves look only a minute later.
resign() {
  name=$(runs_as)
  peer=$(health | grep "\\"Name\\": *\\"\${name% *}\\"" |
    sed -n 's/.*"ID": *"\\([^"]*\\)".*"Voter": *true.*/\\1/p')
  [ -n "$peer" ] || return 0
  api "operator/raft/peer?id=$peer" -f -o /dev/null -X DELETE || echo "consul: leaves as a voter" >&2
}
leave() {
  runs_as_server || return 0
  # What does not answer cannot say good-bye.
  api status/leader -f >/dev/null || return 0
  resign
  # systemd would start at once what has left.
  mkdir -p /run/systemd/system/consul.service.d
  printf '[Service]\\nRestart=no\\n' >/run/systemd/system/consul.service.d/leaving.conf
  systemctl daemon-reload
  left=0
  api agent/leave -f -m 30 -X PUT || left=$?
  systemctl stop consul.service
  rm -r /run/systemd/system/consul.service.d
  systemctl daemon-reload
  return "$left"
}
case \${1-} in
  gate) gate ;;
  ready) ready ;;
  spare)
    spare=$(spare)
    [ "\${spare:-0}" -ge 1 ]
    ;;
  serving) ${isServer ? "runs_as_server && ready" : "exit 1"} ;;
  apply) apply ;;
  leave)
    await_gate
    leave
${beginning === undefined ? "" : '    leave_as_agent "$node"\n'}    ;;
  remember)
    needs_restart_for >"$started_with"
    echo "$node $role" >"$started_as"
${accessControl ? (tokenFile === undefined ? FORGET_TOKEN : keepToken(tokenFile)) : ""}    ;;
  *) echo "usage: consul-guard ${COMMANDS}" >&2; exit 2 ;;
esac
`;
}

/** Out of reach of a delivery, which takes the file of one that is to be a server no longer before it leaves. */
const KEPT_TOKEN = "/run/tricloud-consul/token";
const keepToken = (file: string): string => `    (umask 077 && cat ${file} >${KEPT_TOKEN})\n`;
const FORGET_TOKEN = `    rm -f ${KEPT_TOKEN}\n`;
const tokenOf = (file = KEPT_TOKEN): string => `token_file=${file}
[ -e "$token_file" ] || token_file=/dev/null
`;

const COMMANDS = "gate|spare|ready|serving|apply|leave|remember";

const GATE_OF_A_SERVER = `  # An agent that does not answer serves nobody: nothing is lost by stopping it.
  api status/leader -f >/dev/null || return 0
  if never_had_leader || has_moved; then return 0; fi
  spare=$(spare)
  [ "\${spare:-0}" -ge 1 ] || { echo "consul: no healthy server to spare" >&2; return 1; }`;

const LEAVE_UNDER_A_NAME = `    earlier=$(runs_as)
    earlier=\${earlier% *}
    leave
    [ "$earlier" = "$node" ] || leave_as_agent "$earlier"
`;

/** Servers that are joined, by address. */
const JOINED = `  api agent/members -f | awk -v RS='{' '
    match($0, /"Addr": *"[^"]*"/) { address = substr($0, RSTART, RLENGTH); gsub(/.*: *|"/, "", address) }
    /"role": *"consul"/ && /"Status": *1[,}]/ { print address }'`;

/**
 * Before there is a leader no token is known to anybody, and the API tells nobody who is joined: what the agent has said
 * since its start does. (What gossip keeps on disk is written late.)
 */
const JOINED_BY_JOURNAL = `  echo "this server"
  started=$(systemctl show -p InvocationID --value consul.service)
  journalctl -q -o cat "_SYSTEMD_INVOCATION_ID=$started" |
    sed -n 's/.* agent\\.server\\.serf\\.lan: serf: EventMember\\([A-Z][a-z]*\\): \\([^ ]*\\) \\([0-9.]*\\).*/\\1 \\2 \\3/p' |
    awk '
      $1 == "Join" { at[$2] = $3 }
      $1 == "Failed" || $1 == "Leave" || $1 == "Reap" { delete at[$2] }
      END { for (name in at) print at[name] }' |
    grep -xF "$(printf %s "$fellows" | tr ' ' '\\n')" || true`;

const beginningFunctions = (
  { expect, fellows, serfPort }: Beginning,
  hasTokens: boolean,
): string => `fellows="${fellows.join(" ")}"
joined() {
${hasTokens ? JOINED_BY_JOURNAL : JOINED}
}
answers() { [ "$(curl -s -m 1 -o /dev/null -w '%{time_connect}' "telnet://$1:${serfPort}" </dev/null)" != 0.000000 ]; }
# A datacenter begins with its first server, which can have no leader yet; one that others run already does not begin.
begins() {
  joined=$(joined)
  [ "$(printf '%s\\n' "$joined" | grep -c .)" -lt ${expect} ] || return 1
  for fellow in $fellows; do
    if ! printf '%s\\n' "$joined" | grep -qxF "$fellow" && answers "$fellow"; then
      echo "consul: server $fellow is there and was not joined" >&2
      return 1
    fi
  done
}
# A name that has left as a server's is taken for whatever server comes to its address, which then loses its vote again
# and again. So the name comes once more as an agent's, and leaves as such.
leave_as_agent() { # NAME
  scratch=$(mktemp -d)
  for file in ${CONSUL_PATHS.agent} ${CONSUL_PATHS.membership} ${CONSUL_PATHS.gossip}${hasTokens ? ` ${CONSUL_PATHS.acl}` : ""}; do
    sed -e 's/"server": true/"server": false/' -e 's/"leave_on_terminate": false/"leave_on_terminate": true/' \\
      -e 's/"bootstrap_expect": [0-9]*/"bootstrap_expect": 0/' -e 's/"allow_tls": true/"tls": false/' -e "s/\\"node_name\\": \\"[^\\"]*/\\"node_name\\": \\"$1/" \\
      -e "s,\\"data_dir\\": \\"[^\\"]*,\\"data_dir\\": \\"$scratch/data," "$file" >"$scratch/\${file##*/}"
  done
  consul agent -config-dir="$scratch" >"$scratch/said" 2>&1 &
  agent=$!
  tries=60
  until has_leader 2>/dev/null; do
    tries=$((tries - 1))
    if [ "$tries" -eq 0 ] || ! kill -0 "$agent" 2>/dev/null; then break; fi
    sleep 1
  done
  kill "$agent" 2>/dev/null || tail -n 5 "$scratch/said" >&2
  wait "$agent" || true
  rm -rf "$scratch"
}
# One that is dead and to be a server no longer counts for the quorum until the others give it up.
lost_are_given_up() {
  for voter in $(health | grep '"Voter": *true' | grep -v '"SerfStatus": *"alive"' |
    sed -n 's/.*"Address": *"\\[\\{0,1\\}\\([^]"]*\\)\\]\\{0,1\\}:[0-9]*".*/\\1/p'); do
    case " $fellows " in
      *" $voter "*) ;;
      *) echo "consul: server $voter is lost and still counts as a voter" >&2; return 1 ;;
    esac
  done
}
`;

const readyServer = (mayBegin: boolean): string =>
  `${mayBegin ? "  if never_had_leader && begins; then return 0; fi\n" : ""}  has_leader || { echo "consul: the servers have no leader" >&2; return 1; }
  is_healthy || { echo "consul: server $node has not caught up with the leader, which says: $(told_of_itself)" >&2; return 1; }
  is_voter || { echo "consul: server $node is no voter yet" >&2; return 1; }
${mayBegin ? LAST_OF_THE_BEGINNING : `  echo "$node" | have_told`}`;

/** Those that were ready before there was a leader are waited for by whoever makes the first. */
const LAST_OF_THE_BEGINNING = `  lost_are_given_up || return 1
  alive_servers | have_told`;

const READY_CLIENT = `  has_leader || { echo "consul: no server of the datacenter was found, or they have no leader" >&2; return 1; }
  runs_as | sed 's/ .*//' | have_told`;
