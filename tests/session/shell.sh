#!/bin/sh
# camd from a plain shell: requests by printf, from a file, from a here-document. $CAMD: the program.
set -u
: "${CAMD:?names the camd to test}"
directory=$(mktemp -d) || exit 1
trap 'rm -rf "$directory"' EXIT
cd "$directory" || exit 1
camera=synthetic:320x240
failures=0

fail()
{
	echo "FAIL $1: $2"
	sed 's/^/#   /' replies
	failures=$((failures + 1))
}

# names of the replies in $1, on one line
names()
{
	sed -n 's/.*"status":"\([a-z_]*\)".*/\1/p' "$1" | tr '\n' ' '
}

# $1: name of the test, $2: exit status, $3: replies wanted, $4: videos wanted
verify()
{
	[ "$2" -eq 0 ] || { fail "$1" "exit status $2"; return; }
	[ "$(names replies)" = "$3${3:+ }" ] || { fail "$1" "replies: $(names replies)"; return; }
	[ ! -x "${CAMCTL-}" ] || "$CAMCTL" check-lines replies || fail "$1" "a line is not as the message table says"
	n=$(find recordings -name '*.mp4' 2>/dev/null | wc -l)
	[ "$n" -eq "$4" ] || { fail "$1" "$n videos, not $4"; return; }
	for video in recordings/*/*.mp4; do
		[ -e "$video" ] || continue
		frames=$(ffprobe -v error -count_packets -show_entries stream=nb_read_packets -of csv=p=0 "$video")
		rows=$(($(wc -l <"${video%.mp4}_frame_timing.csv") - 1))
		[ "$frames" -eq "$rows" ] || fail "$1" "$video: $frames frames, $rows rows"
	done
	rm -rf recordings
	echo "ok $1"
}

printf '%s\n' '{"command":"start_recording"}' '{"command":"wait","seconds":1}' '{"command":"stop_recording"}' '{"command":"quit"}' |
	"$CAMD" --camera $camera --camera $camera >replies
verify printf $? 'recording_started waited recording_stopped quitting' 2

cat >commands.jsonl <<'COMMANDS'
{"command": "start_recording", "duration": 0.5}
{"command": "wait", "seconds": 1.2}

{"command": "take_snapshot"}
{"command": "stop_recording"}
{"command": "start_recording"}
{"command": "wait", "seconds": "500ms"}
COMMANDS
"$CAMD" --camera $camera --camera $camera <commands.jsonl >replies
verify file $? 'recording_started waited snapshot_taken error recording_started waited' 4

# at the end of its input camd ends what runs
echo '{"command":"start_recording"}' | "$CAMD" --camera $camera >replies
verify echo $? recording_started 1

# the last line is not whole
printf '{"command":"ping"}\n{"command":"start_recording"}' | "$CAMD" --camera $camera >replies
verify unterminated $? pong 0

"$CAMD" --camera $camera </dev/null >replies
verify nothing $? '' 0

[ "$failures" -eq 0 ]
