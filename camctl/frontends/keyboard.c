/*
 * camctl without a terminal: letters on stdin, each with Enter; plain lines on stdout. A letter waits until the one before it
 * is done, so that a script can write them all at once. The end of stdin means q, after what was read.
 */
#include "camctl/frontends/frontend.h"

#include "camctl/controls.h"
#include "camctl/human.h"
#include "camctl/input.h"
#include "camctl/previews.h"
#include "camctl/say.h"
#include "common/lines.h"
#include "common/util.h"

#include <stdlib.h>
#include <string.h>

#define MAX_LINE_BYTES 64

struct keyboard {
	struct frontend_context context;
	struct controls *controls;
	struct input *input;
	struct previews *previews;
	struct lines lines;
	char *waiting;		/* keys that wait for their turn */
	bool ready, ended;
};

static void take_keys(struct keyboard *keyboard)
{
	while (keyboard->ready && *keyboard->waiting && !controls_doing(keyboard->controls)) {
		char key = *keyboard->waiting;

		if (controls_key(keyboard->controls, key) == CONTROLS_UNKNOWN)
			fprintf(stderr, "camctl: no such key: %c (%s, each with Enter)\n", key, controls_help);
		memmove(keyboard->waiting, keyboard->waiting + 1, strlen(keyboard->waiting));
	}
	if (keyboard->ready && keyboard->ended && !controls_doing(keyboard->controls))
		session_leave(keyboard->context.session, SESSION_OK);
}

static void take_line(struct keyboard *keyboard, const char *line)
{
	char *longer;

	line += strspn(line, " \t");
	if (!*line)
		return;
	if (line[1 + strspn(line + 1, " \t")])
		longer = xasprintf("%s?", keyboard->waiting);	/* a word is no key */
	else
		longer = xasprintf("%s%c", keyboard->waiting, *line);
	free(keyboard->waiting);
	keyboard->waiting = longer;
}

static void on_bytes(void *user, const char *data, size_t bytes)
{
	struct keyboard *keyboard = user;
	const char *line;
	size_t used, line_bytes;

	for (; bytes; data += used, bytes -= used)
		if (lines_feed(&keyboard->lines, data, bytes, &used, &line, &line_bytes) == LINES_LINE)
			take_line(keyboard, line);
	take_keys(keyboard);
}

static void on_input_end(void *user)
{
	struct keyboard *keyboard = user;

	keyboard->ended = true;
	take_keys(keyboard);
}

static const struct input_handlers input_handlers = { .on_bytes = on_bytes, .on_end = on_input_end };

static void say(struct keyboard *keyboard, const struct wire_message *message)
{
	char *text = keyboard->context.json ? NULL : say_message(message);

	if (text)
		puts(text);
	fflush(stdout);
	free(text);
}

static void on_reply(void *user, const struct wire_message *reply)
{
	say(user, reply);
}

static void on_done(void *user)
{
	take_keys(user);
}

static const struct controls_handlers controls_handlers = { .on_reply = on_reply, .on_done = on_done };

static void on_ready(void *user, const struct wire_message *initialized)
{
	struct keyboard *keyboard = user;

	(void)initialized;
	keyboard->ready = true;
	previews_ready(keyboard->previews);
	take_keys(keyboard);
}

static void on_message(void *user, const struct wire_message *message)
{
	struct keyboard *keyboard = user;

	if (!previews_take(keyboard->previews, message))
		say(keyboard, message);
}

static void on_window_key(void *user, char key)
{
	struct keyboard *keyboard = user;

	controls_key(keyboard->controls, key);
}

static void on_window_close(void *user)
{
	struct keyboard *keyboard = user;

	session_leave(keyboard->context.session, SESSION_OK);
}

static const struct previews_handlers previews_handlers = {
	.on_key = on_window_key, .on_close = on_window_close, .on_text = human_print_text,
};

static void on_line(void *user, const char *line)
{
	struct keyboard *keyboard = user;

	if (!keyboard->context.json)
		return;
	puts(line);
	fflush(stdout);
}

static void on_end(void *user)
{
	struct keyboard *keyboard = user;

	previews_destroy(keyboard->previews);
	input_destroy(keyboard->input);
	keyboard->input = NULL;
}

static void *create(const struct frontend_context *context)
{
	struct keyboard *keyboard = xcalloc(1, sizeof(*keyboard));

	keyboard->context = *context;
	keyboard->waiting = xstrdup("");
	lines_init(&keyboard->lines, MAX_LINE_BYTES);
	keyboard->controls = controls_create(context->session, &controls_handlers, keyboard);
	keyboard->previews = previews_create(context->session, context->json ? PREVIEW_NONE : context->picture, NULL,
					      &previews_handlers, keyboard);
	keyboard->input = input_create(session_loop(context->session), false, &input_handlers, keyboard);
	session_want_events(context->session);
	return keyboard;
}

static void destroy(void *frontend)
{
	struct keyboard *keyboard = frontend;

	controls_destroy(keyboard->controls);
	lines_finish(&keyboard->lines);
	free(keyboard->waiting);
	free(keyboard);
}

const struct frontend_impl frontend_keyboard = {
	.summary = "Keys on stdin, each with Enter, where there is no terminal.",
	.create = create, .destroy = destroy,
	.watcher = { .on_ready = on_ready, .on_message = on_message, .on_line = on_line, .on_text = human_print_text, .on_end = on_end },
};
