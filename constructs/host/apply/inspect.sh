#!/bin/bash
# Says how a host is, for whoever compares it with what it shall be. Changes nothing, on disk or in what runs. One line a
# thing, its kind first:
#
#   document BASE64                      what was delivered last and is active; "-" when nothing ever was
#   staged                               a delivery has begun that is not active yet
#   due SERVICE                          a restart that a run which was cut short has left
#   file MODE OWNER GROUP PATH SHA256    as it is on the disk; SHA256 is "-" for what is no file of that name
#   package NAME VERSION                 as it is installed; "-" when it is not
#   service NAME ENABLEMENT ACTIVITY     as systemctl says; "on" for any enablement that holds after a reboot
#   end
set -euo pipefail
export LC_ALL=C.UTF-8

STATE=/var/lib/tricloud
DOCUMENT=$STATE/document

lines() { sed -n "s/^$1 //p" "$DOCUMENT"; } # KIND

# By name, or by number where no account has it.
attributes() { # PATH
  local mode user group uid gid
  read -r mode user group uid gid < <(stat -c '0%a %U %G %u %g' "$1")
  [[ $user != UNKNOWN ]] || user=$uid
  [[ $group != UNKNOWN ]] || group=$gid
  echo "$mode $user $group"
}
file_of() { # PATH
  if [[ -f $1 && ! -L $1 ]]; then
    echo "file $(attributes "$1") $1 $(sha256sum <"$1" | cut -d ' ' -f 1)"
  else
    echo "file - - - $1 -"
  fi
}
service_of() { # NAME
  local enablement activity
  if systemctl is-enabled --quiet "$1" 2>/dev/null; then
    enablement=on
  else
    enablement=$(systemctl is-enabled "$1" 2>/dev/null | tail -n 1) || true
  fi
  activity=$(systemctl is-active "$1" 2>/dev/null) || true
  echo "service $1 ${enablement:-not-found} ${activity:-unknown}"
}

if [[ ! -f $DOCUMENT ]]; then
  echo "document -"
else
  echo "document $(base64 -w 0 "$DOCUMENT")"
  while read -r path; do file_of "$path"; done < <(lines '\(apt\)\?file' | cut -d ' ' -f 4)
  while read -r name _; do file_of "/etc/apt/keyrings/tricloud-$name.asc"; done < <(lines aptkey)
  while read -r name _; do
    read -r status version < <(dpkg-query -W -f '${db:Status-Status} ${Version}\n' "$name" 2>/dev/null) || true
    if [[ ${status-} == installed ]]; then echo "package $name $version"; else echo "package $name -"; fi
  done < <(lines package)
  while read -r name _; do service_of "$name"; done < <(lines service)
fi
[[ ! -f $STATE/staged/document ]] || echo "staged"
for path in "$STATE"/pending/*; do
  [[ ! -e $path ]] || echo "due ${path##*/}"
done
echo end
