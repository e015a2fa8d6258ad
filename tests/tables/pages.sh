#!/bin/sh
# The committed reference pages are what the tables print.
# usage: pages.sh PAGES_PROGRAM SOURCE_ROOT
set -eu
for page in protocol config; do
    "$1" "$page" | diff -u "$2/docs/$page.md" - || { echo "docs/$page.md is stale: run 'make docs'"; exit 1; }
done
echo "the pages are what the tables print"
