/*
 * The setting on_event, read: EVENTS: PROGRAM ARGUMENT…
 *
 * EVENTS are names of events with commas between them, or *. Words are split at blanks as a shell does it, with "double" and
 * 'single' quotes and \ before a character that is meant as it is; nothing is expanded, for no shell will see it. Pure functions;
 * any thread.
 */
#pragma once

#include <stdint.h>

struct hook_line {
	uint64_t events;	/* a bit an enum message_id */
	char **argv;		/* NULL-terminated */
};

/* NULL, or in words what would be right; then nothing is to be cleared. line: may be NULL. */
const char *hook_line_read(const char *text, struct hook_line *line);
void hook_line_clear(struct hook_line *line);
