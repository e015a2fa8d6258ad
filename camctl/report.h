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

struct report;

/* Rows are printed to the file given, which stays the caller's. */
struct report *report_create(FILE *echo);
void report_destroy(struct report *report);

/* Keeps it in a file from now on, under that title; an older one of that name is replaced. */
bool report_open(struct report *report, const char *path, const char *title, struct error *err);

void report_section(struct report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What was looked at, what came of it, and, if there is something to say, what it should be or what to do. */
void report_row(struct report *report, enum verdict verdict, const char *what, const char *advice, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* A line of Markdown for the file alone, behind the section's rows. */
void report_line(struct report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* How it stands, in a line near the file's head: "complete", "interrupted". */
void report_state(struct report *report, const char *state);

/* How many rows have that verdict. */
size_t report_count(const struct report *report, enum verdict verdict);

/* Why the file could not be kept up to date. False: it is. */
bool report_error(const struct report *report, struct error *err);
