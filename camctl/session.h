/*
 * A conversation with a camd, one's own or one that runs already and has a socket: requests get their replies, watchers get the
 * rest. Front-ends know this and nothing below it. Everything runs in the loop's thread; messages are borrowed for the call.
 */
#pragma once

#include "common/error.h"
#include "protocol/wire.h"

#include <uv.h>

/* camctl's exit status. The first that isn't SESSION_OK stays. */
enum session_status {
	SESSION_OK,
	SESSION_PROBLEM,	/* an error reply, a camera that did not record */
	SESSION_USAGE,
	SESSION_CAMD_FAILED,	/* it can't be started, or died */
	SESSION_TIMEOUT,
};

struct session;

/* Any may be NULL. on_end is the last. */
struct session_watcher {
	/* the cameras can be used: `initialized`, or `cameras` from a camd that one is attached to */
	void (*on_ready)(void *user, const struct wire_message *message);
	void (*on_message)(void *user, const struct wire_message *message);	/* events and notices */
	void (*on_line)(void *user, const char *line);	/* everything, as it came */
	void (*on_text)(void *user, const char *text);	/* a line for the user: of camd's stderr, or about camd */
	void (*on_end)(void *user);			/* camd is gone, replies that are still due have failed */
};

/* The reply, which may be `error`; NULL: camd is gone. */
typedef void (*session_reply_fn)(void *user, const struct wire_message *reply);

/* Starts camd. flags are camd's own, ending with NULL. */
struct session *session_create(uv_loop_t *loop, const char *const *flags, struct error *err);

/* Attaches to one that runs. */
struct session *session_attach(uv_loop_t *loop, const char *path, struct error *err);
struct session *session_adopt(uv_loop_t *loop, int fd);		/* by a connected socket, which is taken over */
bool session_is_attached(const struct session *session);

/* Its loop must run once more, for closing. */
void session_destroy(struct session *session);

/* Both are kept until on_end. */
void session_watch(struct session *session, const struct session_watcher *watcher, void *user);

uv_loop_t *session_loop(const struct session *session);

/* The process of a camd of one's own, for who measures what it takes. */
int session_pid(const struct session *session);

/* The line that the message being told came in; valid in on_message, on_ready and replies. */
const char *session_line(const struct session *session);

/* arguments: the command's struct, or NULL. on_reply may be NULL. */
void session_call(struct session *session, enum command_id command, const void *arguments, session_reply_fn on_reply, void *user);

/* Subscribes to all events. */
void session_want_events(struct session *session);

/*
 * Ends the conversation. One's own camd ends with it in good order: it cancels what is pending and finishes its files, which may
 * take a while. One that was attached to goes on, unless it was told to quit: then its end is waited for.
 */
void session_quit(struct session *session, enum session_status status);

/* As session_quit(), for the user's own wish to go: says so if camd goes on. */
void session_leave(struct session *session, enum session_status status);
bool session_is_quitting(const struct session *session);
void session_kill(struct session *session);	/* attached: hangs up without waiting */

void session_set_status(struct session *session, enum session_status status);
enum session_status session_status(const struct session *session);
