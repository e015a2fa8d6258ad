#!/bin/sh
# A master program for camd in plain shell: starts camd, waits for its cameras, records, takes a snapshot in between, asks how it
# goes, stops, quits. (For one command at a time `camctl` is shorter; with jq the lines could be taken apart better.)
#
# usage: master.sh SECONDS [FLAGS OF CAMD...]      master.sh 10 --camera synthetic --target-fps 25
#
# $CAMD names the program, if it is not simply `camd`.
set -eu
[ $# -ge 1 ] || { echo "usage: $0 SECONDS [FLAGS OF CAMD...]" >&2; exit 2; }
seconds=$1
shift

# Two pipes: 3 leads to camd, 4 comes from it. Once both ends are open, their names are not needed any more.
pipes=$(mktemp -d)
mkfifo "$pipes/to" "$pipes/from"
"${CAMD:-camd}" --slave "$@" <"$pipes/to" >"$pipes/from" &
camd=$!
exec 3>"$pipes/to" 4<"$pipes/from"
rm -r "$pipes"

# Sends a request, if $2 is one, and reads up to the message named $1, which is left in $line.
expect()
{
	[ -z "${2-}" ] || printf '%s\n' "$2" >&3
	while IFS= read -r line <&4; do
		case $line in
		*'"status":"'"$1"'"'*) return ;;
		*'"status":"error"'*) echo "camd: $line" >&2; exit 1 ;;
		*'"status":"warning"'*) echo "camd warns: $line" >&2 ;;
		esac
	done
	echo "camd ended without $1" >&2
	exit 1
}

# The absolute paths that $line lists as its "files".
files()
{
	printf '%s\n' "$line" | sed -n 's/.*"files":\["\([^]]*\)"\].*/\1/p' | sed 's/","/\n/g'
}

expect initialized
expect recording_started '{"command":"start_recording"}'
echo "recording:"
files
expect waited '{"command":"wait","seconds":'"$seconds"'}'
expect snapshot_taken '{"command":"take_snapshot"}'
echo "snapshot:"
files
expect status_report '{"command":"get_status"}'
echo "status: $line"
expect recording_stopped '{"command":"stop_recording"}'
echo "recorded: $line"
expect quitting '{"command":"quit"}'
wait "$camd"
