#include "camctl/previews.h"

#include "camctl/statusline.h"
#include "camctl/viewers/viewer.h"
#include "common/util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 20
#define STATUS_MS 500
#define CAPTION_COLUMNS 200

const char *const preview_place_names[] = {
	[PREVIEW_AUTO] = "auto", [PREVIEW_WINDOW] = "window", [PREVIEW_KITTY] = "kitty", [PREVIEW_SIXEL] = "sixel",
	[PREVIEW_CHARACTERS] = "characters", [PREVIEW_NONE] = "none", NULL,
};

struct subject {
	int64_t camera_id;
	char *base64;		/* a picture that was not decoded yet */
	bool running;
};

struct previews {
	struct session *session;
	enum preview_place place;
	struct screen *screen;
	const struct previews_handlers *handlers;
	void *user;
	const struct viewer_impl *impl;
	void *viewer;		/* NULL: nothing is shown */
	struct picture_decoder *decoder;
	uv_timer_t tick;
	uint64_t status_due;	/* in the loop's time */
	bool status_asked;
	double settings_fps;
	struct subject *subjects;
	struct view *views;	/* one a subject, at the same index */
	size_t n;
};

static void say(struct previews *previews, const char *what, const struct error *err)
{
	char *text = xasprintf("%s: %s", what, err->text);

	previews->handlers->on_text(previews->user, text);
	free(text);
}

/* ---- the viewer ---- */

static void on_key(void *user, char key)
{
	struct previews *previews = user;

	previews->handlers->on_key(previews->user, key);
}

static void on_close(void *user)
{
	struct previews *previews = user;

	previews->handlers->on_close(previews->user);
}

static const struct viewer_handlers viewer_handlers = { .on_key = on_key, .on_close = on_close };

static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

bool previews_may_be_windows(enum preview_place place)
{
	return place == PREVIEW_WINDOW || (place == PREVIEW_AUTO && (is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")));
}

static bool open_viewer(struct previews *previews, const struct viewer_impl *impl, struct error *err)
{
	static const enum painter_kind kinds[] = {
		[PREVIEW_KITTY] = PAINTER_KITTY, [PREVIEW_SIXEL] = PAINTER_SIXEL, [PREVIEW_CHARACTERS] = PAINTER_CHARACTERS, [PREVIEW_NONE] = 0,
	};
	struct viewer_context context = {
		.screen = previews->screen, .kind = kinds[previews->place], .handlers = &viewer_handlers, .user = previews,
	};

	previews->impl = impl;
	previews->viewer = impl->create(&context, err);
	return previews->viewer;
}

/* Windows, else the terminal; why not is said once. */
static void choose_viewer(struct previews *previews)
{
	bool terminal = previews->screen && screen_is_live(previews->screen);
	struct error err;

	if (previews_may_be_windows(previews->place)) {
		if (open_viewer(previews, &viewer_window, &err))
			return;
		say(previews, "no preview windows", &err);
	}
	if (terminal && !open_viewer(previews, &viewer_terminal, &err))
		say(previews, "no pictures in the terminal", &err);
}

/* ---- pictures ---- */

/* Its index; previews->n: it is not there. */
static size_t find(const struct previews *previews, int64_t camera_id)
{
	size_t i = 0;

	while (i < previews->n && previews->subjects[i].camera_id != camera_id)
		i++;
	return i;
}

bool previews_take(struct previews *previews, const struct wire_message *message)
{
	size_t index;

	if (message->message != MSG_PREVIEW_FRAME)
		return false;
	index = find(previews, wire_integer(message, "data.camera_id", -1));
	if (index == previews->n)
		return false;
	if (previews->viewer) {		/* else those that were under way when it went */
		free(previews->subjects[index].base64);
		previews->subjects[index].base64 = xstrdup(wire_text(message, "data.frame"));
	}
	return true;
}

static bool decode(struct previews *previews, size_t index)
{
	struct subject *subject = &previews->subjects[index];
	struct error err;
	bool decoded = subject->base64 && picture_decode(previews->decoder, &previews->views[index].picture, subject->base64, &err);

	if (subject->base64 && !decoded)
		say(previews, "preview", &err);
	free(subject->base64);
	subject->base64 = NULL;
	previews->views[index].fresh |= decoded;
	return decoded;
}

/* Of cameras that give none at present, no picture stays. */
static void show(struct previews *previews)
{
	struct view *shown = xcalloc(previews->n + 1, sizeof(*shown));
	size_t n = 0;

	for (size_t i = 0; i < previews->n; i++)
		if (previews->subjects[i].running && previews->views[i].picture.rgba)
			shown[n++] = previews->views[i];
	previews->impl->show(previews->viewer, shown, n);
	for (size_t i = 0; i < previews->n; i++)
		previews->views[i].fresh = false;
	free(shown);
}

/* ---- what camd is asked ---- */

static void on_toggled(void *user, const struct wire_message *reply)
{
	struct previews *previews = user;
	const char *message = reply && reply->message == MSG_ERROR ? wire_text(reply, "data.message") : NULL;

	if (message && previews->viewer)
		previews->handlers->on_text(previews->user, message);
}

/* Of all cameras, when one has come. */
static void ask_for_pictures(struct previews *previews)
{
	double max_fps = previews->impl->max_fps;
	struct toggle_preview_args arguments = { .enabled = true, .fps = NAN, .quality = FIELD_UNSET };
	int64_t *ids = xcalloc(previews->n, sizeof(*ids));

	if (max_fps > 0 && previews->settings_fps > max_fps)
		arguments.fps = max_fps;
	for (size_t i = 0; i < previews->n; i++)
		ids[i] = previews->subjects[i].camera_id;
	arguments.camera_id = (struct list){ previews->n, ids };
	session_call(previews->session, CMD_TOGGLE_PREVIEW, &arguments, on_toggled, previews);
	free(ids);
}

static size_t find_or_add(struct previews *previews, int64_t camera_id)
{
	size_t index = find(previews, camera_id);

	if (index < previews->n)
		return index;
	previews->subjects = xrealloc(previews->subjects, previews->n + 1, sizeof(*previews->subjects));
	previews->views = xrealloc(previews->views, previews->n + 1, sizeof(*previews->views));
	previews->subjects[index] = (struct subject){ .camera_id = camera_id };
	previews->views[index] = (struct view){ .camera_id = camera_id };
	return previews->n++;
}

/* Whether that changes what is to be shown. */
static bool note_camera(struct previews *previews, const struct wire_message *report, int i)
{
	char *id = xasprintf("data.cameras.%d.camera_id", i), *state = xasprintf("data.cameras.%d.state", i);
	size_t index = find_or_add(previews, wire_integer(report, id, 0));
	const char *is = wire_text(report, state);
	bool runs = is && !strcmp(is, "running"), changed = runs != previews->subjects[index].running;
	enum screen_colour colour;
	char *line;

	previews->subjects[index].running = runs;
	if (previews->impl->caption) {
		line = statusline_text(report, i, CAPTION_COLUMNS, &colour);
		previews->impl->caption(previews->viewer, previews->subjects[index].camera_id, line);
		free(line);
	}
	free(state);
	free(id);
	return changed;
}

static void on_status(void *user, const struct wire_message *report)
{
	struct previews *previews = user;
	size_t before = previews->n;
	bool changed = false;
	int n;

	previews->status_asked = false;
	if (!report || report->message != MSG_STATUS_REPORT || !previews->viewer)
		return;
	n = (int)wire_integer(report, "data.cameras.#", 0);
	for (int i = 0; i < n; i++)
		changed |= note_camera(previews, report, i);
	if (previews->n != before)
		ask_for_pictures(previews);
	if (changed)
		show(previews);
}

static void on_tick(uv_timer_t *timer)
{
	struct previews *previews = timer->data;
	bool fresh = false;

	if (session_is_quitting(previews->session)) {
		previews_stop(previews);
		return;
	}
	if (!previews->status_asked && uv_now(timer->loop) >= previews->status_due) {
		previews->status_asked = true;
		previews->status_due = uv_now(timer->loop) + STATUS_MS;
		session_call(previews->session, CMD_GET_STATUS, NULL, on_status, previews);
	}
	if (!previews->impl->is_busy(previews->viewer)) {
		for (size_t i = 0; i < previews->n; i++)
			fresh |= decode(previews, i);
		if (fresh)
			show(previews);
	}
	if (previews->impl->listen)
		previews->impl->listen(previews->viewer);
}

/* ---- its life ---- */

static void on_config(void *user, const struct wire_message *reply)
{
	struct previews *previews = user;
	double fps = reply ? wire_number(reply, "data.values.preview_fps", 0) : 0;
	bool wanted = previews->place != PREVIEW_AUTO || (reply && wire_bool(reply, "data.values.show_preview", false));

	if (session_is_quitting(previews->session))
		return;
	if (fps > 0 && wanted) {
		previews->settings_fps = fps;
		choose_viewer(previews);
	}
	if (previews->viewer)
		uv_timer_start(&previews->tick, on_tick, 0, TICK_MS);
	else if (previews->handlers->on_nothing)
		previews->handlers->on_nothing(previews->user);
}

void previews_ready(struct previews *previews)
{
	char *names[] = { (char *)"show_preview", (char *)"preview_fps" };
	struct get_config_args arguments = { .names = { ARRAY_LEN(names), names } };

	if (previews->place != PREVIEW_NONE && (previews->screen || previews_may_be_windows(previews->place)))
		session_call(previews->session, CMD_GET_CONFIG, &arguments, on_config, previews);
}

void previews_refresh(struct previews *previews)
{
	if (!previews->viewer)
		return;
	show(previews);
}

void previews_stop(struct previews *previews)
{
	uv_timer_stop(&previews->tick);
	if (previews->viewer)
		previews->impl->destroy(previews->viewer);
	previews->viewer = NULL;
}

struct previews *previews_create(struct session *session, enum preview_place place, struct screen *screen,
				 const struct previews_handlers *handlers, void *user)
{
	struct previews *previews = xcalloc(1, sizeof(*previews));

	*previews = (struct previews){
		.session = session, .place = place, .screen = screen, .handlers = handlers, .user = user, .decoder = picture_decoder_create(),
	};
	uv_timer_init(session_loop(session), &previews->tick);
	previews->tick.data = previews;
	return previews;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void previews_destroy(struct previews *previews)
{
	if (!previews)
		return;
	previews_stop(previews);
	for (size_t i = 0; i < previews->n; i++) {
		free(previews->subjects[i].base64);
		picture_clear(&previews->views[i].picture);
	}
	free(previews->subjects);
	free(previews->views);
	picture_decoder_destroy(previews->decoder);
	uv_close((uv_handle_t *)&previews->tick, on_closed);
}
