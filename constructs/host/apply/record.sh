
# --- the record: what was put on the host, one line a thing --------------------------------------------------------

# A disk that is full, or a power cut, leaves the list as it was.
rewrite() { # FILE LINE...
  local new
  if new=$(mktemp "$1.new.XXXXXXXX") && printf '%s\n' "${@:2}" >"$new" && sync "$new" && mv -f "$new" "$1"; then return; fi
  rm -f "$new"
  die "cannot write $1"
}
entries() { if [[ -f $1 ]]; then cat "$1"; fi; }           # FILE: in the order in which they came
entries_backwards() { if [[ -f $1 ]]; then tac "$1"; fi; } # FILE
listed() { [[ -f $1 ]] && grep -qxF -- "$2" "$1"; }        # FILE LINE
list() { # FILE LINE...
  local lines=() line new=""
  mapfile -t lines < <(entries "$1")
  for line in "${@:2}"; do
    listed "$1" "$line" || lines+=("$line") new=1
  done
  [[ -z $new ]] || rewrite "$1" "${lines[@]}"
}
unlist() { # FILE LINE
  local lines=() line
  listed "$1" "$2" || return 0
  while IFS= read -r line; do [[ $line == "$2" ]] || lines+=("$line"); done <"$1"
  if ((${#lines[@]})); then rewrite "$1" "${lines[@]}"; else rm -f "$1"; fi
}
