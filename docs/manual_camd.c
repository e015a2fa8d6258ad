/* The man pages camd(1) and camd-protocol(7). */
#include "docs/pages.h"

#include "camd/config.h"
#include "common/util.h"
#include "docs/manual.h"
#include "protocol/commands.h"
#include "protocol/errors.h"
#include "protocol/messages.h"

#include <stdlib.h>
#include <string.h>

/* ---- camd(1) ---- */

/* "As --mode slave." */
static void print_meaning(const struct option_alias *alias, FILE *to)
{
	const struct field *f = field_find(config_fields, alias->setting);
	bool no = alias->implied && (!*alias->implied || (f->type == FIELD_BOOL && !strcmp(alias->implied, "false")));
	const char *value = alias->values ? alias->values[0][1] : alias->implied && f->type != FIELD_BOOL ? alias->implied : "";

	fprintf(to, "%s *--%s", alias->part ? "A part of" : "As", no ? "no-" : "");
	manual_name(alias->setting, true, to);
	fputs(*value ? " " : "", to);
	manual_name(value, false, to);
	fputs("*.", to);
}

static void print_aliases(FILE *to)
{
	for (const struct option_alias *alias = config_aliases; alias->name; alias++) {
		bool more = alias > config_aliases && !strcmp(alias[-1].name, alias->name);

		if (!strcmp(alias->name, "no_config"))
			continue;	/* of a flag's own help */
		fputs(more ? " " : "*--", to);
		if (!more) {
			manual_name(alias->name, true, to);
			fputs("*\n\t", to);
		}
		print_meaning(alias, to);
		if (!alias[1].name || strcmp(alias[1].name, alias->name))
			fputs("\n\n", to);
	}
}

void manual_print_camd(FILE *to)
{
	fputs("camd(1)\n\n" MANUAL_PRINTED "\n# NAME\n\ncamd - owns the cameras of a machine and records them\n\n"
	      "# SYNOPSIS\n\n*camd* [FLAG...] < requests > replies\n\n*camd* --mode headless [FLAG...]\n\n"
	      "*camd* --help|--version|--print-config\n\n"
	      "# DESCRIPTION\n\n"
	      "camd obeys JSON lines on its standard input and answers each with one line on its standard output; "
	      "*camd-protocol*(7) has them all. It encodes H.264 in the board's hardware encoder where there is one, and writes files "
	      "that play at every moment, with the exact time of every frame, and no frame lost without a reason stated. "
	      "*camctl*(1) is its client for people.\n\n"
	      "At the end of its input camd finishes what it was told, the recordings too, and ends; so it does on SIGTERM and SIGINT.\n\n"
	      "Each flag is also a setting: a line *key = value* of the settings' file, with \\_ for -, which flags override. The file is "
	      "the one that *--config* names, else *./config.txt*, else *camd/camd.conf* in the user's and in the system's directory of "
	      "settings. Times take s, ms, us, min and h; amounts k, M and G, powers of 1000.\n\n# FLAGS\n\n", to);
	manual_flags(config_fields, to);
	fputs("# OTHER SPELLINGS\n\n", to);
	print_aliases(to);
	fputs("# FILES\n\n"
	      "_OUTPUT\\_DIR_/session\\_YYYYMMDD\\_HHMMSS/\n\tOne folder a session: videos (camN\\_....mp4), a table of times beside each "
	      "(...\\_frame\\_timing.csv), snapshots, and *session.log*, which holds what camd and its libraries said: time, level, thread, "
	      "text. A large one becomes *session.log.1*, and so on.\n\n"
	      "# EXIT STATUS\n\n0 if all went well, 2 if a flag or the file of settings that was named is wrong, 3 if what was recorded could not "
	      "be finished within *--stop-timeout*, 128 and a signal's number if that came twice.\n\n"
	      "# ENVIRONMENT\n\n*LISTEN\\_FDS*, *LISTEN\\_PID*\n\tSockets that camd is handed, as by systemd's socket units: UNIX stream sockets "
	      "that listen, by which up to 16 further clients come, or that a client is connected to. root, camd's own user and members of "
	      "the group of the socket's file may come. camd listens on no socket of its own.\n\n"
	      "*NOTIFY\\_SOCKET*, *WATCHDOG\\_USEC*\n\tWhere camd says how it is, and how often, as systemd's units of Type=notify ask it: that it "
	      "is ready, what it does, that it is alive, that it ends.\n\n*LIBCAMERA\\_LOG\\_LEVELS*\n\tOverrules *--libcamera-log-level*.\n\n"
	      "*CAMD\\_LIBCAMERA*\n\tThe module for libcamera to load, in place of the one beside camd.\n\n"
	      "# EXAMPLE\n\nFive seconds of two test pictures, without a client:\n\n```\n"
	      "printf '%s\\\\n' '{\"command\":\"start_recording\"}' '{\"command\":\"wait\",\"seconds\":5}' |\n"
	      "    camd --camera synthetic --camera synthetic\n```\n\n"
	      "# SEE ALSO\n\n*camctl*(1), *camd-protocol*(7)\n", to);
}

/* ---- camd-protocol(7) ---- */

static void print_members(const struct field *table, const char *prefix, bool arguments, FILE *to)
{
	for (const struct field *f = table; f && f->name; f++) {
		char *inner = xasprintf(f->type == FIELD_LIST ? "%s%s[]." : "%s%s.", prefix, f->name);
		bool optional = f->flags & FIELD_OPTIONAL || (arguments && !(f->flags & FIELD_REQUIRED));

		fputc('*', to);
		manual_text(prefix, to);
		manual_text(f->name, to);
		fprintf(to, "*%s, _%s_", optional ? " (may be absent)" : "", field_type_name(f));
		if (f->choices) {
			fputs(": ", to);
			manual_choices(f, to);
		}
		fputs("\n\t", to);
		manual_text(f->help ? f->help : "", to);
		fputs("\n\n", to);
		if (f->fields && f->fields != table)
			print_members(f->fields, inner, arguments, to);
		free(inner);
	}
}

static void print_messages(enum message_kind kind, const char *heading, FILE *to)
{
	fprintf(to, "# %s\n\n", heading);
	for (int i = 0; i < N_MESSAGES; i++) {
		if (messages[i].kind != kind)
			continue;
		fputs("## ", to);
		manual_name(messages[i].name, false, to);
		fputs("\n\n", to);
		manual_text(messages[i].summary, to);
		fputs("\n\n", to);
		print_members(messages[i].fields, "", false, to);
	}
}

static void print_commands(FILE *to)
{
	fputs("# COMMANDS\n\n", to);
	for (int i = 0; i < N_COMMANDS; i++) {
		fputs("## ", to);
		manual_name(commands[i].name, false, to);
		fputs("\n\n", to);
		manual_text(commands[i].summary, to);
		fputs(" Its answer: *", to);
		manual_name(messages[commands[i].reply].name, false, to);
		fprintf(to, "*.%s\n\n", commands[i].flags & CMD_MAY_TAKE_TIME ? " It may take time." : "");
		print_members(commands[i].arguments, "", true, to);
	}
}

void manual_print_protocol(FILE *to)
{
	fputs("camd-protocol(7)\n\n" MANUAL_PRINTED "\n# NAME\n\ncamd-protocol - the JSON lines that camd obeys and prints\n\n# DESCRIPTION\n\n"
	      "UTF-8 JSON, one object a line, in at the standard input, out at the standard output:\n\n```\n"
	      "{\"command\": NAME, ...arguments..., \"id\": string or integer, if wanted}\n"
	      "{\"type\":\"status\",\"status\":NAME,\"timestamp\":\"2026-11-20T14:03:07.123456+01:00\",\"data\":{...},\"id\":...}\n"
	      "{\"type\":\"event\",\"event\":NAME,\"timestamp\":...,\"data\":{...}}\n```\n\n"
	      "Each request gets exactly one line, in the order of the requests. Nothing comes unasked but events subscribed to, preview frames "
	      "switched on, and the notices that *--greeting* asks for. Behind a request that may take time, one with an *id* that needs no "
	      "waiting is answered at once. Clients that come by a socket (see *camd*(1)) have each an order, subscriptions and previews of "
	      "their own; the end of one ends nothing else, but its *quit* ends camd. *quit* and signals cancel what is pending; at the end of the input, what was read is carried out to the "
	      "end. A line has 64 KiB at most.\n\n", to);
	print_commands(to);
	print_messages(KIND_REPLY, "REPLIES", to);
	print_messages(KIND_NOTICE, "NOTICES", to);
	print_messages(KIND_EVENT, "EVENTS", to);
	fputs("# ERROR CODES\n\n", to);
	for (int i = ERR_NONE + 1; i < N_ERROR_CODES; i++) {
		fputc('*', to);
		manual_name(error_descriptions[i].name, false, to);
		fputs("*\n\t", to);
		manual_text(error_descriptions[i].meaning, to);
		fputs("\n\n", to);
	}
	fputs("# SEE ALSO\n\n*camd*(1), *camctl*(1)\n", to);
}
