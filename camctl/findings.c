#include "camctl/findings.h"

#include "camctl/human.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WHAT_COLUMNS 22
#define VERDICT_COLUMNS 8

struct row {
	enum verdict verdict;
	char *what, *measured, *advice;	/* advice: NULL if there is none */
};

struct section {
	char *title;
	struct row *rows;
	size_t n_rows;
	char **lines;
	size_t n_lines;
};

struct findings {
	FILE *echo;
	char *path, *part, *title, *state;	/* part: what is renamed to path when it is whole */
	struct section *sections;
	size_t n_sections;
	size_t counts[N_VERDICTS];
	struct error error;
};

static const char *const verdict_names[] = { [VERDICT_OK] = "OK", [VERDICT_NOTE] = "NOTE", [VERDICT_PROBLEM] = "PROBLEM" };

struct findings *findings_create(FILE *echo)
{
	struct findings *report = xcalloc(1, sizeof(*report));

	report->echo = echo;
	report->state = xstrdup("not ended yet");
	return report;
}

static void clear_section(struct section *section)
{
	for (size_t i = 0; i < section->n_rows; i++) {
		free(section->rows[i].what);
		free(section->rows[i].measured);
		free(section->rows[i].advice);
	}
	for (size_t i = 0; i < section->n_lines; i++)
		free(section->lines[i]);
	free(section->rows);
	free(section->lines);
	free(section->title);
}

void findings_destroy(struct findings *report)
{
	if (!report)
		return;
	for (size_t i = 0; i < report->n_sections; i++)
		clear_section(&report->sections[i]);
	free(report->sections);
	free(report->path);
	free(report->part);
	free(report->title);
	free(report->state);
	free(report);
}

/* ---- the file ---- */

/* A cell of a table: one line, and no bar that would end it. */
static void print_cell(const char *text, FILE *to)
{
	fputs(" ", to);
	for (; text && *text; text++) {
		if (*text == '|')
			fputc('\\', to);
		fputc(*text == '\n' ? ' ' : *text, to);
	}
	fputs(" |", to);
}

static void print_table_row(const char *section, const struct row *row, FILE *to)
{
	fputc('|', to);
	print_cell(verdict_names[row->verdict], to);
	if (section)
		print_cell(section, to);
	print_cell(row->what, to);
	print_cell(row->measured, to);
	print_cell(row->advice, to);
	fputc('\n', to);
}

static void print_section(const struct section *section, FILE *to)
{
	fprintf(to, "\n## %s\n", section->title);
	if (section->n_rows)
		fputs("\n| | what | measured | look for |\n|---|---|---|---|\n", to);
	for (size_t i = 0; i < section->n_rows; i++)
		print_table_row(NULL, &section->rows[i], to);
	if (section->n_lines)
		fputc('\n', to);
	for (size_t i = 0; i < section->n_lines; i++)
		fprintf(to, "%s\n", section->lines[i]);
}

/* What a reader wants to know first. */
static void print_summary(const struct findings *report, FILE *to)
{
	fprintf(to, "# %s\n\nPROBLEM: %zu, NOTE: %zu, OK: %zu; %s.\n", report->title, report->counts[VERDICT_PROBLEM],
		report->counts[VERDICT_NOTE], report->counts[VERDICT_OK], report->state);
	if (!report->counts[VERDICT_PROBLEM] && !report->counts[VERDICT_NOTE])
		return;
	fputs("\n| | where | what | measured | look for |\n|---|---|---|---|---|\n", to);
	for (enum verdict verdict = VERDICT_PROBLEM; verdict > VERDICT_OK; verdict--)
		for (size_t i = 0; i < report->n_sections; i++)
			for (size_t j = 0; j < report->sections[i].n_rows; j++)
				if (report->sections[i].rows[j].verdict == verdict)
					print_table_row(report->sections[i].title, &report->sections[i].rows[j], to);
}

static bool write_file(const struct findings *report, struct error *err)
{
	FILE *to = fopen(report->part, "we");
	bool ok;

	if (!to)
		return error_set_errno(err, errno, "report %s", report->path);
	print_summary(report, to);
	for (size_t i = 0; i < report->n_sections; i++)
		print_section(&report->sections[i], to);
	ok = !fflush(to) && !fsync(fileno(to));
	if (fclose(to) || !ok || rename(report->part, report->path)) {
		error_set_errno(err, errno, "report %s", report->path);
		unlink(report->part);
		return false;
	}
	return true;
}

static void save(struct findings *report)
{
	struct error err = { 0 };

	if (!report->path)
		return;
	write_file(report, &err);
	report->error = err;
}

bool findings_open(struct findings *report, const char *path, const char *title, struct error *err)
{
	report->path = xstrdup(path);
	report->part = xasprintf("%s.part", path);
	report->title = xstrdup(title);
	return write_file(report, err);
}

bool findings_error(const struct findings *report, struct error *err)
{
	*err = report->error;
	return err->code != ERR_NONE;
}

/* ---- what is found ---- */

void findings_section(struct findings *report, const char *format, ...)
{
	struct section section = { 0 };
	va_list args;

	va_start(args, format);
	if (vasprintf(&section.title, format, args) < 0)
		abort();
	va_end(args);
	human_clean(section.title);
	report->sections = xrealloc(report->sections, report->n_sections + 1, sizeof(section));
	report->sections[report->n_sections++] = section;
	fprintf(report->echo, "%s%s\n", report->n_sections > 1 ? "\n" : "", section.title);
	fflush(report->echo);
}

static void echo_row(const struct findings *report, const struct row *row)
{
	fprintf(report->echo, "%-*s %-*s %s\n", VERDICT_COLUMNS, verdict_names[row->verdict], WHAT_COLUMNS, row->what,
		row->measured);
	if (row->advice && row->verdict != VERDICT_OK)
		fprintf(report->echo, "%*s-> %s\n", VERDICT_COLUMNS + WHAT_COLUMNS + 2, "", row->advice);
	fflush(report->echo);
}

void findings_row(struct findings *report, enum verdict verdict, const char *what, const char *advice, const char *format, ...)
{
	struct section *section = &report->sections[report->n_sections - 1];
	struct row row = { .verdict = verdict, .what = xstrdup(what), .advice = advice ? xstrdup(advice) : NULL };
	va_list args;

	va_start(args, format);
	if (vasprintf(&row.measured, format, args) < 0)
		abort();
	va_end(args);
	human_clean(row.what);
	human_clean(row.measured);
	section->rows = xrealloc(section->rows, section->n_rows + 1, sizeof(row));
	section->rows[section->n_rows++] = row;
	report->counts[verdict]++;
	echo_row(report, &row);
	save(report);
}

void findings_line(struct findings *report, const char *format, ...)
{
	struct section *section = &report->sections[report->n_sections - 1];
	char *text;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	section->lines = xrealloc(section->lines, section->n_lines + 1, sizeof(*section->lines));
	section->lines[section->n_lines++] = human_clean(text);
}

void findings_state(struct findings *report, const char *state)
{
	free(report->state);
	report->state = xstrdup(state);
	save(report);
}

size_t findings_count(const struct findings *report, enum verdict verdict)
{
	return report->counts[verdict];
}
