/* What must hold for every row of the three tables, so that a new row is tested by being there. */
#include "camd/config.h"
#include "camd/handlers/handlers.h"
#include "common/util.h"
#include "protocol/commands.h"
#include "protocol/describe.h"
#include "protocol/errors.h"
#include "protocol/messages.h"
#include "protocol/wire.h"

#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#define ROOM 65536

static bool is_snake_case(const char *name)
{
	if (!islower((unsigned char)name[0]))
		return false;
	for (; *name; name++)
		if (!islower((unsigned char)*name) && !isdigit((unsigned char)*name) && *name != '_')
			return false;
	return true;
}

static bool is_sentence(const char *text)
{
	size_t n = strlen(text);

	return n > 5 && (isupper((unsigned char)text[0]) || islower((unsigned char)text[0]) || isdigit((unsigned char)text[0])) &&
	       text[n - 1] == '.';
}

static bool is_number(const struct field *f)
{
	return f->type == FIELD_INT || f->type == FIELD_REAL || f->type == FIELD_DURATION || f->type == FIELD_AMOUNT;
}

static void check_field(const struct field *table, const struct field *f)
{
	assert_true(is_snake_case(f->name));
	assert_non_null(f->help);
	if (!is_sentence(f->help))
		fail_msg("%s: '%s' is not a sentence", f->name, f->help);
	assert_ptr_equal(field_find(table, f->name), f);	/* no twin before it */
	if (f->type == FIELD_ENUM)
		assert_non_null(f->choices);
	if (f->type == FIELD_DURATION)
		assert_non_null(f->unit);
	if (f->type == FIELD_OBJECT || (f->type == FIELD_LIST && f->of == FIELD_OBJECT))
		assert_non_null(f->fields);
}

static void check_table(const struct field *table)
{
	for (const struct field *f = table; f && f->name; f++) {
		check_field(table, f);
		if (f->fields && f->fields != table)
			check_table(f->fields);
	}
}

static void names_and_sentences(void **state)
{
	(void)state;
	check_table(config_fields);
	for (int i = 0; i < N_COMMANDS; i++) {
		assert_true(is_snake_case(commands[i].name));
		assert_true(is_sentence(commands[i].summary));
		assert_ptr_equal(command_find(commands[i].name), &commands[i]);
		check_table(commands[i].arguments);
	}
	for (int i = 0; i < N_MESSAGES; i++) {
		assert_true(is_snake_case(messages[i].name));
		assert_true(is_sentence(messages[i].summary));
		assert_int_equal(message_find(messages[i].name, messages[i].kind == KIND_EVENT), i);
		check_table(messages[i].fields);
	}
	for (int i = ERR_NONE + 1; i < N_ERROR_CODES; i++) {
		assert_non_null(error_descriptions[i].name);
		assert_true(is_snake_case(error_descriptions[i].name));
		assert_true(is_sentence(error_descriptions[i].meaning));
	}
}

static void every_command_has_a_handler_and_a_reply(void **state)
{
	(void)state;
	for (int i = 0; i < N_COMMANDS; i++) {
		assert_non_null(handlers[i]);
		assert_int_equal(messages[commands[i].reply].kind, KIND_REPLY);
	}
}

/* text -> value -> text -> value: the two texts and, read by the text parser, the two values are the same. */
static void check_round_trip(const struct field *f, const char *text)
{
	char *base = xcalloc(1, ROOM), *again = xcalloc(1, ROOM);
	char *first, *second;
	struct error err;

	fields_defaults((struct field[]){ *f, { 0 } }, base);
	fields_defaults((struct field[]){ *f, { 0 } }, again);
	fields_clear((struct field[]){ *f, { 0 } }, base);
	fields_clear((struct field[]){ *f, { 0 } }, again);
	if (!field_parse(f, base, text, &err))
		fail_msg("%s", err.text);
	first = field_print(f, base);
	if (!field_parse(f, again, first, &err))
		fail_msg("%s", err.text);
	second = field_print(f, again);
	assert_string_equal(first, second);
	fields_clear((struct field[]){ *f, { 0 } }, base);
	fields_clear((struct field[]){ *f, { 0 } }, again);
	free(first);
	free(second);
	free(base);
	free(again);
}

static void check_refused(const struct field *f, const char *text)
{
	char *base = xcalloc(1, ROOM);
	struct error err;

	fields_defaults((struct field[]){ *f, { 0 } }, base);
	if (field_parse(f, base, text, &err))
		fail_msg("%s takes '%s'", f->name, text);
	assert_int_equal(err.code, ERR_BAD_ARGUMENT);
	assert_string_equal(err.argument, f->name);
	assert_non_null(strstr(err.text, f->name));
	fields_clear((struct field[]){ *f, { 0 } }, base);
	free(base);
}

static void check_bounds(const struct field *f)
{
	double step = f->type == FIELD_INT || f->type == FIELD_AMOUNT ? 1 : fabs(f->max) / 1e6 + 1e-6;
	char text[64];

	snprintf(text, sizeof(text), "%.17g", f->min);
	check_round_trip(f, text);
	snprintf(text, sizeof(text), "%.17g", f->max);
	check_round_trip(f, text);
	snprintf(text, sizeof(text), "%.17g", f->min - step);
	check_refused(f, text);
	snprintf(text, sizeof(text), "%.17g", f->max + step);
	check_refused(f, text);
}

static void check_values(const struct field *table)
{
	static const char *const garbage[] = { "", " ", "x", "1x", "0x10", "nan", "inf", "1e999", "--1", "1,5", "true false", "\xff" };

	for (const struct field *f = table; f && f->name; f++) {
		if (f->fallback)
			check_round_trip(f, f->fallback);
		if (is_number(f) && f->min != f->max)
			check_bounds(f);
		for (int i = 0; f->choices && f->choices[i]; i++)
			check_round_trip(f, f->choices[i]);
		for (size_t i = 0; i < ARRAY_LEN(garbage); i++)
			if (is_number(f) || f->type == FIELD_BOOL || f->type == FIELD_ENUM || f->type == FIELD_SIZE ||
			    f->type == FIELD_COLOUR)
				check_refused(f, garbage[i]);
	}
}

static void values_print_and_parse_back(void **state)
{
	(void)state;
	check_values(config_fields);
	for (int i = 0; i < N_COMMANDS; i++)
		check_values(commands[i].arguments);
}

static void defaults_survive_json(void **state)
{
	struct config config, again;
	struct options options = { .table = config_fields, .base = &config, .given = (bool[128]){ false } };
	struct options other = { .table = config_fields, .base = &again, .given = (bool[128]){ false } };
	struct list all = { 0 }, restart = { 0 };
	struct cJSON *values, *read;
	struct error err;
	char *text;

	(void)state;
	assert_true(fields_count(config_fields) <= 128);
	fields_defaults(config_fields, &config);
	fields_defaults(config_fields, &again);
	fields_add_text(&config.camera, "synthetic");
	free(config.config);
	config.config = xstrdup("");
	assert_true(options_to_json(&options, &all, &values, &err));
	text = cJSON_Print(values);
	read = cJSON_Parse(text);
	if (!options_from_json(&other, read, &restart, &err))
		fail_msg("%s", err.text);
	for (const struct field *f = config_fields; f->name; f++) {
		if (!(f->flags & FIELD_LIVE))
			continue;
		char *one = field_print(f, &config), *two = field_print(f, &again);

		assert_string_equal(one, two);
		free(one);
		free(two);
	}
	free(text);
	cJSON_Delete(read);
	options_free_json(values);
	fields_free_texts(&restart);
	fields_clear(config_fields, &config);
	fields_clear(config_fields, &again);
}

static void aliases_lead_somewhere(void **state)
{
	(void)state;
	for (const struct option_alias *alias = config_aliases; alias->name; alias++) {
		const struct field *f = field_find(config_fields, alias->setting);

		assert_null(field_find(config_fields, alias->name));
		assert_non_null(f);
		if (alias->implied)
			check_round_trip(f, alias->implied);
		for (const char *const(*pair)[2] = alias->values; pair && (*pair)[0]; pair++)
			check_round_trip(f, (*pair)[1]);
	}
}

/* Each reply, as an empty struct prints it, is what the table says of it. */
static void messages_are_what_their_table_says(void **state)
{
	(void)state;
	for (int i = 0; i < N_MESSAGES; i++) {
		void *data = xcalloc(1, ROOM);
		struct wire_message message;
		struct error err;
		char *line;

		fields_defaults(messages[i].fields, data);
		line = wire_print_message(i, data, NULL, NULL);
		if (!wire_parse_message(line, strlen(line), &message, &err))
			fail_msg("%s: %s", messages[i].name, err.text);
		assert_int_equal(message.message, i);
		wire_clear_message(&message);
		free(line);
		free(data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_sentences),
		cmocka_unit_test(every_command_has_a_handler_and_a_reply),
		cmocka_unit_test(values_print_and_parse_back),
		cmocka_unit_test(defaults_survive_json),
		cmocka_unit_test(aliases_lead_somewhere),
		cmocka_unit_test(messages_are_what_their_table_says),
	};

	return cmocka_run_group_tests_name("tables", tests, NULL, NULL);
}
