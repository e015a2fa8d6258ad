/*
 * What all parts of `camctl doctor` share: the loop, which turns only while something is waited for,
 	so that an examination is
 * a plain program; the report; whether the user has had enough. One thread.
 */
#pragma once

#include "camctl/findings.h"
#include "common/field.h"

#include <uv.h>

struct doctor {
	uv_loop_t loop;
	uv_timer_t timer;
	uv_signal_t signals[4];
	const struct list *flags;	/* of texts: the user's own for camd */
	struct findings *report;
	bool json;			/* camd's lines go to stdout as they come */
	bool timed_out;
	int interruptions;		/* 1: come to an end; 2: at once */
	uint64_t interrupted_at_ms;
};

void doctor_init(struct doctor *doctor, const struct list *flags, bool json);
void doctor_finish(struct doctor *doctor);

/* What the user's wish to end cuts short. */
enum doctor_patience {
	DOCTOR_WAITS = 1,	/* letting time pass: at the first */
	DOCTOR_WORKS = 2,	/* what is needed to end in good order, and to tell of what was recorded: at the second */
	DOCTOR_ENDS,		/* nothing */
};

/*
 * Turns the loop until done says so, or the time is over, or the user wants the end. False: not done. done may be NULL: then
 * the time is what is waited for.
 */
bool doctor_pump(struct doctor *doctor, int64_t ns, enum doctor_patience patience, bool (*done)(void *user), void *user);

/* Whether the user asked for the end. */
bool doctor_is_stopped(const struct doctor *doctor);

/*
 * Runs a command of the shell; its output, stdout and stderr, allocated. *status: its exit status; -1:
 	it did not end in time,
 * or could not be started.
 */
char *doctor_shell(struct doctor *doctor, const char *command, int64_t limit_ns, int *status);

/* A text as one word of the shell; allocated. */
char *doctor_quote(const char *text);
