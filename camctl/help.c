#include "camctl/help.h"

#include "common/util.h"

#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"camctl records with camd and asks it things. It starts a camd of its own and ends it in good order.\n"
	"\n"
	"  camctl                                keys at a terminal: r record or stop, s snapshot, q quit;\n"
	"                                        without one, the same letters on stdin, each with Enter\n"
	"  camctl record --seconds 10            records and reports\n"
	"  camctl COMMAND [--argument VALUE ...] one command of the table below and its answer\n"
	"  camctl slave                          for a master program: JSON lines on stdin and stdout\n"
	"  camctl --socket PATH ...              these four with a camd that runs already; it goes on when camctl ends\n"
	"  camctl doctor                         what is there, what is missing, and the remedy; with --board, measures\n"
	"  camctl report SESSION                 intervals, losses, bitrate, skew out of its files; --svg FILE draws them\n"
	"  camctl verify FILE|DIRECTORY...       what plays, what its table says, what is missing; --json for programs\n"
	"  camctl import FILE                    the settings of another service, translated (see docs/migrating.md)\n"
	"  camctl script FILE...                 send and expect: runs transcripts (camctl script --help)\n"
	"  camctl check-lines [FILE]             holds lines that camd printed against the message table\n"
	"  camctl help [COMMAND]\n"
	"\n"
	"All other flags go to camd (see camd --help), before or behind the sub-command, or behind `--`:\n"
	"\n"
	"  camctl --camera synthetic --target-fps 25 record --seconds 10 --output-dir /tmp\n"
	"\n"
	"A flag takes the next word along, unless that begins with '-' or is a sub-command; --flag=value says it in any case.\n";

static const char ending[] =
	"\nExit status: 0 all went well, 1 camd answered with an error or a recording has a problem, 2 wrong usage,\n"
	"3 camd could not be started or died, 4 no answer in time. Ctrl-C asks camd to finish; a second one kills it.\n"
	"$CAMCTL_CAMD names the camd to start; else it is the one beside camctl, or in $PATH. $NO_COLOR is respected.\n";

static void print_value(const struct field *f, FILE *to)
{
	bool many = f->type == FIELD_LIST && f->of == FIELD_INT;

	if (f->type != FIELD_ENUM)
		fprintf(to, " %s", many ? "N[,N...]" : f->type == FIELD_DURATION || f->type == FIELD_TIME ? "TIME" : f->type == FIELD_PATH ? "FILE" :
			f->type == FIELD_JSON ? "JSON" : f->type == FIELD_SIZE ? "SIZE" :
			f->type == FIELD_INT || f->type == FIELD_REAL || f->type == FIELD_AMOUNT ? "N" : "TEXT");
	for (int i = 0; f->type == FIELD_ENUM && f->choices[i]; i++)
		fprintf(to, "%c%s", i ? '|' : ' ', f->choices[i]);
}

/* As it is written: --seconds S, --json, --no-enabled. */
static void print_option(const struct field *f, FILE *to)
{
	bool on = f->type == FIELD_BOOL && f->fallback && !strcmp(f->fallback, "true");
	char *flag = xstrdup(f->name);

	for (char *c = flag; *c; c++)
		*c = *c == '_' ? '-' : *c;
	fprintf(to, "  --%s%s", on ? "no-" : "", flag);
	if (f->type != FIELD_BOOL)
		print_value(f, to);
	fprintf(to, "%s\n        %s\n", f->flags & FIELD_REQUIRED ? "   (must be given)" : "", f->help);
	free(flag);
}

static void print_options(const struct field *table, const char *heading, FILE *to)
{
	if (!fields_count(table))
		return;
	fprintf(to, "\n%s:\n", heading);
	for (const struct field *f = table; f->name; f++)
		print_option(f, to);
}

void help_print(FILE *to)
{
	fputs(usage, to);
	print_options(cmdline_fields, "Options", to);
	fputs("\nCommands:\n", to);
	for (int i = 0; i < N_COMMANDS; i++)
		fprintf(to, "  %-16s %s\n", commands[i].name, commands[i].summary);
	fputs(ending, to);
}

void help_print_command(const struct command *command, FILE *to)
{
	fprintf(to, "camctl %s\n\n%s Its answer: %s.\n", command->name, command->summary, messages[command->reply].name);
	print_options(command->arguments, "Arguments", to);
	if (command == &commands[CMD_SET_CONFIG])
		fputs("\nAlso as words: camctl set_config bitrate=4M preview_fps=5\n", to);
}

void help_print_frontend(const struct frontend_impl *frontend, FILE *to)
{
	fprintf(to, "camctl %s\n\n%s\n", frontend->name, frontend->summary);
	print_options(frontend->options, "Options", to);
}
