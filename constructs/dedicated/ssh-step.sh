#!/usr/bin/env bash
# Does one step of a deploy on a host, over one SSH connection of its own. Runs on the machine that deploys.
#
#   ssh-step.sh stage NAME=FILE...   hand over the document and these files, and let the host stage them
#   ssh-step.sh activate             let the host put in place what it has staged
#   ssh-step.sh activate-unless COMMAND   the same, unless the command succeeds there
#   ssh-step.sh prepare COMMAND      run a program of what is staged, with STAGED set, or of what is in place
#   ssh-step.sh run PROGRAM          let the host run this bash program, and pass on what it says
#   ssh-step.sh remove [COMMAND]     let the host take everything back, once the command has succeeded if it is there
#
# How the host is reached is told in TRICLOUD_HOST_* and TRICLOUD_BASTION_* (written by ssh-connection.ts). The
# document comes in TRICLOUD_DOCUMENT_0, _1 ...: it holds secrets, which a command line would show to everybody, and
# the kernel allows no variable above 128 KiB. An operator's own TRICLOUD_SSH_IDENTITY takes the place of the region's
# key. Nothing else of the operator's SSH configuration counts, so that a deploy is the same whoever runs it.
#
# Runs in bash 3.2, which is what macOS has.
set -euo pipefail
umask 077

NAME=$TRICLOUD_HOST_NAME
INSTALLED=/var/lib/tricloud/host-apply.sh
# Whatever a host's .bashrc says comes before this line.
MARK=tricloud-ssh-step

die() {
  echo "$NAME: $*" >&2
  exit 1
}

take_document() { # into DOCUMENT, out of the environment: no later command need inherit it
  local part=0 name
  DOCUMENT=
  while name=TRICLOUD_DOCUMENT_$part && [[ -n ${!name+set} ]]; do
    DOCUMENT+=${!name}
    unset "$name"
    part=$((part + 1))
  done
}

# --- how the host is reached -------------------------------------------------------------------------------------

algorithms() { # KEYS, a line each: without this SSH may ask the host for a key of a kind that is not pinned
  local type list=
  while read -r type _; do
    [[ $type != ssh-rsa ]] || type=rsa-sha2-512,rsa-sha2-256
    list=$list${list:+,}$type
  done <<<"$1"
  echo "$list"
}

identity() { # PATH or nothing: the lines that choose it
  local path=${TRICLOUD_SSH_IDENTITY:-$1}
  [[ -n $path ]] || return 0
  # The home of whoever deploys, known only now; SSH itself would ask the accounts' file and not HOME.
  case $path in [~]/*) path=$HOME/${path#??} ;; esac
  [[ -r $path ]] || die "cannot read the SSH key $path: name yours in TRICLOUD_SSH_IDENTITY"
  # An agent with many keys would offer them all, and the host hangs up before the right one.
  printf '  IdentityFile "%s"\n  IdentitiesOnly yes\n' "${path//%/%%}"
}

machine() { # ALIAS ADDRESS PORT USER KEYS IDENTITY
  local key
  while read -r key; do printf '%s %s\n' "$1" "$key"; done <<<"$5" >>"$WORK/known_hosts"
  printf 'Host %s\n  HostName %s\n  Port %s\n  User %s\n  HostKeyAlias %s\n  HostKeyAlgorithms %s\n' \
    "$1" "$2" "$3" "$4" "$1" "$(algorithms "$5")"
  identity "$6"
}

write_ssh_config() {
  machine host "$TRICLOUD_HOST_ADDRESS" "$TRICLOUD_HOST_PORT" "$TRICLOUD_HOST_USER" "$TRICLOUD_HOST_KEYS" \
    "${TRICLOUD_HOST_IDENTITY-}"
  if [[ -n ${TRICLOUD_BASTION_ADDRESS-} ]]; then
    echo "  ProxyJump bastion"
    machine bastion "$TRICLOUD_BASTION_ADDRESS" "$TRICLOUD_BASTION_PORT" "$TRICLOUD_BASTION_USER" \
      "$TRICLOUD_BASTION_KEYS" "${TRICLOUD_BASTION_IDENTITY-}"
  fi
  cat <<CONFIG
Host *
  UserKnownHostsFile "$WORK/known_hosts"
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  UpdateHostKeys no
  BatchMode yes
  RequestTTY no
  ForwardAgent no
  ConnectTimeout $ATTEMPT_SECONDS
  ServerAliveInterval 10
  ServerAliveCountMax 6
  LogLevel ERROR
CONFIG
}

# --- one connection ----------------------------------------------------------------------------------------------

relay() { # passes on what the host says after the mark
  local line reached=
  while IFS= read -r line || [[ -n $line ]]; do
    if [[ -n $reached ]]; then
      printf '%s\n' "$line"
    elif [[ $line == "$MARK" ]]; then
      reached=1
      : >"$WORK/reached"
      : >"$WORK/said"
    else
      printf '%s\n' "$line" >>"$WORK/said"
    fi
  done
}

# The script holds no single quote, so that any login shell hands it to bash as it is.
attempt() { # SCRIPT INPUT-COMMAND...
  local script=$1 status
  shift
  : >"$WORK/said"
  set +e
  "$@" | ssh -F "$WORK/config" host "exec bash -c '$script'" 2>>"$WORK/said" | relay
  status=("${PIPESTATUS[@]}")
  set -e
  ((status[1] == 0)) || return "${status[1]}"
  ((status[0] == 0)) || die "what was to be delivered could not be read"
}

can_come_right() {
  # A host that boots, a line that is down; not one that was asked wrongly.
  ! grep -qE 'Host key verification|no matching|ermission denied|Too many authentication|onfiguration' "$WORK/said"
}

explain() {
  grep -vE '^@|^$' "$WORK/said" >&2 || true
  if grep -qE 'Host key verification|no matching host key' "$WORK/said"; then
    die "$TRICLOUD_HOST_ADDRESS shows no host key that the region value pins; nothing was sent to it"
  elif grep -qE 'ermission denied|Too many authentication' "$WORK/said"; then
    die "$TRICLOUD_HOST_USER@$TRICLOUD_HOST_ADDRESS: refused; name the key to sign in with in TRICLOUD_SSH_IDENTITY or the region's ssh.privateKeyPath"
  fi
  die "$TRICLOUD_HOST_ADDRESS cannot be reached${1+ (tried for $1 s)}"
}

on_host() { # SCRIPT INPUT-COMMAND...
  local deadline=$((SECONDS + TRICLOUD_HOST_TIMEOUT)) status
  while :; do
    status=0
    attempt "$@" || status=$?
    ((status)) || return 0
    if [[ -e $WORK/reached ]]; then
      if ((status == 255)); then
        # In SSH's own words.
        cat "$WORK/said" >&2
        die "the connection was lost; what the host had begun may go on: deploy again"
      fi
      # The host has said why.
      exit "$status"
    fi
    can_come_right || explain
    ((SECONDS < deadline)) || explain "$TRICLOUD_HOST_TIMEOUT"
    sleep 1
  done
}

# --- the steps ---------------------------------------------------------------------------------------------------

# shellcheck disable=SC2016 # for the host's shell
BEGIN='
set -eu
printf "\n%s\n" '$MARK'
exec 2>&1
umask 077
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
'

# What an earlier delivery left when the power went is swept by the next, unless it may still be under way.
# shellcheck disable=SC2016 # for the host's shell
STAGE='
find "$HOME" -maxdepth 1 -type d \( -name .tricloud-incoming -o -name ".tricloud-delivery-*" -mmin +720 \) \
  -exec rm -rf {} +
incoming=$(mktemp -d "$HOME/.tricloud-delivery-XXXXXXXX")
trap "rm -rf \"$incoming\"" EXIT
IFS= read -r bytes
head -c "$bytes" >"$incoming/document"
tar -xf - -C "$incoming" --no-same-owner --no-same-permissions
as_root bash "$incoming/host-apply.sh" stage "$incoming"
'

link_files() { # NAME=FILE...: so that each has its name in the archive and is copied nowhere
  local file
  mkdir "$FILES"
  for file in "$@"; do ln -s "$(cd "$(dirname "${file#*=}")" && pwd)/$(basename "${file#*=}")" "$FILES/${file%%=*}"; done
}

delivery() { # the document's length in bytes and the document, then an archive of the files
  printf '%s\n%s' "$(LC_ALL=C && echo "${#DOCUMENT}")" "$DOCUMENT"
  tar -chf - -C "$FILES" .
}

plain() { [[ $1 =~ ^/[A-Za-z0-9/._-]+(\ [A-Za-z0-9._-]+)*$ ]] || die "expected a path and plain words, got: $1"; }

WORK=$(mktemp -d "${TMPDIR:-/tmp}/tricloud-ssh-step-XXXXXXXX")
trap 'rm -rf "$WORK"' EXIT
FILES=$WORK/files
ATTEMPT_SECONDS=$((TRICLOUD_HOST_TIMEOUT < 10 ? TRICLOUD_HOST_TIMEOUT : 10))
write_ssh_config >"$WORK/config"

case ${1-} in
  stage)
    shift
    take_document
    link_files "$@"
    on_host "$BEGIN$STAGE" delivery
    ;;
  activate-unless)
    plain "$2"
    # shellcheck disable=SC2016 # for the host's shell
    on_host "${BEGIN}if as_root $2 2>/dev/null; then exit 0; fi; as_root bash $INSTALLED activate" :
    ;;
  prepare)
    plain "$2"
    # shellcheck disable=SC2016 # for the host's shell
    on_host "${BEGIN}"'staged=/var/lib/tricloud/staged/root
as_root test -e $staged'"${2%% *}"' || staged=
as_root env STAGED=$staged sh $staged'"$2" :
    ;;
  activate) on_host "${BEGIN}as_root bash $INSTALLED activate" : ;;
  run) on_host "${BEGIN}as_root bash -s" cat "$2" ;;
  remove)
    [[ -z ${2-} ]] || plain "$2"
    before=${2:+"if test -x ${2%% *}; then $2; fi; "}
    on_host "${BEGIN}as_root bash -ec \"${before}if test -x $INSTALLED; then bash $INSTALLED remove; fi\"" :
    ;;
  *) die "usage: ssh-step.sh stage NAME=FILE... | activate | activate-unless COMMAND | prepare COMMAND | run PROGRAM | remove [COMMAND]" ;;
esac
