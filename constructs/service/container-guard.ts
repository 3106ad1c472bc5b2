import { shellApi } from "../dns/consul-shell";
import { RUNTIME_PATHS } from "./container-runtime";

export interface ContainerGuardOptions {
  /** File with a token that may take services out of discovery and back. @default - none is needed */
  readonly tokenFile?: string;
  /** Registry credentials are in `RUNTIME_PATHS.credentials`. */
  readonly hasCredentials: boolean;
}

/**
 * A program of the host that stands between a release and a service's container. Needs podman, curl and ss.
 *
 * - `pull IMAGE` fetches it where it is not there, by its digest, which podman checks; with `$STAGED`, by what lies there.
 * - `leave NAME PORT NAMED DRAIN` takes the instance out of discovery and returns once nobody is told of it (NAMED
 *   seconds) and nobody's connection is open any more (at most DRAIN seconds). A container that has ended has left.
 * - `join NAME PORT PATH SECONDS` returns once the instance is healthy and, if it had left, is back in discovery. Fails
 *   when the container ends before, or SECONDS have passed.
 * - `clean` removes images that nothing of this host is made of, and figures of tasks that it has no more.
 * - `known NAME` succeeds when discovery gives the instance out, or is so new that it gives out nothing.
 */
export function containerGuard({ tokenFile, hasCredentials }: ContainerGuardOptions): string {
  const credentials = hasCredentials ? ` --authfile "\${STAGED-}${RUNTIME_PATHS.credentials}"` : "";
  return `#!/bin/sh
# Releases services' containers so that no request is lost. Usage: service-container ${USAGE}
set -eu
export CONTAINERS_STORAGE_CONF="\${STAGED-}${RUNTIME_PATHS.storage}"
export CONTAINERS_CONF_OVERRIDE="\${STAGED-}${RUNTIME_PATHS.engine}"

${shellApi({ tokenFile })}
# podman notes there which registry has which layer, whatever its configuration says. Where an administrator's own podman
# keeps nothing, nothing is left.
forget_layers() {
  rm -f ${SYSTEM_CONTAINERS}/cache/blob-info-cache-v1.sqlite*
  rmdir ${SYSTEM_CONTAINERS}/cache ${SYSTEM_CONTAINERS} 2>/dev/null || true
}
pull() { # IMAGE
  ! podman image exists "$1" || return 0
  [ -e ${SYSTEM_CONTAINERS}/storage ] || trap forget_layers EXIT
  # What lets a machine into AWS's registries is asked for anew, and lies nowhere.
  AWS_ECR_DISABLE_CACHE=true timeout ${PULL_SECONDS} podman pull -q --retry 2 --retry-delay 2s --cert-dir "\${STAGED-}${RUNTIME_PATHS.authorities}"${credentials} "$1"
}
# Images that no service or task of this host is made of, or is to be made of when this host is activated, and figures of
# tasks that it has no more.
clean() {
  wanted=$(for root in "" /var/lib/tricloud/staged/root; do
    cat "$root${RUNTIME_PATHS.units}"/tricloud-service-*.container "$root${RUNTIME_PATHS.tasks}"/* 2>/dev/null || true
  done)
  podman images --format '{{.Repository}}@{{.Digest}}' | while read -r image; do
    printf '%s\\n' "$wanted" | grep -qxF "Image=$image" || podman image rm "$image" >/dev/null 2>&1 || true
  done
  for figures in ${RUNTIME_PATHS.metrics}/*.prom; do
    task=\${figures##*/}
    [ -e "${RUNTIME_PATHS.tasks}/\${task%.prom}" ] || rm -f "$figures"
  done
}
maintenance() { # NAME true|false
  api "agent/service/maintenance/$1?enable=$2&reason=released" -f -o /dev/null -X PUT
}
connections() { # PORT: those of others than this host's own checks
  ss -Htn state established "sport = :$1" | awk '$4 !~ /^(127\\.|\\[::1\\]|\\[::ffff:127\\.)/' | grep -c . || true
}
leave() { # NAME PORT NAMED DRAIN
  [ -z "\${EXIT_CODE-}" ] || return 0
  # Noted first: discovery remembers over a restart who has left, and so must this host.
  : >"${RUNTIME_PATHS.state}/left-$1"
  maintenance "$1" true || echo "$1: discovery was not told, and may go on naming it" >&2
  sleep "$3"
  waited=0
  until [ "$(connections "$2")" -eq 0 ] || [ "$waited" -ge "$4" ]; do
    sleep 1
    waited=$((waited + 1))
  done
  left=$(connections "$2")
  [ "$left" -eq 0 ] || echo "$1: $left connections are still open after $4 s, and end now" >&2
}
answers() { # PORT PATH
  status=$(curl -s -m 2 -o /dev/null -w '%{http_code}' "http://127.0.0.1:$1$2" || true)
  case $status in 2??) ;; *) return 1 ;; esac
}
join() { # NAME PORT PATH SECONDS
  deadline=$(($(date +%s) + $4))
  until kill -0 "$MAINPID" 2>/dev/null && answers "$2" "$3"; do
    if ! kill -0 "$MAINPID" 2>/dev/null; then
      echo "$1: the container has ended" >&2
      return 1
    fi
    if [ "$(date +%s)" -ge "$deadline" ]; then
      case $status in 000) said="no answer" ;; *) said="status $status" ;; esac
      echo "$1: $3 is not healthy after $4 s: $said" >&2
      return 1
    fi
    sleep 0.5
  done
  if [ -e "${RUNTIME_PATHS.state}/left-$1" ]; then
    tries=30
    until maintenance "$1" false; do
      tries=$((tries - 1))
      if [ "$tries" -eq 0 ]; then
        echo "$1: discovery does not take it back" >&2
        return 1
      fi
      sleep 1
    done
    rm -f "${RUNTIME_PATHS.state}/left-$1"
  fi
  clean
}
known() { # NAME
  if api "agent/health/service/id/$1?format=text" -f -o /dev/null; then return 0; fi
  # A new datacenter that has had no leader yet gives out nothing, and knows no token.
  if [ "$(api status/peers -f)" = "[]" ]; then return 0; fi
  echo "$1: discovery does not give it out"
  return 1
}
case \${1-} in
  pull | leave | join | known | clean) "$@" ;;
  *) echo "usage: service-container ${USAGE}" >&2; exit 2 ;;
esac
`;
}

const SYSTEM_CONTAINERS = "/var/lib/containers";

const USAGE = "pull IMAGE | leave NAME PORT NAMED DRAIN | join NAME PORT PATH SECONDS | known NAME | clean";

/** A gigabyte over a line of 20 Mbit/s. */
const PULL_SECONDS = 420;
