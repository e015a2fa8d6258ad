#include "camctl/doctor.h"

#include "camctl/shell.h"
#include "common/loop.h"
#include "common/util.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define TWICE_MS 300

/*
 * A terminal that is closed or a reader that is gone (SIGHUP, SIGPIPE) ends nothing: this is run unattended, and the report
 * goes to a file. A signal that comes twice at once, to us and to our group, counts once.
 */
static void on_signal(uv_signal_t *handle, int number)
{
	struct doctor *doctor = handle->data;
	uint64_t now_ms = uv_now(handle->loop);

	if (number != SIGINT && number != SIGTERM)
		return;
	if (doctor->interruptions && now_ms - doctor->interrupted_at_ms <= TWICE_MS)
		return;
	doctor->interruptions++;
	doctor->interrupted_at_ms = now_ms;
}

void doctor_init(struct doctor *doctor, const struct list *flags, bool json)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };

	*doctor = (struct doctor){ .flags = flags, .json = json };
	xloop(&doctor->loop);
	uv_timer_init(&doctor->loop, &doctor->timer);
	doctor->timer.data = doctor;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		uv_signal_init(&doctor->loop, &doctor->signals[i]);
		doctor->signals[i].data = doctor;
		uv_signal_start(&doctor->signals[i], on_signal, numbers[i]);
	}
	/* with json, stdout is for camd's lines alone */
	doctor->report = findings_create(json ? stderr : stdout);
}

void doctor_finish(struct doctor *doctor)
{
	uv_close((uv_handle_t *)&doctor->timer, NULL);
	for (size_t i = 0; i < ARRAY_LEN(doctor->signals); i++)
		uv_close((uv_handle_t *)&doctor->signals[i], NULL);
	/* not until all is over: a camd that hangs in a driver can't be killed, and must not keep the report */
	for (int i = 0; i < 3; i++)
		uv_run(&doctor->loop, UV_RUN_NOWAIT);
	uv_loop_close(&doctor->loop);
	findings_destroy(doctor->report);
}

static void on_time(uv_timer_t *timer)
{
	struct doctor *doctor = timer->data;

	doctor->timed_out = true;
}

bool doctor_is_stopped(const struct doctor *doctor)
{
	return doctor->interruptions > 0;
}

bool doctor_pump(struct doctor *doctor, int64_t ns, enum doctor_patience patience, bool (*done)(void *user), void *user)
{
	doctor->timed_out = false;
	uv_update_time(&doctor->loop);
	uv_timer_start(&doctor->timer, on_time, (uint64_t)(MAX(ns, 0) / NS_PER_MS), 0);
	while (!doctor->timed_out && !(done && done(user)) && (patience == DOCTOR_ENDS || doctor->interruptions < (int)patience))
		uv_run(&doctor->loop, UV_RUN_ONCE);
	uv_timer_stop(&doctor->timer);
	return done ? done(user) : doctor->timed_out;
}

/* ---- the shell ---- */

static bool has_ended(void *user)
{
	return shell_has_ended(user);
}

char *doctor_shell(struct doctor *doctor, const char *command, int64_t limit_ns, int *status)
{
	struct error err;
	struct shell *shell = shell_start(&doctor->loop, command, NULL, &err);
	struct shell_result result;

	*status = -1;
	if (!shell)
		return xstrdup(err.text);
	doctor_pump(doctor, limit_ns, DOCTOR_WORKS, has_ended, shell);
	result = shell_finish(shell);
	if (result.ended)
		*status = result.status;
	return result.output;
}

char *doctor_quote(const char *text)
{
	char *quoted = xcalloc(1, 4 * strlen(text) + 3), *to = quoted;

	*to++ = '\'';
	for (; *text; text++)
		to = *text == '\'' ? stpcpy(to, "'\\''") : stpncpy(to, text, 1);
	*to = '\'';
	return quoted;
}
