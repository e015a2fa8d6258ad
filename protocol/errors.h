/* The wire's names of error codes, and what each means. Any thread. */
#pragma once

#include "common/error.h"

struct error_description {
	const char *name;
	const char *meaning;
};

/* By enum error_code; [ERR_NONE] is empty. */
extern const struct error_description error_descriptions[N_ERROR_CODES];

const char *error_code_name(enum error_code code);
