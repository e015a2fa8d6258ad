/*
 * Where previews are looked at: windows, or the terminal. One implementation each; a viewer knows no session and no messages.
 * All in the loop's thread, and no function waits.
 */
#pragma once

#include "camctl/painter.h"
#include "camctl/picture.h"
#include "camctl/screen.h"
#include "common/field.h"

struct viewer_handlers {
	void (*on_key)(void *user, char key);
	void (*on_close)(void *user);		/* a window was closed */
};

struct viewer_context {
	struct screen *screen;			/* NULL: there is no terminal */
	enum painter_kind kind;
	const struct viewer_handlers *handlers;
	void *user;
};

/* The newest picture of a camera. */
struct view {
	int64_t camera_id;
	struct picture picture;
	bool fresh;				/* it has not been shown yet */
};

struct viewer_impl {
	double max_fps;				/* more pictures than that are for nothing; 0: as many as the settings say */

	/* NULL: err says what is missing. */
	void *(*create)(const struct viewer_context *context, struct error *err);
	void (*destroy)(void *viewer);

	bool (*is_busy)(void *viewer);		/* what is shown now would come late */
	void (*show)(void *viewer, const struct view *views, size_t n);
	void (*caption)(void *viewer, int64_t camera_id, const char *text);	/* how a camera is doing; NULL: not shown here */
	void (*listen)(void *viewer);		/* often: takes in keys; NULL: none come here */
};

extern const struct viewer_impl viewer_window, viewer_terminal;
