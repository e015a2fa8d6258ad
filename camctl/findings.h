/*
 * What an examination finds, row by row under headings: printed for people as it comes, and kept in a Markdown file that is
 * written anew, whole, with each row, so that what was found is on the disk when the machine hangs. One thread.
 */
#pragma once

#include "common/error.h"

#include <stddef.h>
#include <stdio.h>

enum verdict {
	VERDICT_OK,
	VERDICT_NOTE,		/* worth knowing, no reason to act */
	VERDICT_PROBLEM,
	N_VERDICTS,
};

struct findings;

/* Rows are printed to the file given, which stays the caller's. */
struct findings *findings_create(FILE *echo);
void findings_destroy(struct findings *report);

/* Keeps it in a file from now on, under that title; an older one of that name is replaced. */
bool findings_open(struct findings *report, const char *path, const char *title, struct error *err);

void findings_section(struct findings *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What was looked at, what came of it, and, if there is something to say, what it should be or what to do. */
void findings_row(struct findings *report, enum verdict verdict, const char *what, const char *advice, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* A line of Markdown for the file alone, behind the section's rows. */
void findings_line(struct findings *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* How it stands, in a line near the file's head: "complete", "interrupted". */
void findings_state(struct findings *report, const char *state);

/* How many rows have that verdict. */
size_t findings_count(const struct findings *report, enum verdict verdict);

/* Why the file could not be kept up to date. False: it is. */
bool findings_error(const struct findings *report, struct error *err);
