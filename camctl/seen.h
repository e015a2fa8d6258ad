/*
 * What the tests have seen: the names of commands sent and of messages received are added to the file that $CAMD_SEEN names,
 * one a line, so that a last test can tell which never occurred. Programs may add to it at the same time. One thread.
 */
#pragma once

#include "protocol/commands.h"

struct seen {
	int fd;			/* -1: nothing is noted */
	bool commands[N_COMMANDS], messages[N_MESSAGES];
};

void seen_open(struct seen *seen);
void seen_close(struct seen *seen);

/* "command NAME"; "event NAME" or "message NAME". Each is written once. */
void seen_command(struct seen *seen, const struct command *command);
void seen_message(struct seen *seen, enum message_id message);
