/*
 * The tables as data (for the `describe` command) and as Markdown (for docs/). Pure functions; any thread.
 */
#pragma once

#include "common/field.h"
#include "protocol/messages.h"

#include <stdio.h>

#define PROTOCOL_VERSION 1

struct described_field {
	char *name, *type;
	struct list choices;		/* of texts */
	double min, max;		/* NAN: no bound */
	char *fallback, *unit, *help;
	bool required, optional, live, per_camera;
	struct list fields;		/* of struct described_field: members of objects and of items */
};

struct described_command {
	char *name, *summary, *reply;
	bool may_take_time;
	struct list arguments;		/* of struct described_field */
};

struct described_message {
	char *name, *kind, *summary;
	struct list data;		/* of struct described_field */
};

struct described_error {
	char *code, *meaning;
};

extern const struct field described_field_fields[], described_command_fields[], described_message_fields[], described_error_fields[];

/* All tables; texts are borrowed from them. settings: camd's own table. Free with describe_free(). */
void describe_all(const struct field *settings, struct description *description);
void describe_free(struct description *description);

/* docs/protocol.md and docs/config.md. */
void describe_protocol_markdown(FILE *to);
/* A file of settings in which all stand as comments, with what they mean and their defaults. */
void describe_settings_sample(const struct field *settings, FILE *to);
void describe_settings_markdown(const struct field *settings, FILE *to);
