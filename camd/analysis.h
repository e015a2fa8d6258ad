/*
 * Looks at a camera's pictures for its analysers, some a second, in a thread of its own: the newest picture wins, and nobody waits for it.
 *
 * analysis_see() is for the source's thread, the rest for the main thread.
 */
#pragma once

#include "camd/analyze/analyzer.h"
#include "camd/mailbox.h"

struct analysis;

/* In the main thread. */
typedef void (*analysis_fn)(void *user, enum analyzer_kind kind, const struct analyzer_news *finding);

struct analysis *analysis_create(struct mailbox *mailbox, analysis_fn fn, void *user);

/* Its thread ends; letters that it posted are in the mailbox yet, and fn is called by them. NULL is allowed. */
void analysis_destroy(struct analysis *analysis);

/* From the next picture on. What is not wanted any more ends. */
void analysis_configure(struct analysis *analysis, const struct analyzer_settings *settings);
bool analysis_is_wanted(const struct analysis *analysis);

/* Copies what it needs of the frame, if one is due. */
void analysis_see(struct analysis *analysis, const struct frame *frame);

/* Whether that goes on; and what the analyser made of the last picture. */
bool analysis_state(struct analysis *analysis, enum analyzer_kind kind, double *score);
