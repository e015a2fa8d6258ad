#!/bin/sh
# The committed reference pages are what the tables print.
# usage: pages.sh PAGES_PROGRAM SOURCE_ROOT      (meson says in MESON_EXE_WRAPPER what runs a program of another processor)
set -eu
for page in protocol:protocol.md config:config.md sample:camd.conf; do
    # shellcheck disable=SC2086  # words, or none
    ${MESON_EXE_WRAPPER:-} "$1" "${page%:*}" | diff -u "$2/docs/${page#*:}" - ||
        { echo "docs/${page#*:} is stale: run 'make docs'"; exit 1; }
done
echo "the pages are what the tables print"
