/* The part of common/options.h that is about one camera: `camera0.bitrate = 4M`. */
#include "common/options.h"

#include "common/util.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "camera"

bool options_split(const char *name, int64_t *camera, const char **key)
{
	const char *at = name + strlen(PREFIX);

	*camera = -1;
	*key = name;
	if (strncmp(name, PREFIX, strlen(PREFIX)) || !isdigit((unsigned char)*at))
		return false;
	*camera = 0;
	for (; isdigit((unsigned char)*at); at++)
		*camera = MIN(*camera * 10 + (*at - '0'), OPTIONS_MAX_CAMERAS);
	if (*at != '.') {
		*camera = -1;
		return false;
	}
	*key = at + 1;
	return true;
}

static const struct options_own *find_own(const struct options *options, int64_t camera)
{
	for (size_t i = 0; i < options->n_own; i++)
		if (options->own[i].camera == camera)
			return &options->own[i];
	return NULL;
}

/* All that the camera has not of its own is as for the others. */
static void refresh(const struct options *options, const struct options_own *own)
{
	for (const struct field *f = options->table; f->name; f++)
		if (!own->given[f - options->table])
			field_copy(f, own->base, options->base);
}

static const struct options_own *add_own(struct options *options, int64_t camera)
{
	struct options_own *own;

	options->own = xrealloc(options->own, options->n_own + 1, sizeof(*options->own));
	own = &options->own[options->n_own++];
	*own = (struct options_own){
		.camera = camera, .base = xcalloc(1, fields_bytes(options->table)),
		.given = xcalloc(fields_count(options->table), sizeof(*own->given)),
	};
	fields_defaults(options->table, own->base);
	return own;
}

void options_refresh(const struct options *options)
{
	for (size_t i = 0; i < options->n_own; i++)
		refresh(options, &options->own[i]);
}

void options_free_own(struct options *options)
{
	for (size_t i = 0; i < options->n_own; i++) {
		fields_clear(options->table, options->own[i].base);
		free(options->own[i].base);
		free(options->own[i].given);
	}
	free(options->own);
	options->own = NULL;
	options->n_own = 0;
}

bool options_check_own(const struct field *f, int64_t camera, const char *name, struct error *err)
{
	if (camera >= OPTIONS_MAX_CAMERAS)
		return error_set_argument(err, name, "%.60s: cameras are numbered 0 to %d", name, OPTIONS_MAX_CAMERAS - 1);
	return f->flags & FIELD_PER_CAMERA ||
	       error_set_argument(err, name, "%.60s: %s holds for all cameras; set it without the camera's number", name, f->name);
}

struct options options_of_camera(struct options *options, int64_t camera)
{
	const struct options_own *own = find_own(options, camera);

	if (!own)
		own = add_own(options, camera);
	refresh(options, own);
	return (struct options){ .table = options->table, .aliases = options->aliases, .base = own->base, .given = own->given };
}

const void *options_for(const struct options *options, int64_t camera)
{
	const struct options_own *own = find_own(options, camera);

	return own ? own->base : options->base;
}

bool options_is_given_for(const struct options *options, int64_t camera, const char *name)
{
	const struct options_own *own = find_own(options, camera);
	const struct field *f = field_find(options->table, name);

	return options_is_given(options, name) || (own && f && own->given[f - options->table]);
}
