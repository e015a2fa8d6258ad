/*
 * camctl's command line: `camctl [CAMD FLAGS] [SUB-COMMAND [its own flags and words] [CAMD FLAGS]] [-- CAMD FLAGS]`.
 *
 * camctl does not know camd's flags. What it doesn't know itself goes to camd as it stands, with the next word, unless that
 * begins with '-' or, before the sub-command, is the name of one: then the value is to be written --flag=value. One thread.
 */
#pragma once

#include "camctl/arguments.h"
#include "camctl/frontends/frontend.h"

/* Sub-commands that need no session. */
enum cmdline_tool { CMDLINE_NO_TOOL, CMDLINE_SCRIPT, CMDLINE_CHECK_LINES, CMDLINE_HELP, CMDLINE_VERSION };

/* camd's --mode, and what camctl makes of it. */
enum cmdline_mode { CMDLINE_INTERACTIVE, CMDLINE_SLAVE, CMDLINE_HEADLESS };

struct cmdline_options {
	bool json, help, version, slave, headless;
	int mode;		/* enum cmdline_mode */
	int64_t timeout_ns;
	char *socket;
	int picture;				/* enum preview_place */
};

struct cmdline {
	struct cmdline_options options;		/* its texts are own's */
	struct arguments own;
	enum cmdline_tool tool;
	const struct frontend_impl *frontend;	/* NULL: by whether there is a terminal */
	const struct command *command;		/* of frontend_oneshot */
	struct arguments arguments;		/* of the command or the front-end */
	struct list camd_flags;			/* of texts */
	struct list words;			/* of texts: files of a tool, the name that help is asked for */
};

extern const struct field cmdline_fields[];	/* camctl's own options */

/* Sub-commands that are no commands of camd's; the last one's name, or the last one, is NULL. */
struct cmdline_tool_name {
	const char *name;
	enum cmdline_tool tool;
	const char *summary;
};
extern const struct cmdline_tool_name cmdline_tools[];
extern const struct frontend_impl *const cmdline_frontends[];

/* The front-end whose sub-command that is; NULL: none. */
const struct frontend_impl *cmdline_frontend(const char *name);

bool cmdline_parse(struct cmdline *cmdline, const char *const *argv, struct error *err);
void cmdline_clear(struct cmdline *cmdline);
