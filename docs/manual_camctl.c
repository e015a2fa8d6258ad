/* The man page camctl(1). */
#include "docs/pages.h"

#include "camctl/cmdline.h"
#include "docs/manual.h"
#include "protocol/commands.h"

static void print_word(const struct field *table, FILE *to)
{
	for (const struct field *f = table; f && f->name; f++)
		if (f->flags & FIELD_REQUIRED)
			fprintf(to, " _%s_", manual_placeholder(f));
}

static void print_subcommand(const char *name, const char *summary, const struct field *table, FILE *to)
{
	fputs("## ", to);
	manual_name(name, false, to);
	fputs("\n\n*camctl* *", to);
	manual_name(name, false, to);
	fputc('*', to);
	print_word(table, to);
	fprintf(to, "%s\n\n", fields_count(table) ? " [FLAG...]" : "");
	manual_text(summary, to);
	fputs("\n\n", to);
	manual_flags(table, to);
}

void manual_print_camctl(FILE *to)
{
	fputs("camctl(1)\n\n" MANUAL_PRINTED "\n# NAME\n\ncamctl - records with camd, for people and shell scripts\n\n"
	      "# SYNOPSIS\n\n*camctl* [FLAG...] [SUB-COMMAND [FLAG...] [WORD...]]\n\n"
	      "# DESCRIPTION\n\ncamctl starts a *camd*(1), or attaches to one that runs, asks it things, and prints the answers for people. "
	      "Without a sub-command it obeys keys: r records and stops, s takes a snapshot, q quits. Flags that it does not know itself "
	      "are camd's, and may stand before or behind the sub-command, or behind *--*. A flag takes the next word along, unless that "
	      "begins with - or is a sub-command; *--flag=value* says it in any case.\n\n# FLAGS\n\n", to);
	manual_flags(cmdline_fields, to);
	fputs("# SUB-COMMANDS OF ITS OWN\n\n", to);
	for (size_t i = 0; cmdline_frontends[i]; i++)
		print_subcommand(cmdline_frontends[i]->name, cmdline_frontends[i]->summary, cmdline_frontends[i]->options, to);
	for (size_t i = 0; cmdline_tools[i].name; i++)
		print_subcommand(cmdline_tools[i].name, cmdline_tools[i].summary, NULL, to);
	fputs("# COMMANDS OF CAMD\n\n", to);
	for (int i = 0; i < N_COMMANDS; i++)
		print_subcommand(commands[i].name, commands[i].summary, commands[i].arguments, to);
	fputs("# EXIT STATUS\n\n0 if all went well, 1 if camd answered with an error or a recording has a problem, 2 if the usage was wrong, "
	      "3 if camd could not be started or died, 4 if no answer came in time. Ctrl-C asks camd to finish, a second one kills it.\n\n"
	      "# ENVIRONMENT\n\n*CAMCTL\\_CAMD*\n\tThe camd to start; else it is the one beside camctl, or in *PATH*.\n\n"
	      "*NO\\_COLOR*\n\tNo colours, if it is set.\n\n"
	      "# EXAMPLES\n\n```\ncamctl record --seconds 10\ncamctl --camera synthetic --target-fps 25 record --seconds 2\n"
	      "camctl report SESSION --svg report.svg\ncamctl verify recordings\n```\n\n"
	      "# SEE ALSO\n\n*camd*(1), *camd-protocol*(7)\n", to);
}
