/* Prints what docs/ has of the tables of camd and of the protocol: pages [PAGE]. */
#include "docs/pages.h"

#include "camd/config.h"
#include "common/util.h"
#include "protocol/describe.h"

static void print_config(FILE *to)
{
	describe_settings_markdown(config_fields, to);
}

static void print_sample(FILE *to)
{
	describe_settings_sample(config_fields, to);
}

static const struct page pages[] = {
	{ "protocol", "protocol.md", describe_protocol_markdown },
	{ "config", "config.md", print_config },
	{ "sample", "camd.conf", print_sample },
	{ "camd.1", "man/camd.1.scd", manual_print_camd },
	{ "camd-protocol.7", "man/camd-protocol.7.scd", manual_print_protocol },
	{ "completion", NULL, completion_print_camd },
};

int main(int argc, char **argv)
{
	return page_main(pages, ARRAY_LEN(pages), argc, argv);
}
