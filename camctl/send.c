#include "camctl/send.h"

#include "camctl/arguments.h"
#include "camctl/words.h"
#include "common/util.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RAW_BYTES ((size_t)16 << 20)

static void note_sent(struct step *step, const char *line, size_t bytes)
{
	struct wire_request request;
	struct error err;

	wire_parse_request(line, bytes, &request, &err);
	if (request.command)
		seen_command(&step->script->seen, request.command);
	wire_clear_request(&request);
}

static bool line_as_it_is(struct step *step, const char *text)
{
	struct error err;
	char *line = words_expand(text, &err), *whole;

	if (!line)
		return step_fail(step, &err);
	note_sent(step, line, strlen(line));
	whole = xasprintf("%s\n", line);
	spawn_write(step->peer->spawn, whole, strlen(whole));
	free(whole);
	free(line);
	return true;
}

/* \n \r \t \0 \\ \" \xHH; returns how many bytes of text were used, and puts one byte to *to. */
static size_t unescape(const char *text, char *to)
{
	static const char letters[] = "nrt0\\\"", meanings[] = "\n\r\t\0\\\"";
	const char *known = text[0] == '\\' && text[1] ? strchr(letters, text[1]) : NULL;
	unsigned byte;
	int used = 0;

	if (known) {
		*to = meanings[known - letters];
		return 2;
	}
	if (text[0] == '\\' && text[1] == 'x' && sscanf(text + 2, "%2x%n", &byte, &used) == 1 && used == 2) {
		*to = (char)byte;
		return 4;
	}
	*to = text[0];
	return 1;
}

/* ">> BYTES" or ">>*1000 BYTES" */
static bool raw_bytes(struct step *step, const char *text)
{
	char *end = (char *)text, *bytes = xcalloc(1, strlen(text) + 1);
	unsigned long times = *text == '*' ? strtoul(text + 1, &end, 10) : 1;
	size_t n = 0;

	text = end + (*end == ' ');
	while (*text)
		text += unescape(text, &bytes[n++]);
	if (times * n > MAX_RAW_BYTES) {
		free(bytes);
		return script_fail(step->script, "that is more than %zu bytes", MAX_RAW_BYTES);
	}
	bytes = xrealloc(bytes, MAX(times * n, 1), 1);
	for (size_t i = 1; i < times; i++)
		memcpy(bytes + i * n, bytes, n);
	spawn_write(step->peer->spawn, bytes, times * n);
	free(bytes);
	return true;
}

/* The words of ">COMMAND argument=value id=7" into a request. */
static bool fill_request(struct step *step, const struct list *words, struct arguments *arguments, int64_t *id)
{
	struct error err;

	for (size_t i = 1; i < words->n; i++) {
		const char *text = step_word(words, i);

		if (!strncmp(text, "id=", 3) && !field_find(arguments->table, "id"))
			*id = strtoll(text + 3, NULL, 10);
		else if (!arguments_take_word(arguments, text, &err))
			return step_fail(step, &err);
	}
	return arguments_check(arguments, &err) ? true : step_fail(step, &err);
}

static bool short_form(struct step *step)
{
	struct list words = { 0 };
	const struct command *command;
	struct arguments arguments;
	int64_t id = -1;
	bool ok = step_split(step, &words);

	command = ok ? command_find(step_word(&words, 0)) : NULL;
	if (ok && !command)
		ok = script_fail(step->script, "no command '%s' (a line as it is begins with '> ')", step_word(&words, 0));
	if (command) {
		arguments_init(&arguments, command->arguments, command->arguments_bytes);
		ok = fill_request(step, &words, &arguments, &id);
		if (ok) {
			char *line = wire_print_request(command, arguments.base, id);

			seen_command(&step->script->seen, command);
			spawn_write(step->peer->spawn, line, strlen(line));
			free(line);
		}
		arguments_finish(&arguments);
	}
	fields_free_texts(&words);
	return ok;
}

bool send_statement(struct step *step)
{
	const char *text = step->rest;

	if (!step_need_camd(step))
		return false;
	if (text[0] == '>')
		return raw_bytes(step, text + 1 + (text[1] == ' '));
	if (isalpha((unsigned char)text[0]))
		return short_form(step);
	return line_as_it_is(step, text + (text[0] == ' '));
}
