
# --- the document: apply-document.ts says what its lines hold ----------------------------------------------------

lines() { # KIND DOCUMENT: the fields of its lines of one kind
  if [[ -f $2 ]]; then sed -n "s/^$1 //p" "$2"; fi
}
decode() { # WORD
  if [[ $1 != - ]]; then printf %b "${1//%/\\x}"; fi
}

fetch_once() { # TO COMMAND SHA256
  bash -o pipefail -c "$2" >"$1" </dev/null || return 1
  [[ $3 == - ]] || sha256sum --quiet -c <<<"$3  $1"
}
lay_out() { # KIND DOCUMENT DIRECTORY: the files' contents beside the live ones
  local path sha256 how what target
  while read -r _ _ _ path sha256 how what; do
    step "fetching $path"
    target=$STAGED$path
    mkdir -p "$(dirname "$target")"
    case $how in
      staged) ;;
      inline) base64 -d <<<"$what" >"$target" ;;
      asset) cp "$3/$what" "$target" ;;
      command) retry fetch_once "$target" "$(decode "$what")" "$sha256" ;;
      *) die "$path: no such source of a file: $how" ;;
    esac
    [[ $sha256 == - || $(sha256sum <"$target") == "$sha256  -" ]] || die "$path did not arrive whole"
  done < <(lines "$1" "$2")
}
give_owners() { # KIND DOCUMENT
  local mode owner group path
  while read -r mode owner group path _; do
    chown "$owner:$group" "$STAGED$path" || die "$path: no such owner: $owner:$group"
    chmod "$mode" "$STAGED$path"
  done < <(lines "$1" "$2")
}
