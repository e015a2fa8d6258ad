/* One statement of a script, and what the statements share. One thread. */
#pragma once

#include "camctl/script.h"

/* Runs one line. False: the script has failed. */
bool step_run(struct script *script, const char *line);

/* What every script ends with: each camd that still runs gets the end of its input and must exit 0; nothing may be left unread. */
bool step_run_ending(struct script *script);

struct step {
	struct script *script;
	struct peer *peer;	/* the camd it is about */
	const char *rest;	/* what stands behind the statement's word */
};

/* These note the failure and return false. */
bool step_fail(struct step *step, const struct error *err);
bool step_need_camd(struct step *step);
bool step_split(struct step *step, struct list *words);
bool step_read_time(struct step *step, const char *text, int64_t *ns);

/* Takes "within TIME" off the end of the words; the usual limit if it isn't there. */
bool step_take_limit(struct step *step, struct list *words, int64_t *ns);

const char *step_word(const struct list *words, size_t index);	/* NULL: there are fewer */
const char *step_describe_end(struct spawn_end end, char text[64]);
