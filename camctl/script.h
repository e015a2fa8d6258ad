/*
 * `camctl script FILE...`: transcripts of send and expect, which are most of camd's tests. A file reads like this:
 *
 *	# two cameras start together
 *	camd --camera synthetic:320x240@30 --camera synthetic:320x240@30 --greeting
 *	< initializing
 *	< initialized data.cameras=2
 *	> {"command":"start_recording","id":"a"}
 *	< recording_started id=a data.cameras.#=2
 *	set FILE = data.files.0
 *	wait 1s
 *	>stop_recording
 *	< recording_stopped data.cameras.0.frames>=25
 *	run ffprobe -v error "$FILE"
 *	eof
 *	exit 0
 *
 * The whole language stands in script_language.c, which `camctl script --help` prints. Statements run one after another, the
 * loop turns only while one waits, so a script is a plain program. One thread.
 */
#pragma once

#include "camctl/peer.h"

struct script {
	uv_loop_t loop;
	uv_timer_t timer;
	uv_signal_t signals[2];
	const char *path;
	int line_number;
	char *directory;		/* $TMP; camd and commands run in it */
	const struct list *camd_flags;	/* of texts: for every camd that is started */
	struct peer *peers[8];
	size_t n_peers;
	struct seen seen;
	struct peer_line last;		/* the message that was taken last */
	int64_t limit_ns;		/* of an expectation */
	double patience;		/* $CAMD_PATIENCE: time limits are multiplied by it */
	bool timed_out, skipped;
	char *failure;			/* NULL: none */
};

/* Runs the files one after another; the exit status: 0, 1, 2, or 77 if all were skipped. */
int script_run_files(const struct list *files, const struct list *camd_flags);

/* Notes why the script fails; the first reason stays. Returns false. */
bool script_fail(struct script *script, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Turns the loop until done says so, something fails, or the time is over (timed_out). False: not done. */
bool script_pump(struct script *script, int64_t ns, bool (*done)(void *user), void *user);

/* The camd of that name, made if it is new; NULL: too many. */
struct peer *script_peer(struct script *script, const char *name);

extern const char script_language[];
