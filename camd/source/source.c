#include "camd/source/source.h"

#include <stdlib.h>
#include <string.h>

const struct source_impl *const source_impls[] = { &source_libcamera, &source_v4l2, &source_synthetic, &source_file, NULL };

const struct source_impl *source_find(const char *spec, const char **what, struct error *err)
{
	size_t length = strcspn(spec, ":?");

	/* "synthetic?pixels=nv12" is as good as "synthetic:?pixels=nv12" */
	*what = spec + length + (spec[length] == ':');
	for (const struct source_impl *const *impl = source_impls; *impl; impl++)
		if (strlen((*impl)->kind) == length && !strncmp((*impl)->kind, spec, length))
			return *impl;
	error_set_argument(err, "camera", "camera '%s': unknown kind; there are synthetic, libcamera:ID, v4l2:DEVICE and file:PATH", spec);
	return NULL;
}

void source_free_controls(struct source *source)
{
	for (size_t i = 0; i < source->n_controls; i++)
		fields_free_texts(&source->controls[i].choices);
	free(source->controls);
	source->controls = NULL;
	source->n_controls = 0;
}
