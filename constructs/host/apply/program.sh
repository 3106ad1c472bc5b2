#!/bin/bash
# Brings a Debian host to what a document says. Put together from the files of constructs/host/apply.
set -euo pipefail
umask 022
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 HOME=/root

STATE=/var/lib/tricloud
STAGED=$STATE/staged/root
# What a run wants to be gone after a reboot, where no other user can reach it.
RUN=/run/tricloud-apply

CURRENT="" TOLD=""
# Nobody may be listening any more: what has begun goes on to its end all the same.
say() { echo "$WHO: $*" 2>/dev/null || true; }
warn() { say "$*" >&2; }
die() {
  warn "$*"
  TOLD=1
  exit 1
}
# Runs at the end, whatever brings it about. The fronts say what is to be done besides.
ending() {
  local status=$?
  trap - EXIT
  ((status == 0)) || [[ -n $TOLD ]] || warn "failed at $CURRENT"
  release_services
  ((status == 0)) || after_failure
  exit "$status"
}

# No other user can hold the lock where it lies; an apt that outlives this program goes on holding it.
take_lock() { # WHAT FOR
  install -d -m 0700 $RUN
  exec 9<>$RUN/lock
  if ! flock -n 9; then
    say "waiting for another run: $(cat $RUN/lock)"
    flock -w 900 9 || die "another run is still under way: $(cat $RUN/lock)"
  fi
  echo "$1, process $$, since $(date -u +%FT%TZ)${SSH_CLIENT:+, from ${SSH_CLIENT%% *}}" >$RUN/lock
  trap ending EXIT
}

# Under the lock alone: a removal that nobody waits for any more may be about to take it away.
make_state() { install -d -m 0700 $STATE; }

retry() { # COMMAND...: as often as the front says, three seconds apart
  local try
  for ((try = 1; ; try++)); do
    "$@" && return 0
    ((try < TRIES)) || return 1
    sleep 3
  done
}
wait_until() { # SECONDS COMMAND: runs it once a second until it succeeds; none of the tries may outlast the time
  local deadline=$((SECONDS + $1)) left
  until left=$((deadline - SECONDS)) && timeout "$((left > 0 ? left : 1))" bash -c "$2" </dev/null >"$STATE/check.log" 2>&1; do
    ((left > 0)) || return 1
    sleep 1
  done
}
