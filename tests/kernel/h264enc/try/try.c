/*
 * Tries the test kernel's H.264 encoder at its own interface: run it in the test kernel, with the module loaded.
 * usage: try stream|faults [PATTERN]
 */
#include "tests/kernel/h264enc/try/bench.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	if (argc < 2 || (strcmp(argv[1], "stream") != 0 && strcmp(argv[1], "faults") != 0)) {
		fprintf(stderr, "usage: try stream|faults [PATTERN]\n");
		return 2;
	}
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	return strcmp(argv[1], "stream") == 0 ? try_stream() : try_faults();
}
