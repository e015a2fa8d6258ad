# For the scripts beside it that bring in another Debian: read with `.`, defines functions, does nothing by itself.
# shellcheck shell=sh

# debian_mirror: prints where this machine's apt has Debian's archive from; CAMD_DEBIAN_MIRROR overrides it.
debian_mirror() {
    if [ -n "${CAMD_DEBIAN_MIRROR:-}" ]; then
        echo "$CAMD_DEBIAN_MIRROR"
        return
    fi
    # a label and a codename are known only once apt has fetched the lists
    debian_target REPO_URI | grep . || {
        if [ "$(id -u)" = 0 ]; then apt-get -qq update; else sudo apt-get -qq update; fi >&2
        debian_target REPO_URI | grep .
    } || {
        echo "this machine's apt has no Debian archive: say where one is in CAMD_DEBIAN_MIRROR" >&2
        return 1
    }
}

# debian_target FIELD: what apt says of the main suite of Debian (not its updates, not another vendor's), as FIELD
debian_target() {
    apt-get indextargets --format "\$(LABEL) \$(CODENAME) \$($1)" 'Created-By: Packages' |
        awk '$1 == "Debian" && $2 !~ /-/ { print $3; exit }'
}

# debian_keyring: prints the file that Debian's archives are checked against
debian_keyring() {
    echo /usr/share/keyrings/debian-archive-keyring.gpg
}

# debian_cache: prints the directory in which trees are kept between runs
debian_cache() {
    echo "${XDG_CACHE_HOME:-$HOME/.cache}/camd"
}

# debian_acquire: prints how this machine's apt fetches (proxies and such), as lines for another apt's configuration
debian_acquire() {
    apt-config dump | grep -E '^Acquire::(http|https|Retries|Check|Languages|ForceIP)' || true
}

# step NAME COMMAND...: runs it, notes in $summary how long it took, and in $failed whether it failed
summary=
failed=
step() {
    debian_name=$1
    shift
    echo "== $debian_name"
    debian_from=$(date +%s)
    if "$@"; then debian_result=ok; else
        debian_result=FAILED
        failed="$failed $debian_name"
    fi
    summary="$summary$(printf '%-28s %-7s %4d s' "$debian_name" "$debian_result" $(($(date +%s) - debian_from)))
"
    [ "$debian_result" = ok ]
}
