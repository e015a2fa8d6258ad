/* Runs a fuzz target over each file of directories: what once broke it must never do so again. usage: PROGRAM DIRECTORY... */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static size_t replay(const char *directory)
{
	struct dirent **entries;
	int n = scandir(directory, &entries, NULL, alphasort);
	size_t done = 0;

	must(n >= 0, directory);
	for (int i = 0; i < n; i++) {
		char path[4096];
		size_t bytes;
		uint8_t *data;

		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.') {
			data = fuzz_slurp(path, &bytes);
			LLVMFuzzerTestOneInput(data, bytes);
			free(data);
			done++;
		}
		free(entries[i]);
	}
	free(entries);
	return done;
}

int main(int argc, char **argv)
{
	size_t done = 0;

	for (int i = 1; i < argc; i++)
		done += replay(argv[i]);
	must(done > 0, "there is no corpus");
	printf("%zu inputs\n", done);
	return 0;
}
