/*
 * camctl at a terminal: keys without Enter, the cameras' pictures, one live line a camera, and what happens above it. How they are
 * doing is asked of camd a few times a second; a camd that does not answer is said to be silent, never waited for.
 */
#include "camctl/frontends/frontend.h"

#include "camctl/controls.h"
#include "camctl/human.h"
#include "camctl/input.h"
#include "camctl/previews.h"
#include "camctl/say.h"
#include "camctl/screen.h"
#include "camctl/statusline.h"
#include "common/util.h"

#include <signal.h>
#include <stdlib.h>

#define TICK_MS 250
#define SILENCE_MS 3000

enum { KEY_INTERRUPT = 3, KEY_END = 4, KEY_QUIT = 28, KEY_SUSPEND = 26, KEY_ESCAPE = 27 };

struct terminal {
	struct frontend_context context;
	struct controls *controls;
	struct input *input;
	struct screen *screen;
	struct previews *previews;
	uv_timer_t tick;
	uv_signal_t signals[3];
	uint64_t asked_at;	/* the loop's time of a get_status that is not answered; 0: none is */
	bool ready;
};

static void add_footer(struct terminal *terminal)
{
	const char *doing = controls_doing(terminal->controls);
	uint64_t now = uv_now(session_loop(terminal->context.session));
	char *text;

	if (session_is_quitting(terminal->context.session))
		text = xstrdup("finishing the files");
	else if (!terminal->ready)
		text = xstrdup("looking for cameras   q quit");
	else
		text = xasprintf("%s%s%s", controls_help, doing ? "   " : "", doing ? doing : "");
	if (terminal->asked_at && now - terminal->asked_at > SILENCE_MS) {
		char *longer = xasprintf("%s   (camd has been silent for %d s)", text, (int)((now - terminal->asked_at) / 1000));

		free(text);
		text = longer;
	}
	screen_add(terminal->screen, SCREEN_DIM, text);
	free(text);
}

static void on_status(void *user, const struct wire_message *report)
{
	struct terminal *terminal = user;

	terminal->asked_at = 0;
	if (!report || report->message != MSG_STATUS_REPORT)
		return;
	screen_begin(terminal->screen);
	statusline_add(terminal->screen, report, screen_columns(stdout));
	if (terminal->ready && !wire_integer(report, "data.cameras.#", 0))
		screen_add(terminal->screen, SCREEN_BAD, "no cameras");
	add_footer(terminal);
	screen_show(terminal->screen);
}

static void ask(struct terminal *terminal)
{
	if (session_is_quitting(terminal->context.session))
		return;
	terminal->asked_at = uv_now(session_loop(terminal->context.session));
	session_call(terminal->context.session, CMD_GET_STATUS, NULL, on_status, terminal);
}

static void on_tick(uv_timer_t *timer)
{
	struct terminal *terminal = timer->data;
	bool silent = terminal->asked_at && uv_now(timer->loop) - terminal->asked_at > SILENCE_MS;

	if (!terminal->asked_at)
		ask(terminal);
	if (!silent && !session_is_quitting(terminal->context.session))
		return;
	screen_begin(terminal->screen);
	add_footer(terminal);
	screen_show(terminal->screen);
}

/* ---- keys and the terminal ---- */

/* As any program does for Ctrl-Z: tidies up, stops, and takes the terminal again when it is continued. camd goes on. */
static void suspend(struct terminal *terminal)
{
	screen_clear(terminal->screen);
	input_restore(terminal->input);
	raise(SIGSTOP);
	input_restore(terminal->input);
	input_take(terminal->input);
	previews_refresh(terminal->previews);
	ask(terminal);
}

static void take_key(struct terminal *terminal, char key)
{
	switch (key) {
	case KEY_INTERRUPT:
	case KEY_QUIT:
		raise(SIGINT);		/* counted with those that come from elsewhere: the second one kills */
		return;
	case KEY_SUSPEND:
		suspend(terminal);
		return;
	case KEY_END:
		key = 'q';
	}
	if (!terminal->ready && key != 'q' && key != 'Q')
		return;
	if (controls_key(terminal->controls, key) != CONTROLS_DONE)
		screen_bell(terminal->screen);
	if (!terminal->asked_at)
		ask(terminal);
}

/* Arrows, function keys and Alt with a letter begin with ESC; what belongs to them is not ours. */
static size_t key_length(const char *data, size_t bytes)
{
	size_t n = 2;

	if (data[0] != KEY_ESCAPE)
		return 1;
	if (bytes < 2 || (data[1] != '[' && data[1] != 'O'))
		return MIN(n, bytes);
	while (n < bytes && !(data[n] >= '@' && data[n] <= '~'))
		n++;
	return MIN(n + 1, bytes);
}

static void on_bytes(void *user, const char *data, size_t bytes)
{
	struct terminal *terminal = user;
	size_t length;

	for (; bytes; data += length, bytes -= length) {
		length = key_length(data, bytes);
		if (*data != KEY_ESCAPE)
			take_key(terminal, *data);
	}
}

static void on_hangup(void *user)
{
	struct terminal *terminal = user;

	session_leave(terminal->context.session, SESSION_OK);
}

static const struct input_handlers input_handlers = { .on_bytes = on_bytes, .on_end = on_hangup };

static void on_signal(uv_signal_t *handle, int number)
{
	struct terminal *terminal = handle->data;

	if (number == SIGTSTP) {
		suspend(terminal);
		return;
	}
	if (number == SIGCONT) {	/* the shell had the terminal */
		input_restore(terminal->input);
		input_take(terminal->input);
	}
	previews_refresh(terminal->previews);
	screen_show(terminal->screen);
}

static void watch_signals(struct terminal *terminal)
{
	static const int numbers[] = { SIGTSTP, SIGCONT, SIGWINCH };

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		uv_signal_init(session_loop(terminal->context.session), &terminal->signals[i]);
		terminal->signals[i].data = terminal;
		uv_signal_start(&terminal->signals[i], on_signal, numbers[i]);
	}
}

/* ---- what happens ---- */

static void say(struct terminal *terminal, const struct wire_message *message)
{
	char *text = say_message(message);

	if (text)
		screen_say(terminal->screen, text);
	free(text);
}

static void on_reply(void *user, const struct wire_message *reply)
{
	say(user, reply);
}

static void on_done(void *user)
{
	struct terminal *terminal = user;

	if (!terminal->asked_at)
		ask(terminal);
}

static const struct controls_handlers controls_handlers = { .on_reply = on_reply, .on_done = on_done };

static void on_ready(void *user, const struct wire_message *initialized)
{
	struct terminal *terminal = user;

	(void)initialized;
	terminal->ready = true;
	previews_ready(terminal->previews);
}

static void on_message(void *user, const struct wire_message *message)
{
	struct terminal *terminal = user;

	if (!previews_take(terminal->previews, message))
		say(terminal, message);
}

static void on_text(void *user, const char *text)
{
	struct terminal *terminal = user;
	char *clean = human_clean(xstrdup(text));

	screen_say(terminal->screen, clean);
	free(clean);
}

static void on_window_key(void *user, char key)
{
	take_key(user, key);
}

static const struct previews_handlers previews_handlers = { .on_key = on_window_key, .on_close = on_hangup, .on_text = on_text };

static void on_end(void *user)
{
	struct terminal *terminal = user;

	previews_destroy(terminal->previews);
	screen_clear(terminal->screen);
	screen_detach(terminal->screen);
	input_destroy(terminal->input);
	terminal->input = NULL;
	uv_close((uv_handle_t *)&terminal->tick, NULL);
	for (size_t i = 0; i < ARRAY_LEN(terminal->signals); i++)
		uv_close((uv_handle_t *)&terminal->signals[i], NULL);
}

static void *create(const struct frontend_context *context)
{
	struct terminal *terminal = xcalloc(1, sizeof(*terminal));
	uv_loop_t *loop = session_loop(context->session);

	terminal->context = *context;
	terminal->screen = screen_create(stdout);
	screen_attach(terminal->screen, loop);
	terminal->previews = previews_create(context->session, context->picture, terminal->screen, &previews_handlers, terminal);
	terminal->controls = controls_create(context->session, &controls_handlers, terminal);
	terminal->input = input_create(loop, true, &input_handlers, terminal);
	uv_timer_init(loop, &terminal->tick);
	terminal->tick.data = terminal;
	uv_timer_start(&terminal->tick, on_tick, 0, TICK_MS);
	watch_signals(terminal);
	session_want_events(context->session);
	return terminal;
}

static void destroy(void *frontend)
{
	struct terminal *terminal = frontend;

	controls_destroy(terminal->controls);
	screen_destroy(terminal->screen);
	free(terminal);
}

const struct frontend_impl frontend_terminal = {
	.summary = "Keys and a live picture at a terminal.",
	.create = create, .destroy = destroy,
	.watcher = { .on_ready = on_ready, .on_message = on_message, .on_text = on_text, .on_end = on_end },
};
