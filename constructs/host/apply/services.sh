
# --- services ----------------------------------------------------------------------------------------------------

verify_services() { # DOCUMENT
  local name verify
  while read -r name _ _ verify _; do
    [[ $verify != - ]] || continue
    step "verification of the files for $name"
    PATH=$STATE/staged/programs/usr/bin:$PATH STAGED=$STAGED bash -c "$(decode "$verify")" </dev/null >"$STATE/check.log" 2>&1 || {
      cat "$STATE/check.log" >&2
      die "the new configuration of $name is refused; nothing was changed"
    }
  done < <(lines service "$1")
}
# Programs of the host's own that read a folder in which a file of ours lies: they are told, where they run.
note_readers() { # PATH...
  local path
  mkdir -p $STATE/readers
  for path; do
    case $path in
      /etc/systemd/resolved.conf.d/*) touch $STATE/readers/systemd-resolved.service ;;
      /etc/NetworkManager/conf.d/*) touch $STATE/readers/NetworkManager.service ;;
    esac
  done
}
tell_readers() {
  local reader
  for reader in "$STATE"/readers/*.service; do
    [[ -e $reader ]] || continue
    systemctl try-restart "${reader##*/}" || warn "cannot restart ${reader##*/}"
    rm -f "$reader"
  done
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
