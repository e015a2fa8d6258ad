/*
 * A face of a session: what a user sees and does. Each is one const struct of functions, handed the session and nothing
 * below it. All in the loop's thread.
 *
 * A front-end ends the session itself, by session_quit() with the exit status it means. By session_watcher.on_end it must
 * have closed its handles in the loop or do so then; destroy comes after the loop has run out.
 */
#pragma once

#include "camctl/previews.h"
#include "camctl/session.h"

struct frontend_context {
	struct session *session;
	bool json;				/* print lines as they come instead of what people read */
	enum preview_place picture;
	const char *socket;			/* of --socket, for those that run by themselves; NULL: none */
	int64_t timeout_ns;			/* for one answer; FIELD_UNSET: the front-end's own choice */
	const struct command *command;		/* a command's front-end only */
	const void *arguments;			/* by the command's or the front-end's own table; it stays until destroy */
};

struct frontend_impl {
	const char *name;			/* the sub-command; NULL: it has none */
	const char *summary;
	const struct field *options;		/* its own, NULL: none */
	size_t options_bytes;
	bool keeps_session;			/* what camd leaves is worth keeping even if it is a log only */

	/* Instead of all below: it runs by itself, with a loop and sessions of its own; context->session is NULL. The exit status. */
	int (*run)(const struct frontend_context *context, const struct list *camd_flags);

	void *(*create)(const struct frontend_context *context);
	void (*interrupt)(void *frontend);	/* Ctrl-C or SIGTERM; NULL: session_quit() */
	void (*destroy)(void *frontend);
	struct session_watcher watcher;
};

extern const struct frontend_impl frontend_oneshot, frontend_record, frontend_slave, frontend_doctor, frontend_report, frontend_verify, frontend_import, frontend_keyboard, frontend_terminal;
