#include "camctl/session.h"

#include "camctl/attach.h"
#include "camctl/spawn.h"
#include "common/util.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 5000	/* after which the user is told what is being waited for */
#define CAMD_USAGE_STATUS 2	/* camd's exit status for flags that it doesn't know */

struct watch {
	const struct session_watcher *watcher;
	void *user;
};

struct call {
	int64_t id;
	session_reply_fn on_reply;
	void *user;
};

struct session {
	uv_loop_t *loop;
	struct spawn *spawn;		/* one's own camd; NULL: attached */
	struct attach *attach;
	uv_timer_t patience;
	struct watch watches[4];
	size_t n_watches;
	struct call *calls;
	size_t n_calls;
	int64_t last_id;
	const char *line;
	bool greeted, quitting, killed, ended;
	bool told_to_quit;		/* camd, by a command */
	bool refused;			/* by a camd that is attached to */
	enum session_status status;
};

static void tell_text(struct session *session, const char *text)
{
	for (size_t i = 0; i < session->n_watches; i++)
		if (session->watches[i].watcher->on_text)
			session->watches[i].watcher->on_text(session->watches[i].user, text);
}

static void tell_line(struct session *session, const char *line)
{
	for (size_t i = 0; i < session->n_watches; i++)
		if (session->watches[i].watcher->on_line)
			session->watches[i].watcher->on_line(session->watches[i].user, line);
}

static void tell_message(struct session *session, const struct wire_message *message)
{
	for (size_t i = 0; i < session->n_watches; i++)
		if (session->watches[i].watcher->on_message)
			session->watches[i].watcher->on_message(session->watches[i].user, message);
}

static void tell_ready(struct session *session, const struct wire_message *initialized)
{
	for (size_t i = 0; i < session->n_watches; i++)
		if (session->watches[i].watcher->on_ready)
			session->watches[i].watcher->on_ready(session->watches[i].user, initialized);
}

/* Takes the call out before its function runs, which may make new ones. */
static void answer(struct session *session, size_t index, const struct wire_message *reply)
{
	struct call call = session->calls[index];

	session->n_calls--;
	memmove(session->calls + index, session->calls + index + 1, (session->n_calls - index) * sizeof(*session->calls));
	if (call.on_reply)
		call.on_reply(call.user, reply);
}

static bool answer_by_id(struct session *session, const struct wire_message *reply)
{
	int64_t id = wire_integer(reply, "id", -1);

	for (size_t i = 0; i < session->n_calls; i++) {
		if (session->calls[i].id != id)
			continue;
		answer(session, i, reply);
		return true;
	}
	return false;
}

static void dispatch(struct session *session, const struct wire_message *message)
{
	if (messages[message->message].kind == KIND_REPLY && answer_by_id(session, message))
		return;
	if (session->attach && message->message == MSG_ERROR && wire_integer(message, "id", -1) < 0) {
		session->refused = true;
		tell_text(session, wire_text(message, "data.message"));
		return;
	}
	session->greeted |= message->message == MSG_INITIALIZING;
	tell_message(session, message);
	if (message->message == MSG_INITIALIZED)
		tell_ready(session, message);
}

static void on_garbage(void *user, const char *what)
{
	char *text = xasprintf("camd sent %s", what);

	tell_text(user, text);
	free(text);
}

static void on_line(void *user, const char *line, size_t bytes)
{
	struct session *session = user;
	struct wire_message message;
	struct error err;

	session->line = line;
	tell_line(session, line);
	/* what the table doesn't know is a newer camd's matter: the rest of the message is as good as ever */
	if (wire_parse_message(line, bytes, &message, &err) || (message.json && message.message != N_MESSAGES))
		dispatch(session, &message);
	else if (!message.json)
		on_garbage(session, "what is no message");
	wire_clear_message(&message);
	session->line = NULL;
}

static void on_complaint(void *user, const char *text)
{
	tell_text(user, text);
}

static void describe_end(struct session *session, struct spawn_end end)
{
	char *text;

	if (end.signal)
		text = xasprintf("camd was ended by %s (%s); its recordings will be finalised by the next start",
				 sigabbrev_np(end.signal) ? sigabbrev_np(end.signal) : "a signal", strsignal(end.signal));
	else if (end.status)
		text = xasprintf("camd ended with status %d%s", end.status, session->greeted ? "; its session.log tells more" : "");
	else
		text = xstrdup("camd ended without being asked to");
	tell_text(session, text);
	free(text);
}

static void finish(struct session *session)
{
	session->ended = true;
	uv_timer_stop(&session->patience);
	while (session->n_calls)
		answer(session, 0, NULL);
	for (size_t i = 0; i < session->n_watches; i++)
		if (session->watches[i].watcher->on_end)
			session->watches[i].watcher->on_end(session->watches[i].user);
}

static void on_end(void *user, struct spawn_end end)
{
	struct session *session = user;
	bool well = !end.status && !end.signal && session->quitting;
	bool usage = end.status == CAMD_USAGE_STATUS && !session->greeted;	/* it has said why */

	if (!well && !usage && !session->killed)
		describe_end(session, end);
	if (!well)
		session_set_status(session, usage ? SESSION_USAGE : SESSION_CAMD_FAILED);
	finish(session);
}

static void on_detached(void *user)
{
	struct session *session = user;

	if (!session->quitting && !session->refused)
		tell_text(session, "camd ended, or hung up");
	if (!session->quitting)
		session_set_status(session, SESSION_CAMD_FAILED);
	finish(session);
}

static const struct spawn_handlers handlers = {
	.on_line = on_line, .on_garbage = on_garbage, .on_complaint = on_complaint, .on_end = on_end,
};

static const struct attach_handlers attach_handlers = { .on_line = on_line, .on_garbage = on_garbage, .on_end = on_detached };

/* The flags that make camd a slave stand first, so that the user's own can override what they imply. */
static const char **slave_flags(const char *const *flags)
{
	size_t n = 0;
	const char **all;

	while (flags[n])
		n++;
	all = xcalloc(n + 4, sizeof(*all));
	all[0] = "--mode";
	all[1] = "slave";
	all[2] = "--greeting";
	if (n)
		memcpy(all + 3, flags, n * sizeof(*flags));
	return all;
}

static void begin(struct session *session, uv_loop_t *loop)
{
	session->loop = loop;
	uv_timer_init(loop, &session->patience);
	session->patience.data = session;
}

struct session *session_create(uv_loop_t *loop, const char *const *flags, struct error *err)
{
	struct session *session = xcalloc(1, sizeof(*session));
	const char **all = slave_flags(flags);
	struct spawn_options options = { .flags = all };

	session->spawn = spawn_create(loop, &options, &handlers, session, err);
	free(all);
	if (!session->spawn) {
		free(session);
		return NULL;
	}
	begin(session, loop);
	return session;
}

/* The answer waits for the cameras, as `initialized` does, which was said before anybody was attached. */
static void on_cameras(void *user, const struct wire_message *reply)
{
	if (reply)
		tell_ready(user, reply);
}

struct session *session_adopt(uv_loop_t *loop, int fd)
{
	struct session *session = xcalloc(1, sizeof(*session));

	session->attach = attach_create(loop, fd, &attach_handlers, session);
	begin(session, loop);
	session_call(session, CMD_LIST_CAMERAS, NULL, on_cameras, session);
	return session;
}

struct session *session_attach(uv_loop_t *loop, const char *path, struct error *err)
{
	int fd = attach_connect(path, err);

	return fd < 0 ? NULL : session_adopt(loop, fd);
}

bool session_is_attached(const struct session *session)
{
	return session->attach;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void session_destroy(struct session *session)
{
	if (!session)
		return;
	spawn_destroy(session->spawn);
	attach_destroy(session->attach);
	free(session->calls);
	uv_close((uv_handle_t *)&session->patience, on_closed);
}

void session_watch(struct session *session, const struct session_watcher *watcher, void *user)
{
	assert(session->n_watches < ARRAY_LEN(session->watches));
	session->watches[session->n_watches++] = (struct watch){ watcher, user };
}

uv_loop_t *session_loop(const struct session *session)
{
	return session->loop;
}

int session_pid(const struct session *session)
{
	return spawn_pid(session->spawn);
}

const char *session_line(const struct session *session)
{
	return session->line;
}

void session_call(struct session *session, enum command_id command, const void *arguments, session_reply_fn on_reply, void *user)
{
	char *line;

	if (session->ended) {
		if (on_reply)
			on_reply(user, NULL);
		return;
	}
	session->calls = xrealloc(session->calls, session->n_calls + 1, sizeof(*session->calls));
	session->calls[session->n_calls++] = (struct call){ ++session->last_id, on_reply, user };
	session->told_to_quit |= command == CMD_QUIT;
	line = wire_print_request(&commands[command], arguments, session->last_id);
	if (session->attach)
		attach_write(session->attach, line, strlen(line));
	else
		spawn_write(session->spawn, line, strlen(line));
	free(line);
}

void session_want_events(struct session *session)
{
	char *all[] = { (char *)"*" };
	struct events_args arguments = { .events = { 1, all } };

	session_call(session, CMD_SUBSCRIBE, &arguments, NULL, NULL);
}

static void on_impatient(uv_timer_t *timer)
{
	const struct session *session = timer->data;

	tell_text(timer->data, session->attach ? "camd still finishes its files; Ctrl-C leaves it alone with that" :
		  "camd still finishes its files; Ctrl-C ends it without waiting");
}

void session_quit(struct session *session, enum session_status status)
{
	session_set_status(session, status);
	if (session->quitting || session->ended)
		return;
	session->quitting = true;
	if (session->attach && !session->told_to_quit) {
		attach_close(session->attach);
		return;
	}
	if (!session->attach) {
		session_call(session, CMD_QUIT, NULL, NULL, NULL);
		spawn_end_input(session->spawn);
	}
	uv_timer_start(&session->patience, on_impatient, PATIENCE_MS, 0);
}

void session_leave(struct session *session, enum session_status status)
{
	if (session->attach && !session->told_to_quit && !session->quitting && !session->ended)
		tell_text(session, "detached; camd goes on");
	session_quit(session, status);
}

bool session_is_quitting(const struct session *session)
{
	return session->quitting;
}

void session_kill(struct session *session)
{
	session->killed = true;
	if (session->attach)
		attach_close(session->attach);
	else
		spawn_signal(session->spawn, SIGKILL);
}

void session_set_status(struct session *session, enum session_status status)
{
	if (session->status == SESSION_OK)
		session->status = status;
}

enum session_status session_status(const struct session *session)
{
	return session->status;
}
