/*
 * What stands between camctl and SDL2: windows with pictures in them. camctl/display_sdl.c is a module of its own, loaded when
 * windows are to be shown, so that camctl runs where SDL2 is not installed, and starts without its many libraries. One thread.
 */
#pragma once

#include "camctl/picture.h"

#include <stddef.h>

#define DISPLAY_FILE "camctl_sdl.so"
#define DISPLAY_ABI 1

struct display_window;

enum display_event_kind { DISPLAY_NOTHING, DISPLAY_KEY, DISPLAY_CLOSE };

struct display_event {
	enum display_event_kind kind;
	char key;		/* DISPLAY_KEY: a character of ASCII */
};

/* There is one display in a process; open and close are for all of it. */
struct display_module {
	unsigned abi;
	bool (*open)(char *why, size_t bytes);	/* false: why says what is amiss */
	void (*close)(void);
	/* NULL: why says what is amiss. */
	struct display_window *(*create)(const char *title, int width, int height, char *why, size_t bytes);
	void (*destroy)(struct display_window *window);
	void (*show)(struct display_window *window, const struct picture *picture);
	void (*set_title)(struct display_window *window, const char *title);
	struct display_event (*next_event)(void);
};

/* The module's; camctl finds it by its name. */
extern const struct display_module display_module;
