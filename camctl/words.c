#include "camctl/words.h"

#include "common/util.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct builder {
	char *text;
	size_t n, room;
};

static void add(struct builder *builder, const char *bytes, size_t n)
{
	if (builder->n + n + 1 > builder->room) {
		builder->room = (builder->n + n + 1) * 2;
		builder->text = xrealloc(builder->text, builder->room, 1);
	}
	memcpy(builder->text + builder->n, bytes, n);
	builder->n += n;
	builder->text[builder->n] = '\0';
}

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* *at stands on the '$' and is put behind what it belongs to. */
static bool add_variable(struct builder *builder, const char **at, struct error *err)
{
	const char *start = *at + 1, *value;
	bool braces = *start == '{';
	char name[128];
	size_t n = 0;

	start += braces;
	while (is_name(start[n]))
		n++;
	if (!n || isdigit((unsigned char)*start) || (braces && start[n] != '}')) {
		*at += *start == '$' ? 2 : 1;
		add(builder, "$", 1);
		return true;
	}
	snprintf(name, sizeof(name), "%.*s", (int)n, start);
	value = getenv(name);
	if (!value)
		return error_set(err, ERR_BAD_ARGUMENT, "the variable %s is not set", name);
	add(builder, value, strlen(value));
	*at = start + n + braces;
	return true;
}

char *words_expand(const char *text, struct error *err)
{
	struct builder builder = { 0 };

	add(&builder, "", 0);
	while (*text) {
		size_t n = strcspn(text, "$");

		add(&builder, text, n);
		text += n;
		if (*text && !add_variable(&builder, &text, err)) {
			free(builder.text);
			return NULL;
		}
	}
	return builder.text;
}

/* One quoted piece; *at stands behind the opening quote and is put behind the closing one. */
static bool add_quoted(struct builder *builder, const char **at, char quote, struct error *err)
{
	for (;;) {
		char c = **at;

		if (!c)
			return error_set(err, ERR_BAD_ARGUMENT, "a closing %c is missing", quote);
		if (c == quote) {
			++*at;
			return true;
		}
		if (c == '$' && quote == '"') {
			if (!add_variable(builder, at, err))
				return false;
			continue;
		}
		if (c == '\\' && quote == '"' && ((*at)[1] == '"' || (*at)[1] == '\\'))
			++*at;
		add(builder, *at, 1);
		++*at;
	}
}

static bool add_word(struct builder *builder, const char **at, struct error *err)
{
	add(builder, "", 0);
	while (**at && !isspace((unsigned char)**at)) {
		char c = **at;

		if (c == '"' || c == '\'') {
			++*at;
			if (!add_quoted(builder, at, c, err))
				return false;
		} else if (c == '$') {
			if (!add_variable(builder, at, err))
				return false;
		} else {
			add(builder, *at, 1);
			++*at;
		}
	}
	return true;
}

bool words_split(const char *text, struct list *words, struct error *err)
{
	for (;;) {
		struct builder builder = { 0 };
		bool ok;

		text += strspn(text, " \t");
		if (!*text)
			return true;
		ok = add_word(&builder, &text, err);
		if (ok)
			fields_add_text(words, builder.text);
		free(builder.text);
		if (!ok)
			return false;
	}
}
