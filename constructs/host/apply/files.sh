
# --- files -------------------------------------------------------------------------------------------------------

same_file() { # STAGED LIVE
  [[ -f $2 && ! -L $2 ]] && cmp -s "$1" "$2" && [[ $(stat -c %a:%u:%g "$1") == "$(stat -c %a:%u:%g "$2")" ]]
}

make_parents() { # PATH: and remembers those that were not there
  local directory
  directory=$(dirname "$1")
  [[ ! -d $directory ]] || return 0
  make_parents "$directory"
  list $STATE/directories "$directory"
  mkdir -m 0755 "$directory" || die "cannot make $directory"
}

replace() { # WITH PATH: in one rename, so that no reader sees half a file and no power cut leaves one
  local new
  new=$(mktemp "$(dirname "$2")/.tricloud.XXXXXXXX")
  # A link cannot be copied over the file that holds its place.
  [[ ! -L $1 ]] || rm -f "$new"
  cp -a "$1" "$new" && { [[ -L $new ]] || sync "$new"; } && mv -fT "$new" "$2" && return
  rm -f "$new"
  return 1
}

put_file() { # STAGED PATH: the version that is not ours is kept aside
  local original=$STATE/originals$2
  step "placing $2"
  if ! listed $STATE/files "$2"; then
    if [[ -e $2 || -L $2 ]]; then
      mkdir -p "$(dirname "$original")"
      replace "$2" "$original" || die "cannot keep $2 aside"
    else
      rm -f "$original"
    fi
    list $STATE/files "$2"
  fi
  make_parents "$2"
  replace "$1" "$2" || die "cannot write $2"
}

take_back_file() { # PATH
  local original=$STATE/originals$1
  step "taking back $1"
  # The original goes last: until the list says otherwise, a repetition needs it.
  if [[ -e $original || -L $original ]]; then
    make_parents "$1"
    replace "$original" "$1" || die "cannot write $1"
  else
    rm -f "$1"
  fi
  unlist $STATE/files "$1"
  rm -f "$original"
  say "took back $1"
}

sweep_files() { # DOCUMENT...: what a run that was cut short has left beside the files
  local document path directories=()
  mapfile -t directories < <({
    entries $STATE/files
    for document; do lines '\(apt\)\?file' "$document" | cut -d ' ' -f 4; done
  } | sed 's,/[^/]*$,,' | sort -u)
  for path in "${directories[@]}"; do rm -f "$path"/.tricloud.????????; done
  rm -f $STATE/*.new.*
}
