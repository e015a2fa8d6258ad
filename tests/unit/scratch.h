/*
 * A directory for one test's files: in memory where there is such a file system, for tests that write a file thousands
 * of times.
 */
#pragma once

/* Makes it; aborts if that fails. The caller frees by scratch_remove(). */
char *scratch_create(void);
void scratch_remove(char *directory);	/* with all that is in it */

/* DIRECTORY/NAME in a buffer that many later calls don't use again. */
const char *scratch_path(const char *directory, const char *name);
