/* Prints what docs/ has of camctl's tables: pages completion | camctl_pages [PAGE]. */
#include "docs/pages.h"

#include "common/util.h"

static const struct page pages[] = {
	{ "camctl.1", "man/camctl.1.scd", manual_print_camctl },
	{ "bash", "completion/camctl.bash", completion_print_bash },
	{ "zsh", "completion/_camctl", completion_print_zsh },
};

int main(int argc, char **argv)
{
	return page_main(pages, ARRAY_LEN(pages), argc, argv);
}
