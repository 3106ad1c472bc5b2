
# --- services ----------------------------------------------------------------------------------------------------

verify_services() { # DOCUMENT
  local name verify
  while read -r name _ _ verify _; do
    [[ $verify != - ]] || continue
    step "verification of the files for $name"
    STAGED=$STAGED bash -c "$(decode "$verify")" </dev/null >"$STATE/check.log" 2>&1 || {
      cat "$STATE/check.log" >&2
      die "the new configuration of $name is refused; nothing was changed"
    }
  done < <(lines service "$1")
}
await_health() { # NAME HEALTH TIMEOUT_SECONDS
  [[ $2 != - ]] || return 0
  step "waiting for $1 to be healthy"
  wait_until "$3" "$(decode "$2")" || explain "$1" "is not healthy after $3 s ($(tail -n 1 "$STATE/check.log"))"
}
explain() { # NAME WHAT
  journalctl -q --no-pager -n 15 -u "$1" >&2 || true
  die "$1 $2"
}
