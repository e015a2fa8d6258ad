/*
 * Settings of two services that camd can stand in for, Dash of Pi and Pi Cam Service (config.json both), translated into a file for
 * camd, with what has no counterpart and why as comments at its end. One thread.
 */
#pragma once

#include "common/error.h"

#include <stdbool.h>
#include <stdio.h>

/* What becomes of one of their keys. */
enum import_kind {
	IMPORT_NUMBER,		/* as it is */
	IMPORT_TEXT,
	IMPORT_LEVEL,		/* a text in lower case */
	IMPORT_GIGABYTES,
	IMPORT_DEVICE,		/* a V4L2 device */
	IMPORT_WIDTH,
	IMPORT_HEIGHT,
	IMPORT_RATE,		/* frames a second */
	IMPORT_FRAMES,		/* a buffer of so many */
	IMPORT_BEFORE,		/* seconds before a trigger */
	IMPORT_SWITCH,		/* true or false, as it is */
	IMPORT_FORMATS,		/* of a trigger's pictures */
	IMPORT_STAMP,		/* whether the time is drawn */
	IMPORT_NIGHT,		/* whether there is a night mode */
	IMPORT_NIGHT_MODE,
	IMPORT_NOTHING,
};

struct import_rule {
	const char *key;	/* nested ones with dots */
	enum import_kind kind;
	const char *setting;	/* of camd; NULL: the kind says it */
	const char *why;	/* IMPORT_NOTHING: why there is no counterpart; else what there must be besides, a line; NULL: nothing */
};

extern const struct import_rule import_rules[];		/* ends with a NULL key */

/* Prints the translation of a file. False: it can't be read, or is no JSON object. */
bool import_print(const char *path, FILE *to, struct error *err);
