#include "camd/chatter.h"

#include "common/util.h"

#include <ctype.h>
#include <string.h>

#define ESC '\033'
#define BEL '\a'

static const struct {
	const char *name;
	enum log_level level;
} levels[] = {
	{ "DEBUG ", LOG_DEBUG }, { "INFO ", LOG_INFO }, { "WARN ", LOG_WARNING }, { "ERROR ", LOG_ERROR }, { "FATAL ", LOG_ERROR },
};

/* Behind "[...] ", of which the inside begins with a digit and has none but those letters. NULL: there is no such thing. */
static const char *skip_bracket(const char *text, const char *letters)
{
	size_t n = *text == '[' && isdigit((unsigned char)text[1]) ? strspn(text + 1, letters) : 0;

	if (!n || text[1 + n] != ']')
		return NULL;
	text += n + 2;
	return text + strspn(text, " ");
}

/* What libcamera has to say, its level in *level. NULL: it is not of libcamera. */
static const char *read_libcamera(const char *text, enum log_level *level)
{
	text = skip_bracket(text, "0123456789:.");
	if (text)
		text = skip_bracket(text, "0123456789");
	for (size_t i = 0; text && i < ARRAY_LEN(levels); i++) {
		if (strncmp(text, levels[i].name, strlen(levels[i].name)))
			continue;
		*level = levels[i].level;
		return text + strlen(levels[i].name);
	}
	return NULL;
}

void chatter_flush(struct chatter *chatter, chatter_fn on_line, void *user)
{
	enum log_level level;
	const char *text;

	while (chatter->n && chatter->line[chatter->n - 1] == ' ')
		chatter->n--;
	chatter->line[chatter->n] = '\0';
	chatter->escape = CHATTER_TEXT;
	if (!chatter->n)
		return;
	chatter->n = 0;
	text = read_libcamera(chatter->line, &level);
	if (text)
		on_line(user, level, "libcamera", text);
	else
		on_line(user, LOG_WARNING, "stderr", chatter->line);
}

/* Whether the letter belongs to a sequence for terminals: ESC [ 3 1 m, ESC ] title BEL, ESC ( B. */
static bool is_swallowed(struct chatter *chatter, unsigned char c)
{
	switch (chatter->escape) {
	case CHATTER_TEXT:
		if (c == ESC)
			chatter->escape = CHATTER_ESCAPE;
		return c == ESC;
	case CHATTER_ESCAPE:
		if (c == '[')
			chatter->escape = CHATTER_CONTROL;
		else if (c == ']' || c == 'P')
			chatter->escape = CHATTER_STRING;
		else if (c < ' ' || c >= '0')
			chatter->escape = CHATTER_TEXT;
		return true;
	case CHATTER_CONTROL:
		if (c >= '@')
			chatter->escape = CHATTER_TEXT;
		return true;
	case CHATTER_STRING:
		if (c == BEL)
			chatter->escape = CHATTER_TEXT;
		else if (c == ESC)
			chatter->escape = CHATTER_ESCAPE;
		return true;
	}
	return false;
}

void chatter_feed(struct chatter *chatter, const char *text, size_t n, chatter_fn on_line, void *user)
{
	for (const char *end = text + n; text < end; text++) {
		unsigned char c = (unsigned char)*text;

		/* a line's end ends what is broken, too */
		if (c == '\n' || c == '\r')
			chatter_flush(chatter, on_line, user);
		else if (!is_swallowed(chatter, c))
			chatter->line[chatter->n++] = c < ' ' ? ' ' : (char)c;
		if (chatter->n == CHATTER_BYTES)
			chatter_flush(chatter, on_line, user);
	}
}
