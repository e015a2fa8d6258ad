/* camctl's half: a line that something else than camd may have printed. */
#include "tests/fuzz/fuzz.h"

#include "common/util.h"
#include "protocol/wire.h"

#include <stdlib.h>
#include <string.h>

static void look(const struct wire_message *message)
{
	static const char *const paths[] = { "", "data", "data.cameras.0.frames", "data.files.#", "data.cameras.#.", "#", "data.files.-1", "..", "id" };

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		char *text = wire_value_text(message, paths[i]);

		free(text);
		wire_text(message, paths[i]);
		wire_integer(message, paths[i], 0);
		wire_number(message, paths[i], 0);
		wire_bool(message, paths[i], false);
		wire_member_name(message, paths[i], 3);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	char *line = xcalloc(bytes + 1, 1), *pretty;
	struct wire_message message;
	struct error err;

	memcpy(line, data, bytes);
	if (wire_parse_message(line, bytes, &message, &err)) {
		look(&message);
		pretty = wire_pretty(&message);
		free(pretty);
	}
	wire_clear_message(&message);
	free(line);
	return 0;
}
