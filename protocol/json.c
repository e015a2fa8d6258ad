#include "protocol/json.h"

#include "common/utf8.h"

#include <string.h>

struct reader {
	const unsigned char *text;
	size_t bytes, at;
	struct error *err;
};

static bool bad(struct reader *r, const char *what)
{
	return error_set(r->err, ERR_BAD_JSON, "Invalid JSON: %s at byte %zu", what, r->at + 1);
}

static int peek(const struct reader *r)
{
	return r->at < r->bytes ? r->text[r->at] : -1;
}

static void skip_space(struct reader *r)
{
	while (r->at < r->bytes && r->text[r->at] && strchr(" \t\r\n", r->text[r->at]))
		r->at++;
}

static bool check_utf8(const unsigned char *text, size_t bytes, struct error *err)
{
	size_t length;

	for (size_t at = 0; at < bytes; at += length) {
		length = utf8_length(text + at, bytes - at);
		if (!length)
			return error_set(err, ERR_BAD_UTF8, "Invalid UTF-8 at byte %zu", at + 1);
	}
	return true;
}

static int hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The code unit of "XXXX" behind \u; -1 if it isn't one. */
static int read_code_unit(struct reader *r)
{
	int unit = 0;

	for (int i = 0; i < 4; i++, r->at++) {
		int digit = hex_digit(peek(r));

		if (digit < 0)
			return -1;
		unit = unit * 16 + digit;
	}
	return unit;
}

static bool check_unicode_escape(struct reader *r)
{
	int unit = read_code_unit(r);

	if (unit < 0)
		return bad(r, "bad \\u escape");
	if (!unit)
		return bad(r, "\\u0000 is not allowed");
	if (unit >= 0xdc00 && unit <= 0xdfff)
		return bad(r, "lone surrogate");
	if (unit < 0xd800 || unit > 0xdbff)
		return true;
	if (r->at + 2 > r->bytes || r->text[r->at] != '\\' || r->text[r->at + 1] != 'u')
		return bad(r, "lone surrogate");
	r->at += 2;
	unit = read_code_unit(r);
	return unit >= 0xdc00 && unit <= 0xdfff ? true : bad(r, "lone surrogate");
}

static bool check_string(struct reader *r)
{
	if (peek(r) != '"')
		return bad(r, "a string is missing");
	r->at++;
	for (;;) {
		int c = peek(r);

		if (c < 0)
			return bad(r, "unterminated string");
		if (c < 0x20)
			return bad(r, "control character in a string");
		r->at++;
		if (c == '"')
			return true;
		if (c != '\\')
			continue;
		c = peek(r);
		if (c <= 0 || !strchr("\"\\/bfnrtu", c))
			return bad(r, "bad escape");
		r->at++;
		if (c == 'u' && !check_unicode_escape(r))
			return false;
	}
}

static size_t skip_digits(struct reader *r)
{
	size_t n = 0;

	for (; peek(r) >= '0' && peek(r) <= '9'; n++)
		r->at++;
	return n;
}

static bool check_number(struct reader *r)
{
	if (peek(r) == '-')
		r->at++;
	if (peek(r) == '0')
		r->at++;
	else if (!skip_digits(r))
		return bad(r, "a value is missing");
	if (peek(r) == '.') {
		r->at++;
		if (!skip_digits(r))
			return bad(r, "bad number");
	}
	if (peek(r) == 'e' || peek(r) == 'E') {
		r->at++;
		if (peek(r) == '+' || peek(r) == '-')
			r->at++;
		if (!skip_digits(r))
			return bad(r, "bad number");
	}
	return true;
}

static bool check_word(struct reader *r, const char *word)
{
	size_t n = strlen(word);

	if (r->at + n > r->bytes || memcmp(r->text + r->at, word, n))
		return bad(r, "a value is missing");
	r->at += n;
	return true;
}

static bool check_scalar(struct reader *r)
{
	switch (peek(r)) {
	case '"':
		return check_string(r);
	case 't':
		return check_word(r, "true");
	case 'f':
		return check_word(r, "false");
	case 'n':
		return check_word(r, "null");
	default:
		return check_number(r);
	}
}

static bool check_name(struct reader *r)
{
	skip_space(r);
	if (!check_string(r))
		return false;
	skip_space(r);
	if (peek(r) != ':')
		return bad(r, "':' is missing");
	r->at++;
	return true;
}

/* Steps over what may stand behind a value: closing brackets, then a comma or the end. True: another value follows. */
static bool close_and_go_on(struct reader *r, char *open, int *depth, bool *ok)
{
	for (;;) {
		skip_space(r);
		if (!*depth)
			return false;
		if (peek(r) == ',') {
			r->at++;
			*ok = open[*depth - 1] == '{' ? check_name(r) : true;
			return *ok;
		}
		if (peek(r) != (open[*depth - 1] == '{' ? '}' : ']')) {
			*ok = bad(r, "',' or a closing bracket is missing");
			return false;
		}
		r->at++;
		(*depth)--;
	}
}

/* Enters brackets until a scalar or an empty pair was read. */
static bool check_opening(struct reader *r, char *open, int *depth)
{
	for (;;) {
		int c;

		skip_space(r);
		c = peek(r);
		if (c != '{' && c != '[')
			return check_scalar(r);
		if (*depth == JSON_MAX_DEPTH)
			return error_set(r->err, ERR_TOO_DEEP, "Nested more than %d deep", JSON_MAX_DEPTH);
		open[(*depth)++] = c;
		r->at++;
		skip_space(r);
		if (peek(r) == (c == '{' ? '}' : ']'))
			return true;	/* close_and_go_on() takes it */
		if (c == '{' && !check_name(r))
			return false;
	}
}

bool json_check(const char *text, size_t bytes, struct error *err)
{
	struct reader r = { .text = (const unsigned char *)text, .bytes = bytes, .err = err };
	char open[JSON_MAX_DEPTH];
	int depth = 0;
	bool ok = true;

	if (memchr(text, 0, bytes))
		return error_set(err, ERR_BAD_JSON, "Invalid JSON: NUL byte");
	if (!check_utf8(r.text, bytes, err))
		return false;
	skip_space(&r);
	if (peek(&r) != '{')
		return bad(&r, "a line must be an object");
	do {
		if (!check_opening(&r, open, &depth))
			return false;
	} while (close_and_go_on(&r, open, &depth, &ok));
	if (!ok)
		return false;
	return r.at == r.bytes ? true : bad(&r, "something stands behind the object");
}
