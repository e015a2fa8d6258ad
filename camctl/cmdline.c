#include "camctl/cmdline.h"

#include "common/util.h"

#include <stdlib.h>
#include <string.h>

static const char *const modes[] = { "interactive", "slave", "headless", NULL };

#define AT(member) .at = offsetof(struct cmdline_options, member)
const struct field cmdline_fields[] = {
	{ .name = "json", .type = FIELD_BOOL, AT(json), .fallback = "false",
	  .help = "Print camd's lines as they come." },
	{ .name = "timeout", .type = FIELD_DURATION, AT(timeout_ns), .min = 0, .max = 31536000, .unit = "s", .flags = FIELD_OPTIONAL,
	  .help = "How long to wait for a command's answer; 0: for ever. 30 s if absent, but for what takes its time." },
	{ .name = "socket", .type = FIELD_PATH, AT(socket), .max = 4095, .flags = FIELD_OPTIONAL,
	  .help = "Attach to the camd that listens there instead of starting one; it goes on when camctl ends." },
	{ .name = "mode", .type = FIELD_ENUM, AT(mode), .choices = modes, .fallback = "interactive",
	  .help = "interactive: keys, as without it; slave: as `camctl slave`; headless: records at once, without a master." },
	{ .name = "slave", .type = FIELD_BOOL, AT(slave), .fallback = "false", .help = "As --mode slave --greeting." },
	{ .name = "headless", .type = FIELD_BOOL, AT(headless), .fallback = "false", .help = "As --mode headless." },
	{ .name = "picture", .type = FIELD_ENUM, AT(picture), .choices = preview_place_names, .fallback = "auto",
	  .help = "Where previews are shown; auto: in windows where there is a display, else in the terminal, as it can." },
	{ .name = "help", .type = FIELD_BOOL, AT(help), .fallback = "false", .help = "Print help, also on a sub-command." },
	{ .name = "version", .type = FIELD_BOOL, AT(version), .fallback = "false", .help = "Print the version." },
	{ 0 },
};
#undef AT

const struct cmdline_tool_name cmdline_tools[] = {
	{ "script", CMDLINE_SCRIPT, "Runs transcripts: what is sent to camd, and what it must answer." },
	{ "check-lines", CMDLINE_CHECK_LINES, "Holds lines that camd printed against the message table." },
	{ "help", CMDLINE_HELP, "Prints help, on a sub-command if it is named." },
	{ NULL },
};

const struct frontend_impl *const cmdline_frontends[] = {
	&frontend_record, &frontend_slave, &frontend_doctor, &frontend_report, &frontend_verify, &frontend_import, NULL,
};

const struct frontend_impl *cmdline_frontend(const char *name)
{
	for (size_t i = 0; cmdline_frontends[i]; i++)
		if (!strcmp(cmdline_frontends[i]->name, name))
			return cmdline_frontends[i];
	return NULL;
}

/* Sets what the name stands for. False: it is no sub-command. */
static bool choose(struct cmdline *cmdline, const char *name)
{
	for (size_t i = 0; cmdline_tools[i].name; i++)
		if (!strcmp(cmdline_tools[i].name, name))
			cmdline->tool = cmdline_tools[i].tool;
	cmdline->frontend = cmdline_frontend(name);
	cmdline->command = command_find(name);
	if (cmdline->command)
		cmdline->frontend = &frontend_oneshot;
	return cmdline->tool || cmdline->frontend;
}

static bool is_subcommand(const char *name)
{
	struct cmdline probe = { 0 };

	return choose(&probe, name);
}

static bool unknown_subcommand(const char *name, struct error *err)
{
	struct field names[N_COMMANDS + ARRAY_LEN(cmdline_frontends) + 1] = { { .name = "script" } };
	const char *nearest;
	size_t n = 1;

	for (size_t i = 0; cmdline_frontends[i]; i++)
		names[n++].name = cmdline_frontends[i]->name;
	for (int i = 0; i < N_COMMANDS; i++)
		names[n++].name = commands[i].name;
	nearest = field_nearest(names, name);
	return error_set(err, ERR_BAD_ARGUMENT, "no sub-command '%.60s'%s%s%s (see camctl --help)", name,
			 nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

static void init_arguments(struct cmdline *cmdline)
{
	const struct frontend_impl *frontend = cmdline->frontend;

	if (cmdline->command)
		arguments_init(&cmdline->arguments, cmdline->command->arguments, cmdline->command->arguments_bytes);
	else
		arguments_init(&cmdline->arguments, frontend ? frontend->options : NULL, frontend ? frontend->options_bytes : 0);
}

/* A flag that is not camctl's, and its value if it seems to have one. */
static void hand_on(struct cmdline *cmdline, const char *const *argv, size_t *at, bool before_subcommand)
{
	const char *flag = argv[*at], *next = argv[*at + 1];

	fields_add_text(&cmdline->camd_flags, flag);
	if (strchr(flag, '=') || !next || arguments_is_flag(next) || (before_subcommand && is_subcommand(next)))
		return;
	fields_add_text(&cmdline->camd_flags, next);
	++*at;
}

static bool take_flag(struct cmdline *cmdline, struct arguments *own, const char *const *argv, size_t *at, bool before,
		      struct error *err)
{
	enum arguments_result result = ARGUMENTS_UNKNOWN;

	if (!strcmp(argv[*at], "-h")) {
		((struct cmdline_options *)own->base)->help = true;
		return true;
	}
	if (!before)
		result = arguments_take_flag(&cmdline->arguments, argv, at, err);
	if (result == ARGUMENTS_UNKNOWN)
		result = arguments_take_flag(own, argv, at, err);
	if (result == ARGUMENTS_UNKNOWN)
		hand_on(cmdline, argv, at, before);
	return result != ARGUMENTS_BAD;
}

static bool take_word(struct cmdline *cmdline, const char *word, struct error *err)
{
	if (cmdline->tool) {
		fields_add_text(&cmdline->words, word);
		return true;
	}
	return arguments_take_word(&cmdline->arguments, word, err);
}

static bool take_all(struct cmdline *cmdline, struct arguments *own, const char *const *argv, struct error *err)
{
	bool before = true;

	for (size_t i = 1; argv[i]; i++) {
		if (!strcmp(argv[i], "--")) {
			while (argv[++i])
				fields_add_text(&cmdline->camd_flags, argv[i]);
			return true;
		}
		if (arguments_is_flag(argv[i])) {
			if (!take_flag(cmdline, own, argv, &i, before, err))
				return false;
		} else if (before) {
			if (!choose(cmdline, argv[i]))
				return unknown_subcommand(argv[i], err);
			init_arguments(cmdline);
			before = false;
		} else if (!take_word(cmdline, argv[i], err)) {
			return false;
		}
	}
	return true;
}

/* Where camd has a mode of its own for it, camctl turns into camd. */
static bool settle_mode(struct cmdline *cmdline, struct error *err)
{
	static const char *const flags[] = { [CMDLINE_SLAVE] = "--mode=slave", [CMDLINE_HEADLESS] = "--mode=headless" };
	const struct cmdline_options *options = &cmdline->options;
	const char *flag = options->slave ? "--slave" : options->headless ? "--headless" : flags[options->mode];

	if (!flag)
		return true;
	if (cmdline->tool || (cmdline->frontend && cmdline->frontend != &frontend_slave))
		return error_set(err, ERR_BAD_ARGUMENT, "%s goes without a sub-command", flag);
	cmdline->frontend = &frontend_slave;
	if (!strcmp(flag, "--headless") || flag == flags[CMDLINE_HEADLESS])
		cmdline->options.picture = PREVIEW_NONE;
	fields_add_text(&cmdline->camd_flags, flag);
	return true;
}

static bool check_socket(const struct cmdline *cmdline, struct error *err)
{
	if (!cmdline->options.socket)
		return true;
	if (cmdline->tool || (cmdline->frontend && cmdline->frontend->run && cmdline->frontend != &frontend_slave))
		return error_set(err, ERR_BAD_ARGUMENT, "--socket goes with commands, record, slave and keys: the rest starts camds of its own");
	if (cmdline->camd_flags.n)
		return error_set(err, ERR_BAD_ARGUMENT, "--socket attaches to a camd that has its settings: %.60s is for one that is started (or see set_config)",
				 ((char **)cmdline->camd_flags.items)[0]);
	return true;
}

bool cmdline_parse(struct cmdline *cmdline, const char *const *argv, struct error *err)
{
	bool ok;

	*cmdline = (struct cmdline){ 0 };
	arguments_init(&cmdline->own, cmdline_fields, sizeof(struct cmdline_options));
	ok = take_all(cmdline, &cmdline->own, argv, err);
	cmdline->options = *(const struct cmdline_options *)cmdline->own.base;
	if (!cmdline->arguments.base)
		init_arguments(cmdline);
	if (!ok || cmdline->options.help)
		return ok;
	return settle_mode(cmdline, err) && check_socket(cmdline, err) && arguments_check(&cmdline->arguments, err);
}

void cmdline_clear(struct cmdline *cmdline)
{
	arguments_finish(&cmdline->arguments);
	arguments_finish(&cmdline->own);
	fields_free_texts(&cmdline->camd_flags);
	fields_free_texts(&cmdline->words);
}
