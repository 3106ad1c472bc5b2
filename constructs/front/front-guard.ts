import { FRONT_ADMIN_PORT, READY_PATH } from "./front-config";
import { ACME_PATHS, FRONT_PATHS, FRONT_RUNTIME } from "./front-paths";

/**
 * A program of the host that stands between a deploy and HAProxy. Needs haproxy, socat, openssl and curl.
 *
 * - `check HOST...` refuses a configuration, or a certificate that has ended, is for other names or has another key, by
 *   what lies below `$STAGED`. One that the host orders itself is what it is.
 * - `reload` has another process take over with the files that are there, and the instances that the one before knew;
 *   returns once it does. What runs goes on running when it cannot.
 * - `leave SECONDS` says for that long that the front is on its way out, while it goes on serving.
 * - `ready` succeeds while it takes requests, `up` while it runs, with a certificate or without.
 * - `note` tells HAProxy when its certificate ends, which it does not know by itself.
 */
export function frontGuard({ ordersCertificate = false } = {}): string {
  return `#!/bin/sh
# Keeps a front serving while its files change. Usage: front-guard ${USAGE}
set -eu
config="\${STAGED-}${FRONT_PATHS.config}"
certificate="\${STAGED-}${ordersCertificate ? ACME_PATHS.certificate : FRONT_PATHS.certificate}"
state=/run/${FRONT_RUNTIME}

tell() { echo "$1" | socat -t 5 - "UNIX-CONNECT:$state/admin.sock"; }
# HAProxy 2.6 and 3.0 call the command an experiment; it says nothing when it is done.
set_variable() { # NAME EXPRESSION
  said=$(tell "experimental-mode on; set var $1 $2")
  [ -z "$said" ] || {
    echo "front: $1 cannot be set: $said" >&2
    return 1
  }
}
${ordersCertificate ? CHECK_ORDERED : CHECK_DELIVERED}note() {
  set_variable proc.certificate_ends "int($(ends_at))"
}
# So that whoever takes over need not ask for them first.
save() {
  tell "show servers state" >"$state/state.new"
  mv "$state/state.new" "$state/state"
}
worker() { tell "show info" 2>/dev/null | sed -n 's/^Pid: //p'; }
reload() { # of the unit: MAINPID is the master
  before=$(worker)
  save
  check
  kill -USR2 "$MAINPID"
  tries=100
  until now=$(worker) && [ -n "$now" ] && [ "$now" != "$before" ]; do
    tries=$((tries - 1))
    if [ "$tries" -eq 0 ]; then
      echo "front: no process takes over; what ran goes on" >&2
      return 1
    fi
    sleep 0.2
  done
  note
}
leave() { # SECONDS
  [ -z "\${EXIT_CODE-}" ] || return 0
  set_variable proc.leaving "bool(true)"
  sleep "$1"
  save
}
ready() {
  curl -fsS -m 2 -o /dev/null http://127.0.0.1:${FRONT_ADMIN_PORT}${READY_PATH}
}
up() {
  curl -sS -m 2 -o /dev/null http://127.0.0.1:${FRONT_ADMIN_PORT}${READY_PATH}
}
case \${1-} in
  check | reload | leave | ready | up | note) "$@" ;;
  *) echo "usage: front-guard ${USAGE}" >&2; exit 2 ;;
esac
`;
}

const USAGE = "check HOST... | reload | leave SECONDS | ready | up | note";

const HAPROXY_CHECKS = `STAGED="\${STAGED-}" haproxy -c -f "$config" >/dev/null`;

const CHECK_DELIVERED = `ends() { openssl x509 -in "$certificate" -noout -enddate | sed 's/^notAfter=//'; }
ends_at() { date -d "$(ends)" +%s; }
check() { # HOST...
  openssl x509 -in "$certificate" -noout || {
    echo "front: the certificate is none" >&2
    return 1
  }
  openssl x509 -in "$certificate" -noout -checkend 0 >/dev/null || {
    echo "front: the certificate has ended: $(ends)" >&2
    return 1
  }
  for host; do
    openssl x509 -in "$certificate" -noout -checkhost "$host" | grep -q 'does match' || {
      echo "front: the certificate is not for $host" >&2
      return 1
    }
  done
  ${HAPROXY_CHECKS}
}
`;

const CHECK_ORDERED = `acme="\${STAGED-}${ACME_PATHS.script}"
ends_at() { sh "$acme" ends; }
check() {
  if [ -n "\${STAGED-}" ]; then
    mkdir -p "\${certificate%/*}"
    sh "$acme" placeholder >"$certificate"
    echo staged >"$STAGED${ACME_PATHS.kind}"
    # What was delivered before serves until another one is ordered.
    if [ -s ${FRONT_PATHS.key} ] && [ -d "$state" ]; then
      (umask 077 && cat ${FRONT_PATHS.certificate} && echo && cat ${FRONT_PATHS.key}) >"$state/carried-over.pem"
    fi
  fi
  ${HAPROXY_CHECKS}
}
`;
