/* A file of settings; what was read is printed as get_config does and must be taken as set_config takes it. */
#include "tests/fuzz/fuzz.h"

#include "camd/config.h"
#include "common/options.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

static void count(void *user, const char *text)
{
	must(text[0], "a warning says nothing");
	++*(int *)user;
}

static void check_json(struct options *options)
{
	struct list restart_needed, all = { 0 };
	struct error err = { 0 };
	cJSON *values;
	char *text;

	must(options_to_json(options, &all, &values, &err), "settings can't be printed");
	text = cJSON_PrintUnformatted(values);
	options_free_json(values);
	values = cJSON_Parse(text);
	must(options_from_json(options, values, &restart_needed, &err), err.text);
	fields_free_texts(&restart_needed);
	options_free_json(values);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const char *path = fuzz_file("camd.conf", data, bytes);
	struct config config = { 0 };
	struct options options;
	struct error err;
	int warnings = 0;

	options_init(&options, config_fields, config_aliases, &config);
	must(options_read_file(&options, path, count, &warnings, &err), "the file can't be read");
	check_json(&options);
	options_finish(&options);
	return 0;
}
