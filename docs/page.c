#include "docs/pages.h"

#include <string.h>

int page_main(const struct page *pages, size_t n, int argc, char **argv)
{
	for (size_t i = 0; i < n; i++) {
		if (argc == 1 && pages[i].file)
			printf("%s %s\n", pages[i].name, pages[i].file);
		if (argc == 2 && !strcmp(argv[1], pages[i].name)) {
			pages[i].print(stdout);
			return 0;
		}
	}
	return argc == 1 ? 0 : 2;
}
