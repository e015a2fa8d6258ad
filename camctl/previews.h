/*
 * Previews at the client: asks camd for the pictures of all cameras, and shows them in windows where there is a display, else in
 * the terminal. The newest picture wins; what can't be shown in time is dropped before it is even decoded. For front-ends;
 * everything runs in the loop's thread.
 */
#pragma once

#include "camctl/screen.h"
#include "camctl/session.h"

enum preview_place {
	PREVIEW_AUTO,		/* what there is, unless the setting show_preview is off */
	PREVIEW_WINDOW,
	PREVIEW_KITTY,
	PREVIEW_SIXEL,
	PREVIEW_CHARACTERS,
	PREVIEW_NONE,
};

extern const char *const preview_place_names[];	/* ends with NULL */

struct previews;

struct previews_handlers {
	void (*on_key)(void *user, char key);			/* in a window */
	void (*on_close)(void *user);				/* a window was closed */
	void (*on_nothing)(void *user);				/* there is nothing that could be shown, or it is not wanted; may be NULL */
	void (*on_text)(void *user, const char *text);		/* a line for the user */
};

/* Whether that place may mean windows, here. */
bool previews_may_be_windows(enum preview_place place);

/* screen: where the terminal's pictures go; NULL: windows only. */
struct previews *previews_create(struct session *session, enum preview_place place, struct screen *screen,
				 const struct previews_handlers *handlers, void *user);
void previews_destroy(struct previews *previews);	/* the loop must run once more; NULL is allowed */

/* For the session's on_ready and on_message. previews_take(): whether that was a picture for the previews, and nobody else's affair. */
void previews_ready(struct previews *previews);
bool previews_take(struct previews *previews, const struct wire_message *message);

/* Takes windows and pictures away; previews_destroy() may come later. */
void previews_stop(struct previews *previews);

/* The terminal has another size, or was somebody else's for a while. */
void previews_refresh(struct previews *previews);
