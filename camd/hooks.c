#include "camd/hooks.h"

#include "camd/hook_line.h"
#include "camd/hook_run.h"
#include "camd/home.h"
#include "camd/tell.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KILL_AFTER_NS NS_PER_S		/* behind SIGTERM */
#define GRACE_NS (2 * NS_PER_S)		/* that camd's end gives what runs and waits */
#define GIVE_UP_NS (GRACE_NS + KILL_AFTER_NS + NS_PER_S)
#define TELL_AGAIN_NS (10 * NS_PER_S)	/* how often drops are told while they go on */
#define VARIABLES 4

struct hook {
	struct hook_line line;
	bool complained;		/* that it can't be run */
};

/* An event for a program: it waits, then it runs. */
struct item {
	struct hooks *hooks;
	struct hook *hook;
	char *line;
	char *variables[VARIABLES];	/* NULL-terminated */
	struct hook_run *run;		/* NULL: it waits */
	int64_t deadline_ns;
	bool termed;
	struct item *next;
};

struct hooks {
	struct session *session;
	struct hook *hooks;
	size_t n;
	uint64_t wanted;		/* of any of them, a bit an event */
	struct item *running, *first, **last;
	int64_t n_running;
	size_t n_waiting;
	uint64_t dropped;
	int64_t dropped_told_ns;
	uv_timer_t timer;		/* for the next deadline */
	int64_t finish_ns;		/* when the end began; 0: not yet */
	void (*on_done)(void *user);
	void *done_user;
};

/* ---- what is to be run ---- */

static bool is_program(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !eaccess(path, X_OK);
}

static bool is_in_path(const char *name)
{
	const char *at = getenv("PATH");
	bool found = false;

	while (at && *at && !found) {
		size_t n = strcspn(at, ":");
		char *path = xasprintf("%.*s/%s", (int)n, at, name);

		found = is_program(path);
		free(path);
		at += n + (at[n] == ':');
	}
	return found;
}

static void check_program(const char *name, struct list *problems)
{
	char *text;

	if (strchr(name, '/') ? is_program(name) : is_in_path(name))
		return;
	text = xasprintf("on_event: %s is no program that can be run%s", name,
			 strchr(name, '/') ? "" : ": it is not in PATH, name it with its whole path");
	fields_add_text(problems, text);
	free(text);
}

struct hooks *hooks_create(struct session *session, struct list *problems)
{
	const struct list *texts = &session_config(session)->on_event;
	struct hooks *hooks = xcalloc(1, sizeof(*hooks));

	*hooks = (struct hooks){ .session = session, .hooks = xcalloc(texts->n, sizeof(*hooks->hooks)), .last = &hooks->first };
	for (size_t i = 0; i < texts->n; i++) {
		struct hook *hook = &hooks->hooks[hooks->n];

		if (hook_line_read(((char **)texts->items)[i], &hook->line))
			continue;	/* such a text is no value of the setting */
		hooks->n++;
		hooks->wanted |= hook->line.events;
		check_program(hook->line.argv[0], problems);
	}
	uv_timer_init(session_loop(session), &hooks->timer);
	hooks->timer.data = hooks;
	return hooks;
}

/* ---- one item ---- */

static void free_item(struct item *item)
{
	for (size_t i = 0; i < VARIABLES; i++)
		free(item->variables[i]);
	free(item->line);
	free(item);
}

/* The number of the event's camera as text; NULL: it is of none. */
static char *camera_of(enum message_id event, const void *data)
{
	const struct field *field = field_find(messages[event].fields, "camera_id");

	return field && data ? field_print(field, data) : NULL;
}

static struct item *make_item(struct hooks *hooks, struct hook *hook, enum message_id event, const void *data, const char *line)
{
	struct item *item = xcalloc(1, sizeof(*item));
	const char *folder = session_home(hooks->session)->folder.path;
	char *camera = camera_of(event, data);
	size_t n = 0;

	*item = (struct item){ .hooks = hooks, .hook = hook, .line = xstrdup(line) };
	item->variables[n++] = xasprintf("CAMD_EVENT=%s", messages[event].name);
	item->variables[n++] = xasprintf("CAMD_SESSION=%s", folder ? folder : "");
	if (camera)
		item->variables[n++] = xasprintf("CAMD_CAMERA=%s", camera);
	free(camera);
	return item;
}

/* ---- deadlines ---- */

static void arm(struct hooks *hooks);

static void remind(struct item *item)
{
	if (!item->termed) {
		if (!item->hooks->finish_ns)
			log_warning("%s has not ended within hook_timeout: it is ended", item->hook->line.argv[0]);
		item->termed = true;
		item->deadline_ns = clock_now_ns() + KILL_AFTER_NS;
		hook_run_signal(item->run, SIGTERM);
	} else {
		item->deadline_ns = INT64_MAX;
		hook_run_signal(item->run, SIGKILL);
	}
}

/* What waits still when camd ends, and is not to be waited for any more. */
static void drop_waiting(struct hooks *hooks)
{
	struct item *item;

	if (hooks->n_waiting)
		log_warning("on_event: %zu runs of programs were dropped, for camd ends", hooks->n_waiting);
	while ((item = hooks->first)) {
		hooks->first = item->next;
		free_item(item);
	}
	hooks->last = &hooks->first;
	hooks->n_waiting = 0;
}

static void check_done(struct hooks *hooks, bool given_up)
{
	void (*on_done)(void *user) = hooks->on_done;

	if (!on_done || (!given_up && (hooks->n_running || hooks->n_waiting)))
		return;
	hooks->on_done = NULL;
	uv_timer_stop(&hooks->timer);
	on_done(hooks->done_user);
}

static void on_timer(uv_timer_t *timer)
{
	struct hooks *hooks = timer->data;
	int64_t now_ns = clock_now_ns();

	if (hooks->finish_ns && now_ns >= hooks->finish_ns + GRACE_NS)
		drop_waiting(hooks);
	for (struct item *item = hooks->running; item; item = item->next)
		if (now_ns >= item->deadline_ns)
			remind(item);
	arm(hooks);
	check_done(hooks, hooks->finish_ns && now_ns >= hooks->finish_ns + GIVE_UP_NS);
}

static void arm(struct hooks *hooks)
{
	int64_t next_ns = INT64_MAX, wait_ns;

	for (const struct item *item = hooks->running; item; item = item->next)
		next_ns = MIN(next_ns, item->deadline_ns);
	if (hooks->finish_ns)
		next_ns = MIN(next_ns, hooks->finish_ns + (hooks->n_waiting ? GRACE_NS : GIVE_UP_NS));
	if (next_ns == INT64_MAX) {
		uv_timer_stop(&hooks->timer);
		return;
	}
	wait_ns = MAX(next_ns - clock_now_ns(), 0);
	uv_update_time(session_loop(hooks->session));
	uv_timer_start(&hooks->timer, on_timer, (uint64_t)((wait_ns + NS_PER_MS - 1) / NS_PER_MS), 0);
}

/* ---- their course ---- */

/* Once it is over, and now and then while it goes on. */
static void tell_dropped(struct hooks *hooks)
{
	struct error err;
	int64_t now_ns = clock_now_ns();

	if (!hooks->dropped || (hooks->n_waiting && now_ns - hooks->dropped_told_ns < TELL_AGAIN_NS))
		return;
	error_set(&err, ERR_BUSY, "on_event: %" PRIu64 " runs of programs were dropped, for %" PRId64 " ran and %d waited (hook_limit)",
		  hooks->dropped, session_config(hooks->session)->hook_limit, HOOKS_MAX_WAITING);
	hooks->dropped = 0;
	hooks->dropped_told_ns = now_ns;
	tell_trouble(session_control(hooks->session), &err);
}

static void start_waiting(struct hooks *hooks);

static void on_end(void *user, struct hook_run *run)
{
	struct item *item = user;
	struct hooks *hooks = item->hooks;
	struct item **at = &hooks->running;

	while (*at != item)
		at = &(*at)->next;
	*at = item->next;
	hooks->n_running--;
	hook_run_destroy(run);
	free_item(item);
	start_waiting(hooks);
	tell_dropped(hooks);
	check_done(hooks, false);
}

static void start(struct item *item)
{
	struct hooks *hooks = item->hooks;
	struct hook_run_request request = {
		.loop = session_loop(hooks->session), .argv = item->hook->line.argv, .line = item->line, .variables = item->variables,
		.on_end = on_end, .user = item,
	};
	struct error err;

	item->run = hook_run_start(&request, &err);
	if (!item->run) {
		log_write(item->hook->complained ? LOG_DEBUG : LOG_WARNING, "on_event: %s", err.text);
		item->hook->complained = true;
		free_item(item);
		return;
	}
	item->deadline_ns = clock_now_ns() + session_config(hooks->session)->hook_timeout_ns;
	if (hooks->finish_ns)
		item->deadline_ns = MIN(item->deadline_ns, hooks->finish_ns + GRACE_NS);
	item->next = hooks->running;
	hooks->running = item;
	hooks->n_running++;
}

static void start_waiting(struct hooks *hooks)
{
	struct item *item;

	while (hooks->n_running < session_config(hooks->session)->hook_limit && (item = hooks->first)) {
		hooks->first = item->next;
		if (!hooks->first)
			hooks->last = &hooks->first;
		hooks->n_waiting--;
		start(item);
	}
	arm(hooks);
}

bool hooks_want(const struct hooks *hooks, enum message_id event)
{
	return hooks->wanted & UINT64_C(1) << event;
}

void hooks_event(struct hooks *hooks, enum message_id event, const void *data, const char *line)
{
	for (size_t i = 0; i < hooks->n; i++) {
		struct item *item;

		if (!(hooks->hooks[i].line.events & UINT64_C(1) << event))
			continue;
		if (hooks->n_waiting == HOOKS_MAX_WAITING) {
			hooks->dropped++;
			continue;
		}
		item = make_item(hooks, &hooks->hooks[i], event, data, line);
		*hooks->last = item;
		hooks->last = &item->next;
		hooks->n_waiting++;
		start_waiting(hooks);
	}
}

/* ---- the end ---- */

void hooks_finish(struct hooks *hooks, void (*on_done)(void *user), void *user)
{
	hooks->finish_ns = clock_now_ns();
	hooks->on_done = on_done;
	hooks->done_user = user;
	for (struct item *item = hooks->running; item; item = item->next)
		if (!item->termed)
			item->deadline_ns = MIN(item->deadline_ns, hooks->finish_ns + GRACE_NS);
	arm(hooks);
	check_done(hooks, false);
}

static void on_closed(uv_handle_t *timer)
{
	free(timer->data);
}

void hooks_destroy(struct hooks *hooks)
{
	struct item *next;

	if (!hooks)
		return;
	drop_waiting(hooks);
	for (struct item *item = hooks->running; item; item = next) {
		next = item->next;
		hook_run_destroy(item->run);
		free_item(item);
	}
	for (size_t i = 0; i < hooks->n; i++)
		hook_line_clear(&hooks->hooks[i].line);
	free(hooks->hooks);
	uv_close((uv_handle_t *)&hooks->timer, on_closed);
}
