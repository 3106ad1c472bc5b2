import { LOCK_KEYS, type LockAccess } from "../dns/consul-locks";
import { HAS_LEADER, shellApi } from "../dns/consul-shell";
import { RUNTIME_PATHS } from "./container-runtime";

/** Where the parts that all tasks of a host share lie. */
export const TASK_PATHS = {
  program: "/usr/local/lib/tricloud/service-task",
  /** How tasks have ended, for the program itself. */
  results: `${RUNTIME_PATHS.state}/tasks`,
} as const;

/** How long a task that has had its time may take to end. */
export const TASK_STOP_SECONDS = 20;

/** What a run ends with that could not take place, since nobody says whose turn it is. */
const MISSED = 75;

/** And when it has taken longer than it may. */
const LATE = 124;

/**
 * A program of the host that runs services' tasks. Needs podman, curl and systemd.
 *
 * - `release SERVICE TASK RELEASE` runs what comes before a release, unless it has run for that release on this host;
 *   with `$STAGED`, by what lies there.
 * - `now SERVICE TASK` runs it now.
 * - `exec` and `ended`, with the same words and why it runs, are what units begin and end with.
 *
 * Both print what the task prints, which is in the journal too, and end with its exit status.
 *
 * Why it runs: `release` and `now` as above; `turn`, since the time has come, where no other host of the region has run
 * it for that time; `boot`, since this machine is new, where no other one has run it for the same release. Which host
 * does is decided by a lock of Consul's, that goes with a host that is lost.
 */
export const taskProgram = ({ tokenFile }: LockAccess): string => `#!/bin/sh
# Runs services' tasks. Usage: service-task ${USAGE}
set -eu
usage() { echo "usage: service-task ${USAGE}" >&2; exit 2; }
case \${1-} in release | now | exec | ended) ;; *) usage ;; esac
[ $# -ge 3 ] || usage
mode=$1 service=$2 task=$3 why=\${4-}
name=$service.$task
fail() { echo "task $task of service $service: $*" >&2; exit 1; }
description="\${STAGED-}${RUNTIME_PATHS.tasks}/$name"
[ -e "$description" ] || fail "this host does not have it"
. "$description"
export CONTAINERS_STORAGE_CONF="\${STAGED-}${RUNTIME_PATHS.storage}"
export CONTAINERS_CONF_OVERRIDE="\${STAGED-}${RUNTIME_PATHS.engine}"
guard="\${STAGED-}${RUNTIME_PATHS.guard}"
result=${TASK_PATHS.results}/$name.result
running=${TASK_PATHS.results}/$name.$why
key=kv/${LOCK_KEYS}tasks/$service/$task
last_status=0 last_seconds=0 last_ended=0 last_success=0 released=none
[ ! -e "$result" ] || . "$result"

${shellApi({ tokenFile })}
${HAS_LEADER}
field() { sed -n "s/.*\\"$1\\": *\\"\\{0,1\\}\\([^\\",}]*\\).*/\\1/p"; }

# --- whose turn it is ----------------------------------------------------------------------------------------------

missed() {
  [ -e "$running" ] || begun -
  echo "task $task of service $service: missed: $*" >&2
  exit ${MISSED}
}
begun() { # SESSION: from here on the end is noted
  mkdir -p ${TASK_PATHS.results}
  echo "$(date +%s) $1" >"$running"
}
HELD=1 UNKNOWN=2
lock() { # into session
  has_leader || return $UNKNOWN
  session=$(api session/create -f -X PUT -d "{\\"Name\\": \\"task $name\\", \\"LockDelay\\": \\"0s\\"}" | field ID)
  [ -n "$session" ] || return $UNKNOWN
  case $(api "$key/lock?acquire=$session" -f -X PUT -d "$(hostname)") in
    true) return 0 ;;
    false) unlock && return $HELD ;;
  esac
  unlock
  return $UNKNOWN
}
unlock() { api "session/destroy/$session" -f -o /dev/null -X PUT; }
holder() { api "$key/lock?raw" -f 2>/dev/null || echo "another host"; }
take_turn() {
  lock || case $? in
    "$HELD") echo "it is under way on $(holder)"; exit 0 ;;
    *) missed "Consul is away, which would say whose turn it is" ;;
  esac
  slot=$(($(date +%s) / 60 * 60))
  last=$(api "$key/last?raw" 2>/dev/null || true)
  ran=$(printf '%s' "$last" | field slot)
  # Clocks differ, and a timer may be late: half way to the next time it is still this one.
  if [ -n "$ran" ] && [ "$ran" -gt $((slot - period / 2)) ]; then
    echo "it has run on $(printf '%s' "$last" | field host)"
    unlock
    exit 0
  fi
  begun "$session"
  tell null null || missed "Consul notes nothing"
}
tell() { # STATUS SECONDS
  api "$key/last" -f -o /dev/null -X PUT -d "{\\"slot\\": \${slot:-0}, \\"host\\": \\"$(hostname)\\", \\"status\\": $1, \\"seconds\\": $2, \\"ended\\": $(date +%s)}"
}
take_release() { # waits, for as long as its unit lets it, until it has run somewhere
  [ "$released" != "$release" ] || exit 0
  until lock; do sleep 2; done
  if [ "$(api "$key/released?raw" -f 2>/dev/null || true)" = "$release" ]; then
    unlock
    released=$release
    mkdir -p ${TASK_PATHS.results}
    note
    exit 0
  fi
  begun "$session"
}

# --- in a unit -----------------------------------------------------------------------------------------------------

run_here() {
  # What was cut off has left its lock, perhaps.
  if [ -e "$running" ]; then
    read -r started session <"$running"
    [ "$session" = - ] || unlock 2>/dev/null || true
    rm -f "$running"
  fi
  case $why in
    turn) take_turn ;;
    boot) take_release ;;
    now)
      if [ "$period" -gt 0 ]; then
        lock || case $? in
          "$HELD") fail "it is under way on $(holder)" ;;
          *) fail "Consul is away, which would say whether it is under way elsewhere" ;;
        esac
        slot=$(api "$key/last?raw" 2>/dev/null | field slot) || slot=
        begun "$session"
      else
        begun -
      fi
      ;;
    release) begun - ;;
    *) usage ;;
  esac
  sh "$guard" pull "$Image" >&2
  container &
  child=$!
  # By podman, which cleans up: what it starts may not hear of a signal of anybody else's.
  trap 'podman stop -t ${TASK_STOP_SECONDS} "$name" >/dev/null || true' TERM
  deadline=$(($(date +%s) + seconds)) late=
  while kill -0 "$child" 2>/dev/null; do
    if [ -z "$late" ] && [ "$(date +%s)" -ge "$deadline" ]; then
      late=yes
      podman stop -t ${TASK_STOP_SECONDS} "$name" >/dev/null || true
    fi
    sleep 0.5
  done
  status=0
  wait "$child" || status=$?
  [ -z "$late" ] || status=${LATE}
  exit "$status"
}
note() {
  cat >"$result.new" <<END
last_status=$last_status last_seconds=$last_seconds last_ended=$last_ended last_success=$last_success released=$released
END
  mv "$result.new" "$result"
}
end_here() {
  [ -e "$running" ] || return 0
  read -r started session <"$running"
  last_ended=$(date +%s)
  last_seconds=$((last_ended - started))
  # Systemd tells it where a unit has stopped; one that stays after its end has got here by succeeding.
  if [ "\${EXIT_CODE:-exited}" = exited ]; then last_status=\${EXIT_STATUS:-0}; else last_status=137; fi
  # What was killed may have left its container.
  [ "$last_status" -eq 0 ] || podman rm -f -i -t 0 "$name" >/dev/null 2>&1 || true
  if [ "$last_status" -eq 0 ]; then
    last_success=$last_ended
    [ "$period" -gt 0 ] || released=$release
  fi
  note
  metrics
  if [ "$session" != - ]; then
    if [ "$why" = boot ]; then
      [ "$last_status" -ne 0 ] || api "$key/released" -f -o /dev/null -X PUT -d "$release"
    else
      slot=$(api "$key/last?raw" 2>/dev/null | field slot) || slot=
      tell "$last_status" "$last_seconds" || echo "Consul was not told how it ended" >&2
    fi
    unlock || session=kept
  fi
  [ "$session" = kept ] || rm -f "$running"
  # By what is in place: what is staged comes after.
  [ ! -x ${RUNTIME_PATHS.guard} ] || ${RUNTIME_PATHS.guard} clean
}
metrics() {
  figures=${RUNTIME_PATHS.metrics}/$name.prom
  mkdir -p ${RUNTIME_PATHS.metrics}
  labels="{service=\\"$service\\",task=\\"$task\\"}"
  cat >"$figures.new" <<END
# TYPE tricloud_task_exit_status gauge
tricloud_task_exit_status$labels $last_status
# TYPE tricloud_task_duration_seconds gauge
tricloud_task_duration_seconds$labels $last_seconds
# TYPE tricloud_task_end_timestamp_seconds gauge
tricloud_task_end_timestamp_seconds$labels $last_ended
# TYPE tricloud_task_success_timestamp_seconds gauge
tricloud_task_success_timestamp_seconds$labels $last_success
END
  chmod 0644 "$figures.new"
  mv "$figures.new" "$figures"
}

# --- for whoever waits ---------------------------------------------------------------------------------------------

unit=tricloud-task-$name-once.service
follow() { # what the unit prints from here on
  cursor=$(journalctl -q -n 0 --show-cursor | sed -n 's/^-- cursor: //p')
  journalctl -q -f -o cat --no-tail \${cursor:+"--after-cursor=$cursor"} "_SYSTEMD_UNIT=$unit" _TRANSPORT=stdout &
  follower=$!
}
followed() {
  journalctl --sync
  sleep 1
  kill "$follower" 2>/dev/null || true
}
once() { # WHY
  status=0
  set --  "$1" -p "ExecStopPost=/bin/sh $0 ended $service $task $1"
  for property in $properties; do set -- "$@" -p "$property"; done
  why=$1
  shift
  follow
  systemd-run --quiet --wait --collect --unit="$unit" --description="Task $task of service $service" \\
    --setenv=STAGED="\${STAGED-}" -p Delegate=yes -p KillMode=mixed -p TimeoutStopSec=${TASK_STOP_SECONDS + 10} "$@" \\
    /bin/sh "$0" exec "$service" "$task" "$why" || status=$?
  followed
}
under_way() { case $(systemctl show -P ActiveState "$unit") in active | activating | deactivating | reloading) ;; *) return 1 ;; esac; }
said() { # how it ended
  [ "$status" -ne 0 ] || return 0
  how="has failed with exit status $status"
  [ "$status" -ne ${LATE} ] || how="has taken longer than $seconds s, and was ended"
  echo "task $task of service $service $how" >&2
  exit "$status"
}
case $mode in
  exec) run_here ;;
  ended) end_here ;;
  now)
    ! under_way || fail "it is under way on this host"
    once now
    said
    ;;
  release)
    [ "$release" = "$why" ] || fail "this host has it for release $release, expected $why: deliver to this host again"
    if under_way; then
      echo "task $task of service $service is still under way"
      follow
      while under_way; do sleep 1; done
      followed
      [ ! -e "$result" ] || . "$result"
    fi
    if [ "$released" = "$release" ]; then
      echo "task $task of service $service has run for this release"
      exit 0
    fi
    echo "task $task of service $service runs"
    once release
    said
    echo "task $task of service $service has succeeded"
    ;;
esac
`;

const USAGE =
  "release SERVICE TASK RELEASE | now SERVICE TASK | exec|ended SERVICE TASK release|now|turn|boot";
