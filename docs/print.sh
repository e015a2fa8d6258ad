#!/bin/sh
# Prints all pages that the tables give into a directory, and their names on stdout.
# usage: print.sh PAGES CAMCTL_PAGES DIRECTORY      (meson says in MESON_EXE_WRAPPER what runs a program of another processor)
set -eu
# shellcheck disable=SC2086  # words, or none
run() { ${MESON_EXE_WRAPPER:-} "$@"; }
mkdir -p "$3/man" "$3/completion"
for program in "$1" "$2"; do
    run "$program" | while read -r page file; do
        run "$1" completion | run "$program" "$page" >"$3/$file"
        echo "$file"
    done
done
