#include "camctl/check_lines.h"

#include "camctl/seen.h"
#include "camctl/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_request(const char *line, size_t bytes, struct seen *seen)
{
	struct wire_request request;
	struct error err;
	bool named;

	wire_parse_request(line, bytes, &request, &err);
	named = request.command_name;
	if (request.command)
		seen_command(seen, request.command);
	wire_clear_request(&request);
	return named;
}

static bool check_line(const char *line, size_t bytes, struct seen *seen, struct error *err)
{
	struct wire_message message;
	bool ok;

	if (is_request(line, bytes, seen))
		return true;
	ok = wire_parse_message(line, bytes, &message, err);
	if (ok)
		seen_message(seen, message.message);
	wire_clear_message(&message);
	return ok;
}

static int check_file(FILE *file, struct seen *seen)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t bytes;
	long number = 0;
	int status = SESSION_OK;

	while ((bytes = getline(&line, &room, file)) > 0) {
		struct error err;

		number++;
		if (line[bytes - 1] == '\n')
			line[--bytes] = '\0';
		if (!bytes || check_line(line, bytes, seen, &err))
			continue;
		fprintf(stderr, "camctl: line %ld: %s\n  %s\n", number, err.text, line);
		status = SESSION_PROBLEM;
	}
	free(line);
	return status;
}

int check_lines(const char *path)
{
	FILE *file = path && strcmp(path, "-") ? fopen(path, "re") : stdin;
	struct seen seen;
	int status;

	if (!file) {
		fprintf(stderr, "camctl: cannot read %s: %s\n", path, strerror(errno));
		return SESSION_USAGE;
	}
	seen_open(&seen);
	status = check_file(file, &seen);
	seen_close(&seen);
	if (file != stdin)
		fclose(file);
	return status;
}
