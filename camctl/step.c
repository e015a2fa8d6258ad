#include "camctl/step.h"

#include "camctl/expect.h"
#include "camctl/match.h"
#include "camctl/send.h"
#include "camctl/shell.h"
#include "camctl/words.h"
#include "common/util.h"

#include <ctype.h>
#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define RUN_LIMIT_NS (120 * NS_PER_S)

/* ---- helpers ---- */

bool step_fail(struct step *step, const struct error *err)
{
	return script_fail(step->script, "%s", err->text);
}

bool step_read_time(struct step *step, const char *text, int64_t *ns)
{
	static const struct field field = { .name = "time", .type = FIELD_DURATION, .unit = "s" };
	struct error err;

	return field_parse(&field, ns, text, &err) ? true : step_fail(step, &err);
}

bool step_split(struct step *step, struct list *words)
{
	struct error err;

	return words_split(step->rest, words, &err) ? true : step_fail(step, &err);
}

const char *step_word(const struct list *words, size_t index)
{
	return index < words->n ? ((char **)words->items)[index] : NULL;
}

static void drop_last(struct list *words)
{
	free(((char **)words->items)[--words->n]);
}

bool step_take_limit(struct step *step, struct list *words, int64_t *ns)
{
	const char *mark = words->n >= 2 ? step_word(words, words->n - 2) : NULL;
	bool ok;

	*ns = step->script->limit_ns;
	if (!mark || strcmp(mark, "within"))
		return true;
	ok = step_read_time(step, step_word(words, words->n - 1), ns);
	drop_last(words);
	drop_last(words);
	return ok;
}

bool step_need_camd(struct step *step)
{
	return step->peer->spawn ? true : script_fail(step->script, "no camd runs: start one with 'camd FLAGS'");
}

const char *step_describe_end(struct spawn_end end, char text[64])
{
	if (end.signal)
		snprintf(text, 64, "was ended by SIG%s", sigabbrev_np(end.signal) ? sigabbrev_np(end.signal) : "?");
	else
		snprintf(text, 64, "ended with status %d", end.status);
	return text;
}

/* ---- camd's life ---- */

static bool has_ended(void *user)
{
	const struct peer *peer = user;

	return peer->ended;
}

static const char **join_flags(const struct script *script, const struct list *words)
{
	const char **flags = xcalloc(script->camd_flags->n + words->n + 1, sizeof(*flags));
	size_t n = 0;

	for (size_t i = 0; i < script->camd_flags->n; i++)
		flags[n++] = step_word(script->camd_flags, i);
	for (size_t i = 0; i < words->n; i++)
		flags[n++] = step_word(words, i);
	return flags;
}

static bool do_camd(struct step *step)
{
	struct list words = { 0 };
	bool ok = step_split(step, &words);
	struct error err;

	if (ok && step->peer->spawn && !step->peer->ended)
		ok = script_fail(step->script, "this camd still runs (another one: '@NAME camd FLAGS')");
	if (ok) {
		const char **flags = join_flags(step->script, &words);

		ok = peer_start(step->peer, &step->script->loop, flags, step->script->directory, &err) || step_fail(step, &err);
		free(flags);
	}
	fields_free_texts(&words);
	return ok;
}

static int signal_number(const char *name)
{
	for (int number = 1; number < NSIG; number++)
		if (sigabbrev_np(number) && !strcmp(sigabbrev_np(number), name))
			return number;
	return 0;
}

static bool do_signal(struct step *step)
{
	int number = signal_number(step->rest);

	if (!step_need_camd(step))
		return false;
	if (!number)
		return script_fail(step->script, "no signal is called '%s' (TERM, INT, KILL, STOP, CONT, ...)", step->rest);
	spawn_signal(step->peer->spawn, number);
	return true;
}

static bool do_eof(struct step *step)
{
	if (!step_need_camd(step))
		return false;
	spawn_end_input(step->peer->spawn);
	return true;
}

static bool do_stop_reading(struct step *step)
{
	if (!step_need_camd(step))
		return false;
	spawn_pause_output(step->peer->spawn);
	return true;
}

static bool do_read_on(struct step *step)
{
	if (!step_need_camd(step))
		return false;
	spawn_resume_output(step->peer->spawn);
	return true;
}

static bool do_close_output(struct step *step)
{
	if (!step_need_camd(step))
		return false;
	spawn_close_output(step->peer->spawn);
	return true;
}

/* Whatever camd said must have been expected, but for what comes of itself. */
static bool check_nothing_left(struct step *step)
{
	for (size_t i = 0; i < step->peer->n_lines; i++)
		if (!peer_is_loose(&step->peer->lines[i]))
			return script_fail(step->script, "camd sent what nothing in the script expects\n    %s", step->peer->lines[i].text);
	return true;
}

static bool expect_end(struct step *step, const char *wanted, int64_t limit_ns)
{
	struct spawn_end end;
	char text[64];
	bool right;

	if (!script_pump(step->script, limit_ns, has_ended, step->peer))
		return script_fail(step->script, "camd did not end within %.3g s", limit_ns / 1e9);
	end = step->peer->end;
	step->peer->end_taken = true;
	right = isdigit((unsigned char)wanted[0]) ? !end.signal && end.status == atoi(wanted) : end.signal == signal_number(wanted);
	return right ? check_nothing_left(step) : script_fail(step->script, "camd %s", step_describe_end(end, text));
}

static bool do_exit(struct step *step)
{
	struct list words = { 0 };
	int64_t limit_ns;
	bool ok = step_need_camd(step) && step_split(step, &words) && step_take_limit(step, &words, &limit_ns);

	if (ok && words.n != 1)
		ok = script_fail(step->script, "one exit status, or the name of a signal, is wanted");
	ok = ok && expect_end(step, step_word(&words, 0), limit_ns);
	fields_free_texts(&words);
	return ok;
}

struct complaint {
	const struct peer *peer;
	const char *pattern;
	bool found;
};

static bool has_complaint(void *user)
{
	struct complaint *complaint = user;
	struct error err;

	return !match_pattern(complaint->peer->complaints, complaint->pattern, &complaint->found, &err) || complaint->found ||
	       complaint->peer->ended;
}

static bool do_stderr(struct step *step)
{
	struct complaint complaint = { .peer = step->peer, .pattern = step->rest };

	if (!step_need_camd(step))
		return false;
	script_pump(step->script, step->script->limit_ns, has_complaint, &complaint);
	return complaint.found ? true : script_fail(step->script, "camd's stderr says:\n%s", step->peer->complaints);
}

/* ---- time ---- */

static bool never(void *user)
{
	(void)user;
	return false;
}

static bool do_wait(struct step *step)
{
	int64_t ns;

	if (!step_read_time(step, step->rest, &ns))
		return false;
	script_pump(step->script, ns, never, NULL);
	return !step->script->failure;
}

static bool do_limit(struct step *step)
{
	return step_read_time(step, step->rest, &step->script->limit_ns);
}

/* ---- variables ---- */

/* "NAME = REST": the name goes to name, the rest is returned. */
static const char *assignment(struct step *step, char name[64])
{
	size_t n = strcspn(step->rest, " =");
	const char *rest = step->rest + n;

	rest += strspn(rest, " ");
	if (!n || n >= 64 || *rest != '=') {
		script_fail(step->script, "this is written '... NAME = ...'");
		return NULL;
	}
	snprintf(name, 64, "%.*s", (int)n, step->rest);
	rest++;
	return rest + strspn(rest, " ");
}

static bool do_set(struct step *step)
{
	char name[64], *value;
	const char *path = assignment(step, name);

	if (!path)
		return false;
	value = step->script->last.text ? wire_value_text(&step->script->last.message, path) : NULL;
	if (!value)
		return script_fail(step->script, "%s is absent in the last message\n    %s", path,
				   step->script->last.text ? step->script->last.text : "(there is none)");
	setenv(name, value, 1);
	free(value);
	return true;
}

static bool do_let(struct step *step)
{
	char name[64], *value;
	const char *text = assignment(step, name);
	struct error err;

	if (!text)
		return false;
	value = words_expand(text, &err);
	if (!value)
		return step_fail(step, &err);
	setenv(name, value, 1);
	free(value);
	return true;
}

/* ---- commands and files ---- */

static bool shell_is_over(void *user)
{
	return shell_has_ended(user);
}

static bool run_shell(struct step *step, const char *command, struct shell_result *result)
{
	struct error err;
	struct shell *shell = shell_start(&step->script->loop, command, step->script->directory, &err);

	if (!shell)
		return step_fail(step, &err);
	script_pump(step->script, RUN_LIMIT_NS, shell_is_over, shell);
	*result = shell_finish(shell);
	if (!result->ended)
		script_fail(step->script, "it did not end\n%s", result->output);
	return result->ended;
}

static bool do_run(struct step *step)
{
	struct shell_result result = { 0 };
	bool ok = run_shell(step, step->rest, &result);

	if (ok && result.status)
		ok = script_fail(step->script, "it ended with status %d\n%s", result.status, result.output);
	free(result.output);
	return ok;
}

static bool do_capture(struct step *step)
{
	struct shell_result result = { 0 };
	char name[64];
	const char *command = assignment(step, name);
	bool ok = command && run_shell(step, command, &result);

	if (ok && result.status)
		ok = script_fail(step->script, "it ended with status %d\n%s", result.status, result.output);
	if (ok) {
		result.output[strcspn(result.output, "\n")] = '\0';
		setenv(name, result.output, 1);
	}
	free(result.output);
	return ok;
}

static bool do_needs(struct step *step)
{
	struct shell_result result = { 0 };

	if (!run_shell(step, step->rest, &result))
		return false;
	step->script->skipped = result.status;
	free(result.output);
	return !step->script->skipped;
}

static int count_files(const struct script *script, const char *pattern)
{
	char *path = *pattern == '/' ? xstrdup(pattern) : xasprintf("%s/%s", script->directory, pattern);
	glob_t found = { 0 };
	int n = glob(path, GLOB_NOSORT, NULL, &found) ? 0 : (int)found.gl_pathc;

	globfree(&found);
	free(path);
	return n;
}

static bool do_files(struct step *step)
{
	struct list words = { 0 };
	bool ok = step_split(step, &words), counted = words.n == 2;
	int n;

	if (ok && words.n != 1 && words.n != 2)
		ok = script_fail(step->script, "this is written 'expect-file PATTERN [NUMBER]'");
	if (ok) {
		n = count_files(step->script, step_word(&words, 0));
		if (counted ? n != atoi(step_word(&words, 1)) : n < 1)
			ok = script_fail(step->script, "%d files match %s", n, step_word(&words, 0));
	}
	fields_free_texts(&words);
	return ok;
}

/* ---- the statements ---- */

static const struct {
	const char *word;
	bool (*run)(struct step *step);
} statements[] = {
	{ ">", send_statement }, { "<", expect_line }, { "no event", expect_no_event }, { "silence", expect_silence },
	{ "camd", do_camd }, { "exit", do_exit }, { "eof", do_eof }, { "signal", do_signal }, { "stderr", do_stderr },
	{ "stop-reading", do_stop_reading }, { "read-on", do_read_on }, { "close-output", do_close_output },
	{ "wait", do_wait }, { "limit", do_limit }, { "set", do_set }, { "let", do_let },
	{ "run", do_run }, { "capture", do_capture }, { "needs", do_needs }, { "expect-file", do_files },
};

/* "@NAME " chooses among several camds. */
static bool choose_peer(struct step *step)
{
	size_t n = step->rest[0] == '@' ? strcspn(step->rest + 1, " ") : 0;
	char name[32];

	snprintf(name, sizeof(name), "%.*s", (int)MIN(n, sizeof(name) - 1), step->rest + (n > 0));
	if (n) {
		step->rest += n + 1;
		step->rest += strspn(step->rest, " ");
	}
	step->peer = script_peer(step->script, name);
	return step->peer;
}

bool step_run(struct script *script, const char *line)
{
	struct step step = { .script = script, .rest = line + strspn(line, " \t") };

	if (!*step.rest || *step.rest == '#')
		return true;
	if (!choose_peer(&step))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
		size_t n = strlen(statements[i].word);
		bool letters = isalpha((unsigned char)statements[i].word[0]);

		if (strncmp(step.rest, statements[i].word, n) || (letters && step.rest[n] && step.rest[n] != ' '))
			continue;
		step.rest += n + (letters ? strspn(step.rest + n, " ") : 0);
		return statements[i].run(&step);
	}
	return script_fail(script, "no such statement (see camctl script --help)");
}

bool step_run_ending(struct script *script)
{
	for (size_t i = 0; i < script->n_peers; i++) {
		struct step step = { .script = script, .peer = script->peers[i], .rest = "" };

		if (!step.peer->spawn || step.peer->end_taken)
			continue;
		spawn_resume_output(step.peer->spawn);
		spawn_end_input(step.peer->spawn);
		if (!expect_end(&step, "0", script->limit_ns))
			return false;
	}
	return true;
}
