/* What libraries print to stderr, in pieces as the first byte says. */
#include "tests/fuzz/fuzz.h"

#include "camd/chatter.h"
#include "common/util.h"

#include <string.h>

static void on_line(void *user, enum log_level level, const char *thread, const char *text)
{
	(void)user;
	must(level <= LOG_DEBUG && thread && text, "no such line");
	must(strlen(text) <= CHATTER_BYTES, "a line is too long");
	for (const char *at = text; *at; at++)
		must((unsigned char)*at >= ' ', "a control character in the log");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct chatter chatter = { .n = 0 };
	size_t piece = bytes && data[0] ? data[0] : 4096;

	for (size_t at = bytes > 0; at < bytes; at += MIN(piece, bytes - at))
		chatter_feed(&chatter, (const char *)data + at, MIN(piece, bytes - at), on_line, NULL);
	chatter_flush(&chatter, on_line, NULL);
	return 0;
}
