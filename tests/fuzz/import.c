/* Settings of another service. */
#include "tests/fuzz/fuzz.h"

#include "camctl/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const char *path = fuzz_file("config.json", data, bytes);
	FILE *nowhere = fopen("/dev/null", "we");
	struct error err;

	import_print(path, nowhere, &err);
	fclose(nowhere);
	return 0;
}
