/*
 * Settings from a command line and from a file of `key = value` lines, by one table of fields.
 *
 * A flag is the setting's name with '-' for '_': `--target-fps 25`, `--target-fps=25`; switches take no value: `--console`,
 * `--no-console`. Old spellings stand in a list of aliases, never as a second entry of the table. What is FIELD_PER_CAMERA can
 * be set for one camera alone, in all of these places, as `camera0.NAME`. Main thread.
 */
#pragma once

#include "common/error.h"
#include "common/field.h"

#include <stdio.h>

struct option_alias {
	const char *name;		/* the old key; as a flag with '-' for '_' */
	const char *setting;
	const char *const (*values)[2];	/* pairs {given, meant}, ending with {NULL}; NULL: the value as it is */
	const char *implied;		/* a switch that sets this value; NULL: the alias takes a value */
	enum { OPTION_WHOLE, OPTION_WIDTH, OPTION_HEIGHT } part;	/* of a FIELD_SIZE, whose other half stays */
};

/* What one camera has otherwise than the others. */
struct options_own {
	int64_t camera;
	void *base;		/* all that holds for it */
	bool *given;		/* what is its own of that */
};

#define OPTIONS_MAX_CAMERAS 64

struct options {
	const struct field *table;
	const struct option_alias *aliases;	/* ends with a NULL name */
	void *base;
	bool *given;				/* one an entry of the table: who set it was the user, not the default */
	struct options_own *own;
	size_t n_own;
};

/* Called for what is no reason to stop: an unknown key, a value that can't be. */
typedef void (*options_warn_fn)(void *user, const char *text);

/* given has room for every field of the table. Sets the defaults. */
void options_init(struct options *options, const struct field *table, const struct option_alias *aliases, void *base);
void options_finish(struct options *options);

bool options_is_given(const struct options *options, const char *name);

/*
 * Reads a file. A line that can't be used is warned about with its number and left out: a cosmetic key must not keep a
 * camera from recording. False only if the file can't be read.
 */
bool options_read_file(struct options *options, const char *path, options_warn_fn warn, void *user, struct error *err);

/* Reads the flags. Anything else than a known flag is an error. Lists that the file filled are begun anew. */
bool options_read_arguments(struct options *options, int argc, char **argv, struct error *err);

/* Sets one by its name or alias. */
bool options_set(struct options *options, const char *name, const char *value, struct error *err);

/* What holds for a camera, as struct that the table describes; the common one if it has nothing of its own. */
const void *options_for(const struct options *options, int64_t camera);
bool options_is_given_for(const struct options *options, int64_t camera, const char *name);

/* To be called when the common struct was changed by others than these functions. */
void options_refresh(const struct options *options);

/* ---- between options.c, options_camera.c and options_json.c ---- */

/* Whether a name is of the form camera0.KEY. If not, camera is -1 and key the name; too large numbers are OPTIONS_MAX_CAMERAS. */
bool options_split(const char *name, int64_t *camera, const char **key);

/* Whether a camera can have the setting of its own; name is what was written. */
bool options_check_own(const struct field *field, int64_t camera, const char *name, struct error *err);

/* The settings of one camera, to be set and read as if they were all; borrowed until the next call. */
struct options options_of_camera(struct options *options, int64_t camera);
void options_free_own(struct options *options);

/* Always false: the error that says that there is no such setting, and which there is that is called nearly so. */
bool options_refuse(const struct options *options, const char *name, struct error *err);

/* One line a flag: name, kind of value, default, help. */
void options_print_help(const struct field *table, FILE *to);
void options_print_aliases(const struct option_alias *aliases, FILE *to);

/* The settings named (all if names is absent) as a JSON object; free with options_free_json(). */
bool options_to_json(const struct options *options, const struct list *names, struct cJSON **values, struct error *err);
void options_free_json(struct cJSON *values);

/*
 * Sets from a JSON object: all or, on an error, none. Those without FIELD_LIVE stay as they are, for what was made by them
 * lives on: restart_needed gets their names; free with fields_free_texts(). null makes a FIELD_OPTIONAL one absent.
 */
bool options_from_json(struct options *options, const struct cJSON *values, struct list *restart_needed, struct error *err);
