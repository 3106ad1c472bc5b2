#!/bin/bash
# Brings a Debian host to what a delivery document says, and takes everything back again.
#
#   host-apply.sh stage DIR   install packages, lay out and verify the new files; nothing that runs is touched
#   host-apply.sh activate    put the staged files in place, restart what reads a changed one, wait for health
#   host-apply.sh remove      take back all that stage and activate put on the host
#
# DIR holds the file `document` (written by delivery-document.ts) and the assets that it names. Each step can be
# repeated after it failed half-way: what is done is found done, and a restart that is due stays due.
set -euo pipefail
umask 022
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

STATE=/var/lib/tricloud
STAGED=$STATE/staged/root
DOCUMENT=$STATE/document
HOST=$(hostname)

say() { echo "$HOST: $*"; }
die() {
  echo "$HOST: $*" >&2
  exit 1
}

# Fields of the document's lines of one kind, the kind itself left out.
lines() { if [[ -f $2 ]]; then sed -n "s/^$1 //p" "$2"; fi; }
decode() { if [[ $1 != - ]]; then base64 -d <<<"$1"; fi; }
listed() { [[ -f $1 ]] && grep -qxF -- "$2" "$1"; }
list() { listed "$1" "$2" || echo "$2" >>"$1"; }
unlist() { if [[ -f $1 ]]; then grep -vxF -- "$2" "$1" >"$1.new" || true; mv -f "$1.new" "$1"; fi; }

# --- files -------------------------------------------------------------------------------------------------------

same_file() { # STAGED LIVE
  [[ -f $2 && ! -L $2 ]] && cmp -s "$1" "$2" && [[ $(stat -c %a:%U:%G "$1") == "$(stat -c %a:%U:%G "$2")" ]]
}

remember_missing_parents() { # PATH
  local directory
  directory=$(dirname "$1")
  [[ -d $directory ]] && return
  remember_missing_parents "$directory"
  list $STATE/directories "$directory"
  mkdir -m 0755 "$directory"
}

put_file() { # STAGED PATH: replaces PATH in one rename, its first owner's version kept aside
  local new
  if ! listed $STATE/files "$2"; then
    if [[ -e $2 || -L $2 ]]; then
      mkdir -p "$STATE/originals$(dirname "$2")"
      cp -a "$2" "$STATE/originals$2"
    fi
    list $STATE/files "$2"
  fi
  remember_missing_parents "$2"
  new=$(mktemp "$(dirname "$2")/.tricloud.XXXXXXXX")
  cp -p "$1" "$new"
  sync "$new"
  mv -fT "$new" "$2"
}

take_back_file() { # PATH
  local original=$STATE/originals$1
  if [[ -e $original || -L $original ]]; then
    cp -a "$original" "$1.tricloud-original"
    mv -fT "$1.tricloud-original" "$1"
    rm -f "$original"
  else
    rm -f "$1"
  fi
  unlist $STATE/files "$1"
  say "took back $1"
}

# --- packages ----------------------------------------------------------------------------------------------------

installed_packages() { dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | sort; }
account_names() { cut -d: -f1 "/etc/$1" | sort; }

# Packages start their services when installed; ours start only once their files are in place.
hold_services() {
  if [[ ! -e /usr/sbin/policy-rc.d ]] || grep -q tricloud /usr/sbin/policy-rc.d; then
    printf '#!/bin/sh\n# Left by tricloud during an installation; safe to delete.\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 0755 /usr/sbin/policy-rc.d
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  fi
}

fetch_apt_key() { # NAME URL FINGERPRINT
  local key=/etc/apt/keyrings/tricloud-$1.asc fetched found
  listed $STATE/files "$key" && return
  if ! command -v curl >/dev/null || ! command -v gpg >/dev/null; then
    apt_get update
    apt_get install curl ca-certificates gpg
  fi
  fetched=$STATE/staged/$1.asc
  curl -fsSL --proto =https --retry 3 -o "$fetched" "$2" || die "cannot fetch the key of apt source $1 from $2"
  found=$(GNUPGHOME=$STATE/staged gpg --quiet --show-keys --with-colons "$fetched" | sed -n 's/^fpr:*\([0-9A-F]*\):.*/\1/p' | head -n 1)
  [[ $found == "$3" ]] || die "apt source $1: expected a key with fingerprint $3, got: ${found:-none}"
  chmod 0644 "$fetched"
  put_file "$fetched" "$key"
}

apt_get() {
  hold_services
  # What an interrupted run installed is still ours: its list from before stays the one to compare with.
  [[ -f $STATE/packages.before ]] || installed_packages >$STATE/packages.before
  for kind in passwd group; do [[ -f $STATE/$kind.before ]] || account_names $kind >$STATE/$kind.before; done
  apt-get -q -y -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 -o Dpkg::Options::=--force-confold \
    --no-install-recommends "$@" </dev/null >$STATE/apt.log 2>&1 || {
    tail -n 15 $STATE/apt.log >&2
    die "apt-get $* failed"
  }
  installed_packages | comm -13 $STATE/packages.before - | while read -r package; do list $STATE/packages "$package"; done
  for kind in passwd group; do
    account_names $kind | comm -13 $STATE/$kind.before - | while read -r name; do list $STATE/$kind "$name"; done
  done
  rm -f $STATE/{packages,passwd,group}.before
}

install_packages() {
  local document=$1 stale=0 missing=() name
  while read -r name url fingerprint; do fetch_apt_key "$name" "$url" "$fingerprint"; done < <(lines aptkey "$document")
  while read -r _ _ _ path _; do
    same_file "$STAGED$path" "$path" && continue
    put_file "$STAGED$path" "$path"
    stale=1
  done < <(lines aptfile "$document")
  while read -r name; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || missing+=("$name")
  done < <(lines package "$document")
  if ((stale || ${#missing[@]})); then apt_get update; fi
  if ((${#missing[@]})); then
    say "installing ${missing[*]}"
    apt_get install "${missing[@]}"
  fi
}

purge_packages() { # PACKAGE...
  (($#)) || return 0
  # dpkg keeps, and names, what a package that is not ours depends on.
  dpkg --purge "$@" >$STATE/apt.log 2>&1 || say "kept: $(sed -n 's/^dpkg: dependency problems prevent removal of \(.*\):$/\1/p' $STATE/apt.log | tr '\n' ' ')"
  say "purged $*"
}

# --- services ----------------------------------------------------------------------------------------------------

# How a service stood before us, to be put back on removal: NAME ENABLEMENT ACTIVITY
remember_service() {
  grep -q "^$1 " $STATE/services 2>/dev/null && return
  echo "$1 $(systemctl is-enabled "$1" 2>/dev/null || true) $(systemctl is-active "$1" 2>/dev/null || true)" |
    sed 's/^\([^ ]*\)  /\1 not-found /' >>$STATE/services
}

take_back_service() { # NAME, its files still in place
  local before
  before=$(sed -n "s/^$1 \([^ ]*\) .*/\1/p" $STATE/services)
  if [[ $before == not-found ]]; then
    systemctl disable --quiet --now "$1" 2>/dev/null || true
    # State, cache and log directories that the unit declares exist on its behalf only.
    systemctl clean --what=all "$1" 2>/dev/null || true
    systemctl reset-failed "$1" 2>/dev/null || true
  else
    systemctl stop "$1" || true
    [[ $before == enabled ]] || systemctl disable --quiet "$1" || true
  fi
  say "stopped $1"
}

resume_service() { # "NAME ENABLEMENT ACTIVITY": after the original files are back
  local name enablement activity
  read -r name enablement activity <<<"$1"
  [[ $enablement != not-found && $activity == active ]] || return 0
  systemctl restart "$name" || say "cannot restart $name as it was before"
}

wait_until() { # SECONDS COMMAND: runs it once a second until it succeeds
  local deadline=$((SECONDS + $1))
  until bash -c "$2" </dev/null >$STATE/check.log 2>&1; do
    ((SECONDS < deadline)) || return 1
    sleep 1
  done
}

activate_service() { # NAME RELOAD GATE VERIFY HEALTH TIMEOUT READS
  local name=$1 reload gate health started=$SECONDS
  reload=$(decode "$2") gate=$(decode "$3") health=$(decode "$5")
  systemctl is-enabled --quiet "$name" 2>/dev/null || systemctl enable --quiet "$name"
  if systemctl is-active --quiet "$name"; then
    [[ -e $STATE/pending/$name ]] || return 0
    if [[ -n $reload ]]; then
      bash -c "$reload" </dev/null || die "cannot reload $name"
      say "reloaded $name"
    else
      [[ -z $gate ]] || wait_until 60 "$gate" || die "$name may not be restarted now: $(tail -n 3 $STATE/check.log)"
      systemctl restart "$name" || explain "$name" "does not start"
      say "restarted $name"
    fi
  else
    systemctl reset-failed "$name" 2>/dev/null || true
    systemctl start "$name" || explain "$name" "does not start"
    say "started $name"
  fi
  if [[ -n $health ]]; then
    wait_until "$6" "$health" || explain "$name" "is not healthy after $6 s ($(tail -n 1 $STATE/check.log))"
    say "$name is healthy after $((SECONDS - started)) s"
  fi
  rm -f "$STATE/pending/$name"
}

explain() { # NAME WHAT
  journalctl -q --no-pager -n 15 -u "$1" >&2 || true
  die "$1 $2"
}

# --- the three steps ---------------------------------------------------------------------------------------------

lay_out() { # KIND DOCUMENT DIR
  local mode path sha256 how what target
  while read -r mode _ _ path sha256 how what; do
    target=$STAGED$path
    mkdir -p "$(dirname "$target")"
    case $how in
      inline) base64 -d <<<"${what:-}" >"$target" ;;
      asset) cp "$3/$what" "$target" ;;
    esac
    [[ $(sha256sum <"$target") == "$sha256  -" ]] || die "$path did not arrive whole"
    chmod "$mode" "$target"
  done < <(lines "$1" "$2")
}

stage() { # DIR
  local document=$1/document
  install -d -m 0700 $STATE
  rm -rf $STATE/staged
  install -d -m 0700 $STATE/staged $STAGED
  install -m 0700 "$0" $STATE/host-apply.sh
  while read -r name _; do remember_service "$name"; done < <(lines service "$document")
  lay_out aptfile "$document" "$1"
  lay_out file "$document" "$1"
  install_packages "$document"
  while read -r _ owner group path _; do
    chown "$owner:$group" "$STAGED$path" || die "$path: no such owner: $owner:$group"
  done < <(lines file "$document")
  while read -r name _ _ verify _; do
    [[ $verify == - ]] && continue
    STAGED=$STAGED bash -c "$(decode "$verify")" </dev/null >$STATE/check.log 2>&1 || {
      cat $STATE/check.log >&2
      die "the new configuration of $name is refused; nothing was changed"
    }
  done < <(lines service "$document")
  install -m 0600 "$document" $STATE/staged/document
  say "staged"
}

activate() {
  local document=$STATE/staged/document changed=() dropped=() line path name reads
  [[ -f $document ]] || die "nothing is staged"
  mkdir -p $STATE/pending

  while read -r _ _ _ path _; do
    same_file "$STAGED$path" "$path" || changed+=("$path")
  done < <(lines file "$document")
  while read -r path; do
    grep -q "^\(apt\)\?file [^ ]* [^ ]* [^ ]* $path " "$document" || [[ $path == /etc/apt/keyrings/* ]] || changed+=("$path")
  done < <(cat $STATE/files 2>/dev/null)

  # What is due is written down before the first file changes: a run that is cut short is finished by the next.
  for path in "${changed[@]}"; do
    while read -r name _ _ _ _ _ reads; do
      [[ ,$reads, != *",$path,"* ]] || touch "$STATE/pending/$name"
    done < <(lines service "$document")
  done
  while read -r line; do
    name=${line%% *}
    grep -q "^service $name " "$document" && continue
    take_back_service "$name"
    unlist $STATE/services "$line"
    dropped+=("$line")
  done < <(cat $STATE/services 2>/dev/null)
  for path in "${changed[@]}"; do
    if [[ -e $STAGED$path ]]; then
      put_file "$STAGED$path" "$path"
      say "replaced $path"
    else
      take_back_file "$path"
    fi
  done
  if [[ " ${changed[*]} " == *" /etc/systemd/"* ]]; then systemctl daemon-reload; fi
  for line in "${dropped[@]}"; do resume_service "$line"; done

  while read -r name reload gate verify health timeout reads; do
    activate_service "$name" "$reload" "$gate" "$verify" "$health" "$timeout" "$reads"
  done < <(lines service "$document")

  purge_obsolete "$document"
  mv -f "$document" $DOCUMENT
  rm -rf $STAGED
  say "active"
}

purge_obsolete() { # NEW DOCUMENT
  local obsolete=() name
  while read -r name; do
    grep -qxF "package $name" "$1" || ! listed $STATE/packages "$name" || obsolete+=("$name")
  done < <(lines package $DOCUMENT)
  purge_packages "${obsolete[@]}"
  for name in "${obsolete[@]}"; do unlist $STATE/packages "$name"; done
}

remove() {
  local services=() packages=() line path
  [[ -d $STATE ]] || return 0
  mapfile -t services < <(tac $STATE/services 2>/dev/null)
  for line in "${services[@]}"; do take_back_service "${line%% *}"; done
  while read -r path; do take_back_file "$path"; done < <(tac $STATE/files 2>/dev/null)
  systemctl daemon-reload
  mapfile -t packages < <(cat $STATE/packages 2>/dev/null)
  hold_services
  purge_packages "${packages[@]}"
  while read -r name; do userdel "$name" 2>/dev/null || true; done < <(cat $STATE/passwd 2>/dev/null)
  while read -r name; do groupdel "$name" 2>/dev/null || true; done < <(cat $STATE/group 2>/dev/null)
  while read -r path; do rmdir "$path" 2>/dev/null || true; done < <(tac $STATE/directories 2>/dev/null)
  systemctl daemon-reload
  for line in "${services[@]}"; do resume_service "$line"; done
  rm -rf $STATE
  say "removed"
}

exec 9>/run/lock/tricloud-host-apply
flock -w 600 9 || die "another delivery is under way"
case ${1:-} in
  stage) stage "${2:?directory}" ;;
  activate) activate ;;
  remove) remove ;;
  *) die "usage: host-apply.sh stage DIR | activate | remove" ;;
esac
