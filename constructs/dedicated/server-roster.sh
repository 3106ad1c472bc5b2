#!/usr/bin/env bash
# Compares the servers that a region had with those that it has, and refuses when one is gone of which nobody has said
# what becomes of it: it would go on serving what was put on it. Runs on the machine that deploys, in bash 3.2 too.
#
# Both lists have a line for each server: NAME ADDRESS KEY-FINGERPRINT...
#
#   TRICLOUD_SERVERS_BEFORE   as they were deployed
#   TRICLOUD_SERVERS_NOW      as the region names them, retired ones included
set -euo pipefail

same_machine() { # ADDRESS KEYS ADDRESS KEYS
  local key
  [[ $1 != "$3" ]] || return 0
  for key in $2; do
    case " $4 " in *" $key "*) return 0 ;; esac
  done
  return 1
}

now_called() { # ADDRESS KEYS: nothing when it is gone
  local name address keys
  while read -r name address keys; do
    if same_machine "$1" "$2" "$address" "$keys"; then
      echo "$name"
      return
    fi
  done <<<"$TRICLOUD_SERVERS_NOW"
}

gone=0
while read -r name address keys; do
  [[ -n $name ]] || continue
  called=$(now_called "$address" "$keys")
  if [[ -z $called ]]; then
    gone=1
    echo "$name ($address) is gone from the region's servers, and would go on serving what was put on it: name it again" \
      "with \`retired: true\`, or \`retired: \"lost\"\` when nobody can reach it, deploy, and then take it out" >&2
  elif [[ $called != "$name" ]]; then
    echo "$name ($address) is called $called now: nothing is taken off it"
  fi
done <<<"$TRICLOUD_SERVERS_BEFORE"
exit "$gone"
