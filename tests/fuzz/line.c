/* A master's bytes: cut into lines, read as requests of every command; what was understood is printed and understood again. */
#include "tests/fuzz/fuzz.h"

#include "camd/config.h"
#include "common/lines.h"
#include "common/options.h"
#include "common/util.h"
#include "protocol/wire.h"

#include <stdlib.h>
#include <string.h>

#define LIMIT 65536

static void check_error(const struct error *err, const struct wire_request *request)
{
	char *line = wire_print_error(err, request->command_name, request->id);
	struct wire_message message;
	struct error why;

	must(wire_parse_message(line, strlen(line) - 1, &message, &why), "an error's own line is no message");
	must(message.message == MSG_ERROR && wire_text(&message, "data.code"), "an error's own line is no error");
	wire_clear_message(&message);
	free(line);
}

static void check_printed(const struct wire_request *request)
{
	char *line = wire_print_request(request->command, request->arguments, 7), *again;
	struct wire_request back;
	struct error err;

	if (strlen(line) <= LIMIT) {
		must(wire_parse_request(line, strlen(line) - 1, &back, &err), "a printed request is not understood");
		must(back.command == request->command && !back.ignored.n, "a printed request is another one");
		again = wire_print_request(back.command, back.arguments, 7);
		must(!strcmp(line, again), "a printed request changes");
		free(again);
		wire_clear_request(&back);
	}
	free(line);
}

static void set_config(const struct wire_request *request)
{
	const struct set_config_args *arguments = request->arguments;
	struct config config = { 0 };
	struct list restart_needed;
	struct options options;
	struct error err;

	options_init(&options, config_fields, config_aliases, &config);
	if (options_from_json(&options, arguments->values, &restart_needed, &err))
		fields_free_texts(&restart_needed);
	options_finish(&options);
}

static void take(const char *line, size_t bytes)
{
	struct wire_request request;
	struct error err;

	if (!wire_parse_request(line, bytes, &request, &err)) {
		check_error(&err, &request);
	} else {
		check_printed(&request);
		if (request.command == &commands[CMD_SET_CONFIG])
			set_config(&request);
	}
	wire_clear_request(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	size_t piece = bytes ? data[0] : 0, used, line_bytes;
	struct lines lines;
	const char *line;

	lines_init(&lines, LIMIT);
	for (size_t at = bytes > 0; at < bytes; at += used) {
		/* as they come through a pipe: in pieces of any size */
		size_t some = piece ? MIN(piece, bytes - at) : bytes - at;

		if (lines_feed(&lines, (const char *)data + at, some, &used, &line, &line_bytes) == LINES_LINE)
			take(line, line_bytes);
		must(used <= some && (used || some), "nothing is taken");
	}
	lines_finish(&lines);
	return 0;
}
