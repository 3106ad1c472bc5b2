
# --- which packages are ours -------------------------------------------------------------------------------------
# Those that apt's simulation named before a run and that this run itself unpacked, on a host that did not have them.
# While a run is under way, or was cut short, `planned` names the ones and `unpacked` holds what dpkg said.

PLANNED=$STATE/planned UNPACKED=$STATE/unpacked

is_absent() { # PACKAGE
  case $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) in
    "" | not-installed | config-files) ;;
    *) false ;;
  esac
}
account_names() { cut -d: -f1 "/etc/$1" | sort; } # passwd | group

apt_install() { # ARGUMENTS...: takes nothing off the host, and notes what dpkg unpacks as it does
  # shellcheck disable=SC2016 # for the shell that dpkg starts
  local note='while read -r line; do case $line in "processing: install: "*) echo "$line" >>'$UNPACKED'; sync '$UNPACKED';; esac; done'
  run_apt -o "Dpkg::Options::=--status-logger=$note" --no-remove install "$@"
}
install_new() { # PACKAGE...
  local planned=() name kind
  run_apt install --simulate "$@" || { apt_said && die "cannot install $*"; }
  while read -r name; do
    if is_absent "$name"; then planned+=("$name"); fi
  done < <(sed -n 's/^Inst \([^ ]*\) .*/\1/p' "$LOG")
  for kind in passwd group; do account_names $kind >$STATE/$kind.before; done
  rm -f $UNPACKED
  hold_services
  rewrite $PLANNED "${planned[@]}"
  if ! apt_install "$@"; then
    apt_said
    settle_account
    die "cannot install $*"
  fi
  settle_account
}


# A package that is there in another version is fetched now and changed when this host's turn has come, for a program
# that starts anew in between is already the other one. It lies unpacked beside, so that it can verify its own new files.
ARCHIVES=$STATE/staged/archives PROGRAMS=$STATE/staged/programs
change_versions() { # NAME=VERSION...
  local wanted deb name old new
  run_apt install --simulate --allow-downgrades "$@" || { apt_said && die "cannot install $*"; }
  while read -r name old new; do
    dpkg --compare-versions "$new" lt "$old" || continue
    [[ " $*" == *" $name="* ]] || die "cannot install $*: $name would go back from $old to $new"
  done < <(sed -n 's/^Inst \([^ ]*\) \[\([^]]*\)\] (\([^ ]*\) .*/\1 \2 \3/p' "$LOG")
  mkdir -p "$ARCHIVES/partial" "$PROGRAMS"
  retry apt_get -o Dir::Cache::archives="$ARCHIVES" --allow-downgrades --download-only install "$@"
  for wanted; do
    name=${wanted%%=*}
    say "$name ${wanted#*=} takes the place of $(installed_version "$name") when this host is activated"
    for deb in "$ARCHIVES/$name"_*.deb; do dpkg-deb --extract "$deb" "$PROGRAMS"; done
  done
}
change_staged_versions() { # DOCUMENT
  local others=() before=() index
  mapfile -t others < <(others_than_wanted "$1")
  ((${#others[@]})) || return 0
  step "changing ${others[*]}"
  exactly "${others[@]}"
  for index in "${!others[@]}"; do before[index]=$(installed_version "${others[index]%% *}"); done
  install_new -o Dir::Cache::archives="$ARCHIVES" --allow-downgrades "${EXACT[@]}"
  for index in "${!others[@]}"; do
    say "${others[index]%% *}: ${before[index]} -> $(installed_version "${others[index]%% *}")"
  done
  release_services
}

settle_account() { # of a run, whatever became of it
  local name own=() kind
  [[ -f $PLANNED ]] || return 0
  while read -r name; do
    if grep -qs "^processing: install: $name\(:.*\)\?$" $UNPACKED && ! is_absent "$name"; then own+=("$name"); fi
  done <$PLANNED
  list $STATE/own-packages "${own[@]}"
  for kind in passwd group; do
    while read -r name; do
      if names_account "$name" $STATE/own-packages; then list $STATE/own-$kind "$name"; fi
    done < <(account_names $kind | comm -13 $STATE/$kind.before -)
  done
  rm -f $PLANNED $UNPACKED $STATE/{passwd,group}.before
}
names_account() { # ACCOUNT LIST: whether a script or a sysusers.d file of a package on the list does
  local package file
  while read -r package; do
    for file in /var/lib/dpkg/info/"$package"{,:*}.{preinst,postinst,config} $(dpkg-query -L "$package" 2>/dev/null | grep '/sysusers\.d/.'); do
      if grep -qswF -- "$1" "$file"; then return; fi
    done
  done < <(entries "$2")
  return 1
}

# After a run that was cut short: first whole packages, then the account of them.
repair_packages() {
  if is_interrupted; then
    step "repairing the packages"
    say "repairing packages that an interrupted installation has left half-way: $(half_way)"
    hold_services
    note_half_way
    when_unlocked dpkg --force-confold --configure -a || true
    finish_removals
    unpack_anew
    apt_install -f || { apt_said && die "cannot repair: $(half_way)"; }
  fi
  settle_account
}
# dpkg does not wait for the note of what it unpacks: a power cut may keep the package and lose the note. Of a run that
# was cut short, what is still half-way was begun by that run.
note_half_way() {
  local name
  [[ -f $PLANNED ]] || return 0
  for name in $(half_way); do
    if grep -qx "$name\(:.*\)\?" $PLANNED; then echo "processing: install: $name" >>$UNPACKED; fi
  done
  [[ ! -f $UNPACKED ]] || sync $UNPACKED
}
# Of what dpkg had begun to unpack, apt by itself mends only what another package needs.
unpack_anew() {
  local begun=() auto=()
  mapfile -t begun < <(dpkg-query -W -f '${db:Status-Eflag} ${db:Status-Status} ${binary:Package}\n' |
    sed -n 's/^reinstreq [^ ]* //p; s/^ok half-installed //p')
  ((${#begun[@]})) || return 0
  mapfile -t auto < <(apt-mark showauto "${begun[@]}")
  # What cannot be fetched is named by the repair that follows.
  apt_install -f --reinstall "${begun[@]}" || true
  ((${#auto[@]} == 0)) || apt-mark -qq auto "${auto[@]}"
}
# What was being removed goes: apt would have to remove it too, and is told to take nothing off the host.
finish_removals() {
  local wanted status name
  while read -r wanted status name; do
    case $status in installed | config-files | not-installed) continue ;; esac
    case $wanted in
      deinstall) when_unlocked dpkg --force-remove-reinstreq --remove "$name" || true ;;
      purge) when_unlocked dpkg --force-remove-reinstreq --purge "$name" || true ;;
    esac
  done < <(dpkg-query -W -f '${db:Status-Want} ${db:Status-Status} ${Package}\n')
}
half_way() { dpkg-query -W -f '${db:Status-Status} ${Package}\n' | grep -v '^\(installed\|config-files\|not-installed\) ' | cut -d ' ' -f 2 | xargs; }
is_interrupted() { compgen -G '/var/lib/dpkg/updates/[0-9]*' >/dev/null || [[ -n $(half_way) ]]; }

purge_packages() { # PACKAGE...
  local name there=() kept=() left=()
  for name; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) =~ ^(|not-installed)$ ]] || there+=("$name")
  done
  ((${#there[@]})) || return 0
  step "purging ${there[*]}"
  hold_services
  when_unlocked dpkg --purge "${there[@]}" || true
  for name in "${there[@]}"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) =~ ^(|not-installed)$ ]] && continue
    # dpkg keeps, and names, what a package that is not ours depends on.
    if grep -q "prevent removal of ${name}[: ]" "$LOG"; then kept+=("$name"); else left+=("$name"); fi
  done
  if ((${#left[@]})); then
    apt_said
    die "cannot purge ${left[*]}"
  fi
  ((${#kept[@]} == 0)) || say "kept, for other packages need them: ${kept[*]}"
  say "purged ${there[*]}"
}

# An administrator's source that cannot be read is no hindrance, unless something of ours comes from it.
archives_suffice() { # PACKAGE...
  local broken plan="" one
  broken=$(broken_archives)
  [[ -n $broken ]] || return 1
  plan=$(cat /etc/apt/sources.list.d/tricloud-*.sources 2>/dev/null | sed -n "s,^URIs: \([^ ]*[^/ ]\)/*$,'\1/,p")
  if (($#)); then
    # Keeps its hands off LOG, which tells what is broken.
    plan+=$(apt-get -q -y --print-uris --no-install-recommends install "$@" 2>/dev/null) || return 1
  fi
  for one in $broken; do [[ $plan != *"'${one%/}/"* ]] || return 1; done
  warn "goes on without an archive of this host's that cannot be read, since nothing comes from it: $broken"
}

# Of ours those that nobody needs any more: the document names them not, and nothing that stays depends on them.
needless_packages() { # DOCUMENT
  awk -F '\t' '
    FILENAME == ARGV[1] { own[$1]; next }
    FILENAME == ARGV[2] { wanted[$1]; next }
    $2 == "not-installed" || $2 == "config-files" { next }
    {
      depends[$1] = $3
      count = split($4, names, ", *")
      for (i = 1; i <= count; i++) { sub(/[ :(].*/, "", names[i]); providers[names[i]] = providers[names[i]] " " $1 }
      if ($1 in own && !($1 in wanted)) needless[$1]
    }
    function need(name) { if (name in needless) { delete needless[name]; found = 1 } }
    END {
      do {
        found = 0
        for (package in depends) {
          if (package in needless || package in seen) continue
          seen[package]
          count = split(depends[package], names, "[,|]")
          for (i = 1; i <= count; i++) {
            sub(/^ +/, "", names[i])
            sub(/[ :(].*/, "", names[i])
            need(names[i])
            providing = split(providers[names[i]], by, " ")
            for (j = 1; j <= providing; j++) need(by[j])
          }
        }
      } while (found)
      for (package in needless) print package
    }' <(entries $STATE/own-packages) <(wanted_packages "$1") \
    <(dpkg-query -W -f '${Package}\t${db:Status-Status}\t${Pre-Depends}, ${Depends}\t${Provides}\n') | sort
}
wanted_packages() { # DOCUMENT: names
  lines package "$1" | cut -d ' ' -f 1
  [[ -z $(lines aptkey "$1") ]] || printf '%s\n' "${FETCHES_KEYS[@]}"
}

# Releases before this one purged a package alone on which others of ours depended: dpkg kept it, marked, and it was on
# no list of ours any more.
adopt_refused_purges() {
  local name
  while read -r name; do
    dpkg-query -W -f '${Depends}\n' "$name" | tr ',|' '\n' | sed 's/^ *//; s/[ :(].*//' |
      grep -qxFf <(entries $STATE/own-packages) || continue
    list $STATE/own-packages "$name"
  done < <(dpkg-query -W -f '${db:Status-Want} ${db:Status-Status} ${Package}\n' | sed -n 's/^purge installed //p')
}

# Releases before this one took for ours whatever had come since their first attempt. Of their lists counts what apt's
# own history says they installed; the rest stays, and is named.
adopt_old_lists() {
  local theirs own=() doubtful=() name kind
  [[ -f $STATE/packages ]] || return 0
  theirs=$(zcat -f /var/log/apt/history.log* 2>/dev/null |
    sed -n '/^Commandline: apt-get -q -y -o DPkg::Lock::Timeout=120 .* install /,/^$/s/^Install: //p' |
    sed 's/ ([^)]*)//g' | tr -d ' ' | tr ',' '\n' | sed 's/:.*//')
  while read -r name; do
    if grep -qxF -- "$name" <<<"$theirs"; then own+=("$name"); else doubtful+=("$name"); fi
  done <$STATE/packages
  list $STATE/own-packages "${own[@]}"
  for kind in passwd group; do
    while read -r name; do
      if names_account "$name" $STATE/own-packages; then list $STATE/own-$kind "$name"; fi
    done < <(entries $STATE/$kind)
  done
  ((${#doubtful[@]} == 0)) || say "will stay, for nothing shows that they came with us: ${doubtful[*]}"
  rm -f $STATE/{packages,passwd,group}{,.before}
}
