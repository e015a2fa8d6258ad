/* Holds what somebody wants to set against what a camera says that can be set. Pure functions; any thread. */
#pragma once

#include "camd/source/source.h"

/* By a name of which letters and digits count; NULL: there is none. */
const struct source_control *controls_find(const struct source_control *controls, size_t n, const char *name);

/*
 * An object of names and values (numbers, booleans, names of choices, arrays of numbers) as settings, in an allocated array
 * that the caller frees. False: ERR_BAD_ARGUMENT names the control, what is wrong, and what would be right.
 */
bool controls_parse(const struct source_control *controls, size_t n_controls, const struct cJSON *object,
		    struct control_setting **settings, size_t *n, struct error *err);
