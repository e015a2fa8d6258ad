/* Prints a reference page from the tables: pages protocol|config|sample. */
#include "camd/config.h"
#include "protocol/describe.h"

#include <string.h>

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "protocol"))
		describe_protocol_markdown(stdout);
	else if (argc == 2 && !strcmp(argv[1], "config"))
		describe_settings_markdown(config_fields, stdout);
	else if (argc == 2 && !strcmp(argv[1], "sample"))
		describe_settings_sample(config_fields, stdout);
	else
		return 2;
	return 0;
}
