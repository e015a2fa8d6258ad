/* A window a camera, by SDL2; how the camera is doing stands in its title. */
#include "camctl/viewers/viewer.h"

#include "camctl/addon.h"
#include "camctl/display.h"
#include "common/util.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WHY_BYTES 200

struct pane {
	int64_t camera_id;
	struct display_window *window;
	char *title;
};

struct window_viewer {
	const struct display_module *display;
	struct viewer_context context;
	struct pane *panes;
	size_t n_panes;
};

/* Libraries print what they think of a display that they can't open; that must not come between the terminal's lines. */
static bool open_quietly(const struct display_module *display, char *why, size_t bytes)
{
	int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC), loud = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	bool opened;

	if (quiet >= 0 && loud >= 0)
		dup2(quiet, STDERR_FILENO);
	opened = display->open(why, bytes);
	if (loud >= 0)
		dup2(loud, STDERR_FILENO);
	close(loud);
	close(quiet);
	return opened;
}

static void *create(const struct viewer_context *context, struct error *err)
{
	const struct display_module *display = addon_load(DISPLAY_FILE, "display_module", DISPLAY_ABI, "libsdl2-dev", err);
	struct window_viewer *viewer;
	char why[WHY_BYTES] = "";

	if (!display)
		return NULL;
	if (!open_quietly(display, why, sizeof(why))) {
		error_set(err, ERR_UNSUPPORTED, "the display can't be opened: %s", why);
		return NULL;
	}
	viewer = xcalloc(1, sizeof(*viewer));
	*viewer = (struct window_viewer){ .display = display, .context = *context };
	return viewer;
}

static void destroy(void *user)
{
	struct window_viewer *viewer = user;

	for (size_t i = 0; i < viewer->n_panes; i++) {
		viewer->display->destroy(viewer->panes[i].window);
		free(viewer->panes[i].title);
	}
	viewer->display->close();
	free(viewer->panes);
	free(viewer);
}

static bool is_busy(void *user)
{
	(void)user;
	return false;
}

static struct pane *find_pane(struct window_viewer *viewer, int64_t camera_id)
{
	for (size_t i = 0; i < viewer->n_panes; i++)
		if (viewer->panes[i].camera_id == camera_id)
			return &viewer->panes[i];
	viewer->panes = xrealloc(viewer->panes, viewer->n_panes + 1, sizeof(*viewer->panes));
	viewer->panes[viewer->n_panes] = (struct pane){ .camera_id = camera_id, .title = xasprintf("camera %" PRId64, camera_id) };
	return &viewer->panes[viewer->n_panes++];
}

static void show(void *user, const struct view *views, size_t n)
{
	struct window_viewer *viewer = user;
	char why[WHY_BYTES];

	for (size_t i = 0; i < n; i++) {
		struct pane *pane = find_pane(viewer, views[i].camera_id);

		if (!views[i].fresh)
			continue;
		if (!pane->window)
			pane->window = viewer->display->create(pane->title, views[i].picture.width, views[i].picture.height, why, sizeof(why));
		if (pane->window)
			viewer->display->show(pane->window, &views[i].picture);
	}
}

static void caption(void *user, int64_t camera_id, const char *text)
{
	struct window_viewer *viewer = user;
	struct pane *pane = find_pane(viewer, camera_id);

	if (!strcmp(pane->title, text))
		return;
	free(pane->title);
	pane->title = xstrdup(text);
	if (pane->window)
		viewer->display->set_title(pane->window, text);
}

/* What it tells may take this viewer away, so that is done last. */
static void listen_to(void *user)
{
	struct window_viewer *viewer = user;
	struct viewer_context context = viewer->context;
	struct display_event event = viewer->display->next_event();

	if (event.kind == DISPLAY_KEY)
		context.handlers->on_key(context.user, event.key);
	else if (event.kind == DISPLAY_CLOSE)
		context.handlers->on_close(context.user);
}

const struct viewer_impl viewer_window = {
	.create = create, .destroy = destroy, .is_busy = is_busy, .show = show, .caption = caption, .listen = listen_to,
};
