
# --- on a machine's first boot: boot DOCUMENT ----------------------------------------------------------------------
# Once, by cloud-init; to be read in /var/log/cloud-init-output.log. The machine serves nobody yet, and is thrown
# away if this fails.

WHO=tricloud TRIES=10 LOCK_SECONDS=300

step() {
  CURRENT=$*
  say "$*"
}
install_new() { # PACKAGE...
  hold_services
  retry apt_get install "$@"
}
change_versions() { # NAME=VERSION...: the image has another
  hold_services
  retry apt_get install --allow-downgrades "$@"
}
archives_suffice() { false; }
after_failure() {
  # What does not fit or fails to report is the last thing to be said.
  bash -o pipefail -c "$(decode "$(lines unhealthy "$DOCUMENT")")" || warn "the failure could not be reported"
}

boot() {
  local name value path health timeout
  make_state
  while read -r name value; do export "$name=$(decode "$value")"; done < <(lines environment "$DOCUMENT")
  lay_out aptfile "$DOCUMENT" -
  install_packages "$DOCUMENT"
  release_services
  eval "$(decode "$(lines prepare "$DOCUMENT")")"
  lay_out file "$DOCUMENT" -
  give_owners file "$DOCUMENT"
  verify_services "$DOCUMENT"
  while read -r _ _ _ path _; do
    note_readers "$path"
    put_file "$STAGED$path" "$path"
  done < <(lines file "$DOCUMENT")
  rm -rf $STATE/staged
  systemctl daemon-reload
  tell_readers
  # All at once, for they need one another: Consul, say, finds its servers by names that the resolver looks up, which
  # in turn asks Consul. A quorum's gate is for restarting what runs already.
  while read -r name _; do
    step "starting $name"
    systemctl is-enabled --quiet "$name" || systemctl enable "$name"
    systemctl restart "$name" || explain "$name" "does not start"
  done < <(lines service "$DOCUMENT")
  while read -r name _ _ _ health timeout _; do
    await_health "$name" "$health" "$timeout"
  done < <(lines service "$DOCUMENT")
  value=$(decode "$(lines healthy "$DOCUMENT")")
  if [[ -n $value ]]; then
    step "report"
    retry bash -o pipefail -c "$value"
  fi
  step "done"
}

[[ ${1-} == boot && -f ${2-} ]] || { echo "usage: boot DOCUMENT" >&2 && exit 2; }
DOCUMENT=$2
take_lock boot
boot
