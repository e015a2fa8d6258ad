/* What is completed of camctl's, and the scripts for bash and zsh; camd's part is read from stdin. */
#include "docs/pages.h"

#include "camctl/cmdline.h"
#include "docs/completion.h"
#include "protocol/commands.h"

#include <string.h>

#define PRINTED "# Printed by docs/completion*.c and the tables, by `ninja -C build docs`: change those.\n"

static void print_subcommands(FILE *to)
{
	for (size_t i = 0; cmdline_frontends[i]; i++)
		fprintf(to, " %s", cmdline_frontends[i]->name);
	for (size_t i = 0; cmdline_tools[i].name; i++)
		fprintf(to, " %s", cmdline_tools[i].name);
	for (int i = 0; i < N_COMMANDS; i++)
		fprintf(to, " %s", commands[i].name);
}

/* A line: sub-command) its flags. */
static void print_flags_case(const char *name, const struct field *table, FILE *to)
{
	if (!fields_count(table))
		return;
	fprintf(to, "    %s) echo", name);
	completion_each(table, completion_name, to);
	fputs(" ;;\n", to);
}

/* A line: sub-command) what its words can be. */
static void print_words_case(const char *name, const struct field *table, FILE *to)
{
	for (const struct field *f = table; f && f->name; f++)
		if (f->type == FIELD_PATH && f->flags & FIELD_REQUIRED)
			fprintf(to, "    %s) echo @files ;;\n", name);
		else if (!strcmp(f->name, "names"))
			fprintf(to, "    %s) _camd_settings ;;\n", name);
		else if (!strcmp(f->name, "events"))
			fprintf(to, "    %s) _camd_events ;;\n", name);
		else if (!strcmp(f->name, "values"))
			fprintf(to, "    %s) _camd_settings = ;;\n", name);
}

static void each_subcommand(void (*print)(const char *name, const struct field *table, FILE *to), FILE *to)
{
	for (size_t i = 0; cmdline_frontends[i]; i++)
		print(cmdline_frontends[i]->name, cmdline_frontends[i]->options, to);
	for (int i = 0; i < N_COMMANDS; i++)
		print(commands[i].name, commands[i].arguments, to);
}

static void print_frontend_values(const char *name, const struct field *table, FILE *to)
{
	(void)name;
	completion_each(table, completion_value_case, to);
}

/* Functions that print words. */
static void print_tables(FILE *to)
{
	for (int c = getchar(); c != EOF; c = getchar())
		fputc(c, to);
	fputs("_camctl_own_flags() { echo", to);
	completion_each(cmdline_fields, completion_name, to);
	fputs("; }\n\n_camctl_subcommands() { echo", to);
	print_subcommands(to);
	fputs("; }\n\n# Flags that take the next word along, before a sub-command.\n"
	      "_camctl_flags_with_value() { _camd_flags_with_value; echo", to);
	completion_each(cmdline_fields, completion_name_with_value, to);
	fputs("; }\n\n# What the value of flag $1 can be.\n_camctl_values() {\n    case $1 in\n", to);
	completion_each(cmdline_fields, completion_value_case, to);
	each_subcommand(print_frontend_values, to);
	fputs("    *) _camd_values \"$1\" ;;\n    esac\n}\n\n# Flags of sub-command $1.\n_camctl_flags_of() {\n    case $1 in\n", to);
	each_subcommand(print_flags_case, to);
	fputs("    esac\n}\n\n# What the words of sub-command $1 can be.\n_camctl_words_of() {\n    case $1 in\n"
	      "    help) _camctl_subcommands ;;\n    script | check-lines) echo @files ;;\n", to);
	each_subcommand(print_words_case, to);
	fputs("    esac\n}\n\n", to);
}

/* ---- bash ---- */

static const char bash[] =
	"# The sub-command among the words before the one under the cursor; a flag's value is none.\n"
	"_camctl_subcommand() {\n"
	"    local i word before=\n"
	"    for ((i = 1; i < COMP_CWORD; i++)); do\n"
	"        word=${COMP_WORDS[i]}\n"
	"        if [[ \" $(_camctl_subcommands) \" == *\" $word \"* && \" $(_camctl_flags_with_value) \" != *\" $before \"* && $before != = ]]; then\n"
	"            echo \"$word\"\n"
	"            return\n"
	"        fi\n"
	"        before=$word\n"
	"    done\n"
	"}\n\n"
	"_camctl() {\n"
	"    local cur=${COMP_WORDS[COMP_CWORD]} flag=${COMP_WORDS[COMP_CWORD - 1]} words= subcommand=\n"
	"    COMPREPLY=()\n"
	"    # bash takes --flag=value and KIND:WHAT apart\n"
	"    [[ $cur == = || $cur == : ]] && { flag=$cur; cur=; }\n"
	"    if [[ $flag == : ]]; then\n"
	"        case ${COMP_WORDS[COMP_CWORD - (${#cur} ? 2 : 1)]}${COMP_WORDS[COMP_CWORD - (${#cur} ? 3 : 2)]} in\n"
	"        *v4l2*) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"${cur:-/dev/video}\") ;;\n"
	"        *file*) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\") ;;\n"
	"        esac\n"
	"        return\n"
	"    fi\n"
	"    [[ $flag == = ]] && flag=${COMP_WORDS[COMP_CWORD - (${#cur} ? 2 : 1)]}\n"
	"    words=$(_camctl_values \"$flag\")\n"
	"    if [[ ${1##*/} == camctl ]]; then\n"
	"        subcommand=$(_camctl_subcommand)\n"
	"    fi\n"
	"    if [[ -z $words && \" $(_camctl_flags_with_value) \" == *\" $flag \"* ]]; then\n"
	"        return\n"
	"    elif [[ -z $words && $cur == -* && ${1##*/} == camctl ]]; then\n"
	"        words=\"$(_camctl_own_flags) $(_camd_flags) $(_camctl_flags_of \"$subcommand\")\"\n"
	"    elif [[ -z $words && $cur == -* ]]; then\n"
	"        words=$(_camd_flags)\n"
	"    elif [[ -z $words && -n $subcommand ]]; then\n"
	"        words=$(_camctl_words_of \"$subcommand\")\n"
	"    elif [[ -z $words && ${1##*/} == camctl ]]; then\n"
	"        words=$(_camctl_subcommands)\n"
	"    fi\n"
	"    case $words in\n"
	"    @files) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\") ;;\n"
	"    @directories) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\") ;;\n"
	"    *) mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\") ;;\n"
	"    esac\n"
	"    # behind what needs more, no space\n"
	"    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[:=] ]] && compopt -o nospace 2>/dev/null\n"
	"    return 0\n"
	"}\n\n"
	"complete -F _camctl camctl camd\n";

void completion_print_bash(FILE *to)
{
	fputs("# Completion of camctl and camd for bash.\n" PRINTED "\n", to);
	print_tables(to);
	fputs(bash, to);
}

/* ---- zsh ---- */

static const char zsh[] =
	"_camctl_subcommand() {\n"
	"    local word before=\n"
	"    for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
	"        if (( ${${=$(_camctl_subcommands)}[(Ie)$word]} && ! ${${=$(_camctl_flags_with_value)}[(Ie)$before]} )); then\n"
	"            echo $word\n"
	"            return\n"
	"        fi\n"
	"        before=$word\n"
	"    done\n"
	"}\n\n"
	"# Adds words $1, or files.\n"
	"_camctl_add() {\n"
	"    case $1 in\n"
	"    @files) _files ;;\n"
	"    @directories) _files -/ ;;\n"
	"    *) compadd -- ${=1} ;;\n"
	"    esac\n"
	"}\n\n"
	"_camctl() {\n"
	"    local flag=${words[CURRENT-1]} subcommand= values=\n"
	"    [[ $service == camctl ]] && subcommand=$(_camctl_subcommand)\n"
	"    if [[ $PREFIX == --*=* ]]; then\n"
	"        flag=${PREFIX%%=*}\n"
	"        compset -P '*='\n"
	"        _camctl_add \"$(_camctl_values $flag)\"\n"
	"        return\n"
	"    fi\n"
	"    if [[ $PREFIX == file:* || $PREFIX == v4l2:* ]]; then\n"
	"        compset -P '*:'\n"
	"        _files\n"
	"        return\n"
	"    fi\n"
	"    values=$(_camctl_values $flag)\n"
	"    if [[ -n $values ]]; then\n"
	"        if [[ $flag == --camera ]]; then\n"
	"            compadd -S '' -- file: v4l2:/dev/video libcamera:\n"
	"            values=synthetic\n"
	"        fi\n"
	"        _camctl_add $values\n"
	"    elif (( ${${=$(_camctl_flags_with_value)}[(Ie)$flag]} )); then\n"
	"        _message 'a value'\n"
	"    elif [[ $PREFIX == -* && $service == camctl ]]; then\n"
	"        compadd -- ${=$(_camctl_own_flags)} ${=$(_camd_flags)} ${=$(_camctl_flags_of $subcommand)}\n"
	"    elif [[ $PREFIX == -* ]]; then\n"
	"        compadd -- ${=$(_camd_flags)}\n"
	"    elif [[ -n $subcommand ]]; then\n"
	"        values=$(_camctl_words_of $subcommand)\n"
	"        if [[ $values == *'= '* ]]; then\n"
	"            compadd -S '' -- ${=values}\n"
	"        else\n"
	"            _camctl_add $values\n"
	"        fi\n"
	"    elif [[ $service == camctl ]]; then\n"
	"        compadd -- ${=$(_camctl_subcommands)}\n"
	"    fi\n"
	"}\n\n"
	"_camctl \"$@\"\n";

void completion_print_zsh(FILE *to)
{
	fputs("#compdef camctl camd\n# Completion of camctl and camd for zsh.\n" PRINTED "\n", to);
	print_tables(to);
	fputs(zsh, to);
}
