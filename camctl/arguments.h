/*
 * Arguments of a command, and options, out of words: `--camera-id 0,1`, `--no-enabled`, `camera_id=0`, `FILE`, by the same
 * tables that the wire uses. Pure functions; any thread.
 */
#pragma once

#include "common/field.h"

struct arguments {
	const struct field *table;	/* may be NULL: nothing is taken */
	void *base;
	bool *given;			/* one an entry of the table */
};

enum arguments_result {
	ARGUMENTS_TAKEN,
	ARGUMENTS_UNKNOWN,	/* not a flag of this table */
	ARGUMENTS_BAD,		/* err says why */
};

/* Makes a struct of that many bytes with its defaults. */
void arguments_init(struct arguments *arguments, const struct field *table, size_t bytes);
void arguments_finish(struct arguments *arguments);

/* Whether a word is a flag: it begins with '-' and more. */
bool arguments_is_flag(const char *word);

/*
 * Takes the flag words[*at] if the table has it, and steps *at over a value behind it; a bool needs none, but may have "true" or "false".
 * words ends with NULL.
 */
enum arguments_result arguments_take_flag(struct arguments *arguments, const char *const *words, size_t *at, struct error *err);

/*
 * Takes a word without a flag: NAME=VALUE if the table has NAME, else the value of the table's first required member, or of
 * its first list. Into a FIELD_JSON member NAME=VALUE puts a member of that name.
 */
bool arguments_take_word(struct arguments *arguments, const char *word, struct error *err);

/* Whether all that is required was given. */
bool arguments_check(const struct arguments *arguments, struct error *err);
