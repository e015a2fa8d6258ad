#include "camctl/match.h"

#include "common/util.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum operator { OP_EQUAL, OP_UNEQUAL, OP_LESS, OP_AT_MOST, OP_MORE, OP_AT_LEAST, OP_LIKE, OP_UNLIKE, OP_ABSENT, OP_PRESENT };

/* Longer ones before their beginnings. */
static const struct {
	const char *text;
	enum operator operator;
} operators[] = {
	{ "!=", OP_UNEQUAL }, { "!~", OP_UNLIKE }, { "<=", OP_AT_MOST }, { ">=", OP_AT_LEAST }, { "=", OP_EQUAL }, { "<", OP_LESS },
	{ ">", OP_MORE }, { "~", OP_LIKE }, { "?", OP_ABSENT },
};

static bool as_number(const char *text, double *number)
{
	char *end;

	*number = strtod(text, &end);
	return end != text && !*end;
}

bool match_pattern(const char *text, const char *pattern, bool *matches, struct error *err)
{
	regex_t regex;
	char why[128];
	int number = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE);

	if (number) {
		regerror(number, &regex, why, sizeof(why));
		return error_set(err, ERR_BAD_ARGUMENT, "the regular expression '%s': %s", pattern, why);
	}
	*matches = !regexec(&regex, text, 0, NULL, 0);
	regfree(&regex);
	return true;
}

static bool holds(double a, enum operator operator, double b)
{
	switch (operator) {
	case OP_LESS:
		return a < b;
	case OP_AT_MOST:
		return a <= b;
	case OP_MORE:
		return a > b;
	default:
		return a >= b;
	}
}

static bool compare(const char *is, enum operator operator, const char *wanted, bool *result, struct error *err)
{
	double a, b;
	bool numbers = as_number(is, &a) && as_number(wanted, &b);

	switch (operator) {
	case OP_EQUAL:
	case OP_UNEQUAL:
		*result = (numbers ? a == b : !strcmp(is, wanted)) == (operator == OP_EQUAL);
		return true;
	case OP_LIKE:
	case OP_UNLIKE:
		if (!match_pattern(is, wanted, result, err))
			return false;
		*result = *result == (operator == OP_LIKE);
		return true;
	default:
		if (!numbers)
			return error_set(err, ERR_BAD_ARGUMENT, "'%.100s' and '%.100s' are not both numbers", is, wanted);
		*result = holds(a, operator, b);
		return true;
	}
}

bool match_condition(const struct wire_message *message, const char *condition, struct error *err)
{
	size_t n = strcspn(condition, "=!<>~?");
	char *path = strndup(condition, n), *is = wire_value_text(message, path);
	enum operator operator = OP_PRESENT;
	const char *wanted = condition + n;
	bool result = false, ok = true;

	for (size_t i = 0; i < ARRAY_LEN(operators) && *wanted; i++) {
		if (strncmp(wanted, operators[i].text, strlen(operators[i].text)))
			continue;
		wanted += strlen(operators[i].text);
		operator = operators[i].operator;
		break;
	}
	if (operator == OP_ABSENT || operator == OP_PRESENT)
		result = (operator == OP_PRESENT) == (is != NULL);
	else if (is)
		ok = compare(is, operator, wanted, &result, err);
	if (ok && !result)
		ok = error_set(err, ERR_INTERNAL, is ? "%s is %.300s" : "%s is absent", path, is);
	free(is);
	free(path);
	return ok;
}
