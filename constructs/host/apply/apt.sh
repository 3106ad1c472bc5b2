
# --- archives and packages ---------------------------------------------------------------------------------------

LOG=$STATE/apt.log
# apt's and dpkg's words for a lock that another program holds.
LOCKED='Could not get lock\|frontend lock was locked\|is locked by another process'
SIGNATURES='signature\|missing key\|NO_PUBKEY\|EXPKEYSIG\|is not signed'

# Packages start their services when installed; ours start only once their files are in place. The guard holds while
# the lock is held, be it by an apt that has outlived this program; after a reboot there is no lock. It cannot lie in
# /run, where Debian runs no programs.
GUARD=/usr/sbin/policy-rc.d
hold_services() {
  [[ ! -e $GUARD ]] || grep -q tricloud $GUARD || return 0
  cat >$GUARD.tricloud <<SCRIPT
#!/bin/sh
# Here for the time of an installation by tricloud; safe to delete.
[ -e $RUN/lock ] || exit 0
flock -n $RUN/lock true && exit 0
exit 101
SCRIPT
  chmod 0755 $GUARD.tricloud
  # Or a power cut leaves an empty guard, which is nobody's and lets no service start for ever.
  sync $GUARD.tricloud
  mv -f $GUARD.tricloud $GUARD
}
release_services() {
  rm -f $GUARD.tricloud
  if grep -qs tricloud $GUARD; then rm -f $GUARD; fi
}

# Runs a program of apt or dpkg; waits, and says for whom, while another one holds a lock that it needs.
when_unlocked() { # COMMAND...
  local deadline=$((SECONDS + LOCK_SECONDS)) said="" holder
  until "$@" </dev/null >"$LOG" 2>&1; do
    grep -q "$LOCKED" "$LOG" && ((SECONDS < deadline)) || return 1
    holder=$(sed -n 's/.*held by process \(.*\)/\1/p; s/.*process with pid \(.*\)/\1/p' "$LOG" | head -n 1)
    [[ $said == "$holder" ]] || say "waiting for process $holder, which uses apt"
    said=$holder
    sleep 2
  done
}
run_apt() { # ARGUMENTS...: what it says lies in LOG
  when_unlocked apt-get -q -y -o Acquire::Retries=3 -o Dpkg::Options::=--force-confold --no-install-recommends "$@"
}
apt_said() { tail -n 15 "$LOG" >&2; }
apt_get() { run_apt "$@" || { apt_said && return 1; }; } # ARGUMENTS...

# Reads the archives, all of each: apt alone takes what it read another day for good enough.
read_archives() { # DOCUMENT PACKAGE...: those that are to be installed
  step "reading the archives"
  if run_apt update --error-on=any || archives_suffice "${@:2}"; then return; fi
  if grep -qi "$SIGNATURES" "$LOG"; then
    # A vendor may have gone over to another of the keys that are pinned.
    rm -f $STATE/apt-keys
    fetch_apt_keys "$1"
    if run_apt update --error-on=any; then return; fi
    warn "not signed by a key that is pinned, or by one that has expired: $(broken_archives). Where the vendor has" \
      "replaced its key, take the new fingerprint from the vendor's own page"
  fi
  apt_said
  return 1
}
broken_archives() { sed -n 's/^Err:[0-9]* \([^ ]*\) .*/\1/p' "$LOG" | sort -u | tr '\n' ' '; }

gpg_alone() { gpg --batch --quiet --no-options --homedir "$KEYS" "$@" 2>/dev/null; }
# Of the primary keys in it: VALIDITY FINGERPRINT EXPIRY, the first and the last "-" for none.
keys_in() { # FILE
  gpg_alone --show-keys --with-colons "$1" |
    awk -F: '$1 == "pub" { head = 1; v = $2 == "" ? "-" : $2; e = $7 == "" ? "-" : $7 } head && $1 == "fpr" { print v, $10, e; head = 0 }'
}
usable_key() { keys_in "$1" | grep -q '^[^eri] '; } # FILE

# What that takes, whether the document names it or not.
FETCHES_KEYS=(ca-certificates curl gpg)
fetch_apt_key() { # NAME URL FINGERPRINTS(comma-separated): exactly those of all keys that the URL serves
  local key=/etc/apt/keyrings/tricloud-$1.asc found pinned=() line
  step "fetching the key of apt source $1"
  KEYS=$STATE/staged/keys-$1
  install -d -m 0700 "$KEYS"
  # One that was fetched for these very fingerprints is good until it expires.
  if listed $STATE/apt-keys "$*" && usable_key "$key"; then return; fi
  retry curl -fsSL --proto =https --connect-timeout 10 -m 60 -o "$KEYS/fetched" "$2" ||
    die "cannot fetch the key of apt source $1 from $2"
  found=$(keys_in "$KEYS/fetched")
  mapfile -t pinned < <(awk '{ print $2 }' <<<"$found" | grep -xF "${3//,/$'\n'}")
  ((${#pinned[@]})) ||
    die "apt source $1: expected a key with fingerprint ${3//,/ or }, got from $2: $(awk '{ print $2 }' <<<"$found" | xargs)." \
      "Where the vendor has replaced its key, take the new fingerprint from the vendor's own page"
  gpg_alone --import "$KEYS/fetched" || true
  gpg_alone --armor --export "${pinned[@]}" >"$KEYS/pinned"
  usable_key "$KEYS/pinned" ||
    die "apt source $1: the key ${pinned[*]} at $2 is of no use any more: it $(keys_in "$KEYS/pinned" | end_of_key)"
  chmod 0644 "$KEYS/pinned"
  same_file "$KEYS/pinned" "$key" || put_file "$KEYS/pinned" "$key"
  while read -r line; do [[ ${line%% *} != "$1" ]] || unlist $STATE/apt-keys "$line"; done < <(entries $STATE/apt-keys)
  list $STATE/apt-keys "$*"
}
end_of_key() { # the last of those on standard input
  local validity expiry
  read -r validity _ expiry < <(tail -n 1)
  if [[ $validity == e ]]; then echo "expired on $(date -u -d "@$expiry" +%F)"; else echo "was revoked"; fi
}
fetch_apt_keys() { # DOCUMENT
  local name url fingerprints
  while read -r name url fingerprints; do fetch_apt_key "$name" "$url" "$fingerprints"; done < <(lines aptkey "$1")
}

is_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; } # PACKAGE
missing_of() { # those of the packages named on standard input, with the versions that are wanted
  local name version
  while read -r name version; do is_installed "$name" || echo "$name${version:+ $version}"; done
}

# --- packages that are wanted in one version ---

installed_version() { dpkg-query -W -f '${Version}' "$1"; } # PACKAGE
# Whether a package's version is the one that is wanted, which may be upstream's alone.
is_version() { [[ $1 == "$2" || ${1#*:} == "$2" || ${1#*:} == "$2"[-+]* ]]; } # VERSION WANTED
# Those that are there in another version than the document wants: NAME WANTED
others_than_wanted() { # DOCUMENT
  local name version
  while read -r name version; do
    if [[ -z $version ]] || ! is_installed "$name"; then continue; fi
    is_version "$(installed_version "$name")" "$version" || echo "$name $version"
  done < <(lines package "$1")
}
held_versions() { apt-cache madison "$1" | awk -F ' *[|] *' '{ print $2 }' | awk '!seen[$0]++'; } # PACKAGE: newest first
# Says in EXACT what apt is to be asked for: the newest that the archives hold of each that is wanted.
exactly() { # "NAME [WANTED]"...
  local line name wanted version held
  EXACT=()
  for line; do
    read -r name wanted <<<"$line"
    if [[ -z $wanted ]]; then
      EXACT+=("$name")
      continue
    fi
    held=$(held_versions "$name")
    while read -r version; do ! is_version "$version" "$wanted" || break; done <<<"$held"
    is_version "$version" "$wanted" ||
      die "the archives hold no $name $wanted, but: $(xargs <<<"${held:-no version of it}" | sed 's/ /, /g')"
    EXACT+=("$name=$version")
  done
}

# What is missing to install what the document names. How it is installed is for the front to say.
install_packages() { # DOCUMENT
  local missing=() others=() changed="" path
  if [[ -n $(lines aptkey "$1") ]]; then
    mapfile -t missing < <(printf '%s\n' "${FETCHES_KEYS[@]}" | missing_of)
    if ((${#missing[@]})); then
      retry read_archives "$1" "${missing[@]}"
      install_new "${missing[@]}"
    fi
    fetch_apt_keys "$1"
  fi
  give_owners aptfile "$1"
  while read -r _ _ _ path _; do
    same_file "$STAGED$path" "$path" && continue
    put_file "$STAGED$path" "$path"
    changed=1
  done < <(lines aptfile "$1")
  mapfile -t missing < <(lines package "$1" | missing_of)
  mapfile -t others < <(others_than_wanted "$1")
  if [[ -n $changed ]] || ((${#missing[@]} + ${#others[@]})); then
    retry read_archives "$1" "${missing[@]%% *}" "${others[@]%% *}"
  fi
  if ((${#missing[@]})); then
    step "installing ${missing[*]}"
    exactly "${missing[@]}"
    say "installing ${EXACT[*]}"
    install_new "${EXACT[@]}"
  fi
  if ((${#others[@]})); then
    step "fetching ${others[*]}"
    exactly "${others[@]}"
    change_versions "${EXACT[@]}"
  fi
}
