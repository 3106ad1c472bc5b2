
# --- over SSH: stage DIRECTORY | activate | remove -----------------------------------------------------------------
# Each can be repeated after it was cut short: what is done is found done, and a restart that is due stays due.

WHO=$(hostname) TRIES=3 LOCK_SECONDS=300
ACTIVE=$STATE/document
step() { CURRENT=$*; }
after_failure() { :; }
# A connection that is lost must not end an installation half-way.
trap '' HUP
trap : PIPE

# How a service stood before us, to be put back on removal: NAME ENABLEMENT ACTIVITY
remember_service() { # NAME
  local enablement
  ! grep -qs "^$1 " $STATE/services || return 0
  enablement=$(systemctl is-enabled "$1" 2>/dev/null || true)
  list $STATE/services "$1 ${enablement:-not-found} $(systemctl is-active "$1" 2>/dev/null || true)"
}

take_back_service() { # NAME, its files still in place
  local before
  step "stopping $1"
  before=$(entries $STATE/services | sed -n "s/^$1 \([^ ]*\) .*/\1/p")
  if [[ $before == not-found ]]; then
    systemctl stop "$1" 2>/dev/null || true
    # What is generated from a file of ours goes with the file.
    systemctl disable --quiet "$1" 2>/dev/null || true
    # State, cache and log directories that the unit declares exist on its behalf only.
    systemctl clean --what=all "$1" 2>/dev/null || true
    systemctl reset-failed "$1" 2>/dev/null || true
    # What a timer starts goes with it, and so does how that has ended.
    if [[ $1 == *.timer ]]; then
      systemctl stop "${1%.timer}.service" 2>/dev/null || true
      systemctl reset-failed "${1%.timer}.service" 2>/dev/null || true
    fi
  else
    systemctl stop "$1" || true
    [[ $before == enabled ]] || systemctl disable --quiet "$1" || true
  fi
  say "stopped $1"
}

resume_services() { # those that we gave back, now that the original files are back too
  local line name enablement activity
  while read -r line; do
    read -r name enablement activity <<<"$line"
    if [[ $enablement != not-found && $activity == active ]]; then
      systemctl restart "$name" || warn "cannot restart $name as it was before"
    fi
    unlist $STATE/resume "$line"
  done < <(entries $STATE/resume)
}

# What changed is known unless an earlier version has noted it.
reload_suffices() { # NAME RELOADS_FOR
  local path before
  [[ $2 != - ]] || return 0
  [[ -s $STATE/pending/$1 ]] || return 1
  # A file that goes is one that it has read until now.
  before=$(lines service $ACTIVE | awk -v name="$1" '$1 == name { print $9 }')
  while read -r path; do [[ ,$2,$before, == *",$path,"* ]] || return 1; done <"$STATE/pending/$1"
}

# A reload says by this exit code that it takes a restart all the same.
NOT_BY_RELOAD=100

activate_service() { # NAME RELOAD GATE VERIFY HEALTH TIMEOUT RELOADS_FOR
  local name=$1 reload gate status=$NOT_BY_RELOAD started=$SECONDS
  reload=$(decode "$2") gate=$(decode "$3")
  step "starting $name"
  systemctl is-enabled --quiet "$name" 2>/dev/null || systemctl enable --quiet "$name"
  if systemctl is-active --quiet "$name"; then
    [[ -e $STATE/pending/$name ]] || return 0
    if [[ -n $reload ]] && reload_suffices "$name" "$7"; then
      status=0
      bash -c "$reload" </dev/null || status=$?
    fi
    if ((status == 0)); then
      say "reloaded $name"
    elif ((status != NOT_BY_RELOAD)); then
      die "cannot reload $name"
    else
      [[ -z $gate ]] || wait_until 60 "$gate" || die "$name may not be restarted now: $(tail -n 3 $STATE/check.log)"
      systemctl restart "$name" || explain "$name" "does not start"
      say "restarted $name"
    fi
  else
    # One that is being started by its old file would be waited for in vain.
    [[ ! -e $STATE/pending/$name ]] || systemctl stop "$name" 2>/dev/null || true
    systemctl reset-failed "$name" 2>/dev/null || true
    systemctl start "$name" || explain "$name" "does not start"
    say "started $name"
  fi
  await_health "$name" "$5" "$6"
  [[ $5 == - ]] || say "$name is healthy after $((SECONDS - started)) s"
  rm -f "$STATE/pending/$name"
}

stage() { # DIRECTORY
  local document=$1/document name
  [[ -f $document ]] || die "no document in $1"
  make_state
  sweep_files "$document" $ACTIVE
  repair_packages
  adopt_old_lists
  adopt_refused_purges
  rm -rf $STATE/staged
  install -d -m 0700 $STATE/staged $STAGED
  install -m 0700 "$0" $STATE/staged/host-apply.sh
  replace $STATE/staged/host-apply.sh $STATE/host-apply.sh
  while read -r name _; do remember_service "$name"; done < <(lines service "$document")
  lay_out aptfile "$document" "$1"
  lay_out file "$document" "$1"
  install_packages "$document"
  give_owners file "$document"
  verify_services "$document"
  chmod 0600 "$document"
  replace "$document" $STATE/staged/document
  say "staged"
}

changed_files() { # DOCUMENT: paths whose new version differs, and those that are on the host but named no more
  local path
  while read -r _ _ _ path _; do
    same_file "$STAGED$path" "$path" || echo "$path"
  done < <(lines file "$1")
  while read -r path; do
    grep -q "^\(apt\)\?file [^ ]* [^ ]* [^ ]* $path " "$1" || [[ $path == /etc/apt/keyrings/* ]] || echo "$path"
  done < <(entries $STATE/files)
}

# What is due is written down before the first file changes: a run that is cut short is finished by the next.
note_what_is_due() { # DOCUMENT PATH-OR-PACKAGE...
  local name reads runs path
  mkdir -p $STATE/pending
  # By what services have read until now, too: a file that goes is read by nobody any more.
  while read -r name _ _ _ _ _ reads runs _; do
    grep -q "^service $name " "$1" || continue
    for path in "${@:2}"; do
      [[ ,$reads,$runs, != *",$path,"* ]] || echo "$path" >>"$STATE/pending/$name"
    done
  done < <(lines service "$1" && lines service $ACTIVE)
  [[ " ${*:2}" != *" /etc/systemd/"* && " ${*:2}" != *" /etc/containers/systemd/"* ]] || touch $STATE/daemon-reload
  note_readers "${@:2}"
  sync -f $STATE
}

activate() {
  local document=$STATE/staged/document changed=() others=() line path name
  # Done already, though whoever asked may not have heard of it.
  if [[ ! -f $document ]]; then
    [[ -f $ACTIVE ]] || die "nothing is staged: deliver to this host again"
    activate_services $ACTIVE
    say "active already"
    return
  fi
  repair_packages
  mapfile -t changed < <(changed_files "$document")
  mapfile -t others < <(others_than_wanted "$document")
  note_what_is_due "$document" "${changed[@]}" "${others[@]%% *}"
  change_staged_versions "$document"
  while read -r line; do
    name=${line%% *}
    ! grep -q "^service $name " "$document" || continue
    take_back_service "$name"
    list $STATE/resume "$line"
    unlist $STATE/services "$line"
  done < <(entries_backwards $STATE/services)
  for path in "${changed[@]}"; do
    if [[ -e $STAGED$path ]]; then
      put_file "$STAGED$path" "$path"
      say "replaced $path"
    else
      take_back_file "$path"
    fi
  done
  if [[ -e $STATE/daemon-reload ]]; then
    systemctl daemon-reload
    rm -f $STATE/daemon-reload
  fi
  tell_readers
  resume_services
  activate_services "$document"
  purge_obsolete "$document"
  mv -f "$document" $ACTIVE
  rm -rf $STATE/staged
  say "active"
}
activate_services() { # DOCUMENT
  local name reload gate verify health timeout reloads_for
  while read -r name reload gate verify health timeout _ _ reloads_for; do
    activate_service "$name" "$reload" "$gate" "$verify" "$health" "$timeout" "${reloads_for:--}"
  done < <(lines service "$1")
}

purge_obsolete() { # NEW DOCUMENT
  local obsolete=() name
  mapfile -t obsolete < <(needless_packages "$1")
  purge_packages "${obsolete[@]}"
  for name in "${obsolete[@]}"; do
    if is_absent "$name"; then unlist $STATE/own-packages "$name"; fi
  done
}

remove() {
  local services=() packages=() line path name
  [[ -f $STATE/host-apply.sh ]] || return 0
  sweep_files $ACTIVE $STATE/staged/document
  repair_packages
  adopt_old_lists
  adopt_refused_purges
  mapfile -t services < <(entries_backwards $STATE/services)
  for line in "${services[@]}"; do
    take_back_service "${line%% *}"
    list $STATE/resume "$line"
    unlist $STATE/services "$line"
  done
  while read -r path; do
    note_readers "$path"
    take_back_file "$path"
  done < <(entries_backwards $STATE/files)
  systemctl daemon-reload
  tell_readers
  mapfile -t packages < <(entries $STATE/own-packages)
  purge_packages "${packages[@]}"
  while read -r name; do userdel "$name" 2>/dev/null || true; done < <(entries $STATE/own-passwd)
  while read -r name; do groupdel "$name" 2>/dev/null || true; done < <(entries $STATE/own-group)
  while read -r path; do rmdir "$path" 2>/dev/null || true; done < <(entries_backwards $STATE/directories)
  systemctl daemon-reload
  resume_services
  # The program goes last: as long as it is there, whatever was left can be taken back by another try.
  step "forgetting what was put on the host"
  find $STATE -mindepth 1 ! -path $STATE/host-apply.sh -delete
  rm -rf $STATE
  say "removed"
}

[[ ${1-} =~ ^(stage|activate|remove)$ ]] || { echo "usage: host-apply.sh stage DIRECTORY | activate | remove" >&2 && exit 2; }
take_lock "$1"
"$@"
