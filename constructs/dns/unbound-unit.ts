import { UNIT_HARDENING } from "../host";
import type { DnsEndpoint } from "./dns-name";
import {
  CHECK_NAME,
  CONFINEMENT,
  MAIN_RESOLVER,
  RECEIVE_BUFFER_BYTES,
  type ResolverInstance,
  SPARE_RESOLVER,
} from "./unbound-files";

/**
 * The systemd unit of a resolver: our configuration file, run as the service's own user with nothing of the host
 * writable but its run-time folder. For the main resolver it is a drop-in to the unit of Debian's package.
 */
export function unboundUnit(instance: ResolverInstance): string {
  const { name, conf, guard } = instance;
  const isDropIn = instance === MAIN_RESOLVER;
  return `${isDropIn ? "[Unit]" : OWN_UNIT}
StartLimitIntervalSec=0

[Service]${isDropIn ? "" : "\nType=notify"}
User=unbound
Group=unbound
EnvironmentFile=
ExecStartPre=
ExecStartPre=+-${guard} confine
ExecStartPre=+-${guard} widen
ExecStartPre=/usr/sbin/unbound-checkconf ${conf}
ExecStartPre=${guard} remember
ExecStart=
ExecStart=/usr/sbin/unbound -d -p -c ${conf}
ExecReload=
ExecReload=/usr/sbin/unbound-control -c ${conf} reload_keep_cache
ExecStopPost=
# Every look-up of the machine waits for this process.
Restart=always
RestartSec=100ms
OOMScoreAdjust=-900
LimitNOFILE=65536
RuntimeDirectory=${name}
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
${UNIT_HARDENING}
${isDropIn ? "" : "\n[Install]\nWantedBy=multi-user.target\n"}`;
}

const OWN_UNIT = `[Unit]
Description=Unbound DNS server, spare
After=network.target
Before=nss-lookup.target
Wants=nss-lookup.target`;

/** The systemd unit that runs the guard's `watch` beside a resolver that has forwarders. */
export function unboundWatchUnit({ name, guard }: ResolverInstance): string {
  return `[Unit]
Description=Has ${name} forget failures when a forwarder is back
After=${name}.service
PartOf=${name}.service
StartLimitIntervalSec=0

[Service]
User=unbound
Group=unbound
ExecStart=${guard} watch
Restart=always
RestartSec=1
CapabilityBoundingSet=
${UNIT_HARDENING}

[Install]
WantedBy=multi-user.target
`;
}

/** Addition to Debian's AppArmor profile of unbound: the control sockets of these configurations. */
export function unboundConfinement(): string {
  return `# Written by Tricloud; changes made here are lost.
${MAIN_RESOLVER.socket} rw,
${SPARE_RESOLVER.socket} rw,
`;
}

/**
 * A program of the host that stands between a change and the running resolver.
 *
 * - \`apply\` makes unbound take its new files: by a reload that keeps the cache where that is enough. A bad file is
 *   found before the running unbound sees it, for a reload of one ends the process.
 * - \`ready\` succeeds when unbound answers a question and, of the main resolver, programs ask it: whatever else manages
 *   name servers on the host must not stand between them.
 * - \`remember\` keeps what a reload cannot change, for \`apply\` to compare.
 * - \`confine\` makes AppArmor, where it is on, take its addition.
 * - \`widen\` lets sockets of the host have buffers as large as the resolver asks for.
 * - \`watch\` has unbound forget its failures when one of \`forwarders\` answers again. unbound keeps a failure
 *   for five seconds, which no option of it changes.
 */
export function unboundGuard(instance: ResolverInstance, forwarders: readonly DnsEndpoint[]): string {
  const { name, folder, address, conf, unit, guard } = instance;
  const isMain = instance === MAIN_RESOLVER;
  return `#!/bin/bash
# Keeps changes to unbound from taking names away. Usage: ${guard} apply|ready|remember|confine|widen|watch
set -eu
started_with=${folder}/started-with

# Sockets, threads and cache sizes are settled when unbound starts.
needs_restart_for() {
  sha256sum ${unit} ${CONFINEMENT}
  grep -E '^ *(interface|port|num-threads|so-[a-z]*|ip-[a-z]*|[a-z-]*-slabs|[a-z-]*cache-size|control-[a-z-]*|module-config|username):' ${conf}
}
apply() {
  unbound-checkconf ${conf} >/dev/null
  if [[ $(needs_restart_for) == "$(cat $started_with)" ]]; then
    exec systemctl reload ${name}.service
  fi
  exec systemctl restart ${name}.service
}
widen() {
  local limit=/proc/sys/net/core/rmem_max
  # Not there in a container, which has its host's.
  [[ -w $limit ]] || return 0
  (($(<$limit) >= ${RECEIVE_BUFFER_BYTES})) || echo ${RECEIVE_BUFFER_BYTES} >$limit
}
ready() {
  local answer
  exec 3<>/dev/udp/${address}/53
  # One question, "localhost A", which unbound answers whatever became of every other server.
  printf '\\x12\\x34\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x09localhost\\x00\\x00\\x01\\x00\\x01' >&3
  answer=$(timeout 2 head -c 4 <&3 | od -An -tx1)
  # Same number, a response, no error.
  [[ $answer =~ ^\\ 12\\ 34\\ 8[0-9a-f]\\ .0$ ]] || { echo "${name} does not answer, got: \${answer:-nothing}" >&2; return 1; }${isMain ? ASKED_BY_PROGRAMS : ""}
}
# Whether the DNS server says anything within half a second; ". NS" is what any resolver knows.
answers() { # ADDRESS PORT
  exec 3<>"/dev/udp/$1/$2" || return 1
  printf '\\x12\\x34\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\x01' >&3 || return 1
  read -r -t 0.5 -N 1 -u 3 _
}
watch_one() { # ADDRESS PORT
  local silences=0
  while true; do
    if answers "$1" "$2" 2>/dev/null; then
      # One packet may get lost at any time, and fails nobody.
      if ((silences > 1)); then
        unbound-control -q -c ${conf} flush_infra all
        unbound-control -q -c ${conf} flush_negative
        echo "$1 answers again, failures are forgotten"
      fi
      silences=0
      pause 1
    else
      silences=$((silences + 1))
      pause 0.5
    fi
  done
}
# Waits without starting a program, on a pipe that nobody writes to.
pause() { read -r -t "$1" -u 4 || true; }
watch() {
  exec 4<> <(:)
${forwarders.map(({ host, port }) => `  watch_one ${host} ${port} &\n`).join("")}  wait -n
  return 1
}

case \${1-} in
  apply) apply ;;
  ready) ready ;;
  remember) needs_restart_for >$started_with ;;
  confine) if [[ -d /sys/kernel/security/apparmor ]]; then apparmor_parser -r /etc/apparmor.d/usr.sbin.unbound; fi ;;
  widen) widen ;;
  watch) watch ;;
  *)
    echo "usage: ${guard} apply|ready|remember|confine|widen|watch" >&2
    exit 2
    ;;
esac
`;
}

const ASKED_BY_PROGRAMS = `
  timeout 5 getent ahostsv4 ${CHECK_NAME} >/dev/null || {
    echo "programs do not ask this resolver: /etc/resolv.conf or the hosts line of /etc/nsswitch.conf leads elsewhere" >&2
    return 1
  }`;
