#include "camd/hook_line.h"

#include "common/util.h"
#include "protocol/messages.h"

#include <stdlib.h>
#include <string.h>

#define BLANKS " \t"

/* The names before the colon; *at is stepped behind it. 0: one of them is none. */
static uint64_t read_events(const char **at)
{
	char name[64];
	uint64_t events = 0, meant;
	size_t n;

	do {
		*at += strspn(*at, BLANKS);
		n = strcspn(*at, BLANKS ",:");
		if (!n || n >= sizeof(name))
			return 0;
		memcpy(name, *at, n);
		name[n] = '\0';
		meant = message_events(name);
		events |= meant;
		*at += n + strspn(*at + n, BLANKS);
	} while (meant && *(*at)++ == ',');
	return meant && (*at)[-1] == ':' ? events : 0;
}

/* One character of a word, by *quote; false: it ends nothing and means nothing, as a quote that opens or closes. */
static bool take_character(const char **at, char *quote, char *character)
{
	char c = *(*at)++;

	if (*quote ? c == *quote : c == '"' || c == '\'') {
		*quote = *quote ? '\0' : c;
		return false;
	}
	if (c == '\\' && *quote != '\'' && **at)
		c = *(*at)++;
	*character = c;
	return true;
}

/* The next word, allocated, and *at behind it. NULL: its quote is not closed. */
static char *read_word(const char **at)
{
	char *word = xcalloc(strlen(*at) + 1, 1), quote = '\0';
	size_t n = 0;

	while (**at && (quote || !strchr(BLANKS, **at)))
		n += take_character(at, &quote, &word[n]);
	word[n] = '\0';
	if (!quote)
		return word;
	free(word);
	return NULL;
}

static const char *read_words(const char *at, struct hook_line *line)
{
	size_t n = 0;

	line->argv = xcalloc(strlen(at) / 2 + 2, sizeof(*line->argv));
	for (at += strspn(at, BLANKS); *at; at += strspn(at, BLANKS))
		if (!(line->argv[n++] = read_word(&at)))
			return "complete: a quote is not closed";
	return n && line->argv[0][0] ? NULL : "complete: a program must follow the colon, as in `trigger_saved: /usr/local/bin/notify --short`";
}

const char *hook_line_read(const char *text, struct hook_line *line)
{
	struct hook_line read = { 0 };
	const char *wanted = NULL;

	read.events = read_events(&text);
	if (!read.events)
		return "EVENTS: PROGRAM ARGUMENTS, with the names of events (see `camctl describe`), commas between them, or * for all, "
		       "as in `recording_stopped,warning: /usr/local/bin/notify --short`";
	wanted = read_words(text, &read);
	if (line && !wanted)
		*line = read;
	else
		hook_line_clear(&read);
	return wanted;
}

void hook_line_clear(struct hook_line *line)
{
	for (size_t i = 0; line->argv && line->argv[i]; i++)
		free(line->argv[i]);
	free(line->argv);
	*line = (struct hook_line){ 0 };
}
