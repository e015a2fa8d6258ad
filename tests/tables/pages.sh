#!/bin/sh
# The committed pages are what the tables print.
# usage: pages.sh PAGES CAMCTL_PAGES SOURCE_ROOT
set -eu
printed=$(mktemp -d)
trap 'rm -rf "$printed"' EXIT
sh "$3/docs/print.sh" "$1" "$2" "$printed" >"$printed.list"
[ -s "$printed.list" ]
stale=
while read -r file; do
    diff -u "$3/docs/$file" "$printed/$file" || stale="$stale docs/$file"
done <"$printed.list"
rm "$printed.list"
[ -z "$stale" ] || { echo "stale:$stale: run 'make docs'"; exit 1; }
echo "the pages are what the tables print"
