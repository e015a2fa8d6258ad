#include "camctl/expect.h"

#include "camctl/match.h"
#include "common/util.h"

#include <string.h>

struct wanted {
	struct step *step;
	bool loose;		/* an event, anywhere; else the next line that is none */
	const char *name;
	const struct list *conditions;
	size_t first_condition;
	size_t index;		/* of the line that was found */
};

static bool matches(const struct wanted *wanted, const struct peer_line *line, struct error *err)
{
	if (strcmp(messages[line->message.message].name, wanted->name))
		return error_set(err, ERR_INTERNAL, "it is %s", messages[line->message.message].name);
	for (size_t i = wanted->first_condition; i < wanted->conditions->n; i++)
		if (!match_condition(&line->message, step_word(wanted->conditions, i), err))
			return false;
	return true;
}

static bool find_line(void *user)
{
	struct wanted *wanted = user;
	const struct peer *peer = wanted->step->peer;
	struct error err;

	for (size_t i = 0; i < peer->n_lines; i++) {
		if (peer_is_loose(&peer->lines[i]) != wanted->loose)
			continue;
		if (wanted->loose && !matches(wanted, &peer->lines[i], &err))
			continue;
		wanted->index = i;
		return true;
	}
	return false;
}

static bool find_line_or_end(void *user)
{
	const struct wanted *wanted = user;

	return find_line(user) || wanted->step->peer->ended;
}

static bool take_line(struct step *step, struct wanted *wanted)
{
	struct error err;

	peer_clear_line(&step->script->last);
	step->script->last = peer_take(step->peer, wanted->index);
	if (matches(wanted, &step->script->last, &err))
		return true;
	return script_fail(step->script, "%s\n    %s", err.text, step->script->last.text);
}

static bool expect(struct step *step, struct wanted *wanted, int64_t limit_ns)
{
	char text[64];

	if (!script_pump(step->script, limit_ns, find_line_or_end, wanted) && step->script->failure)
		return false;
	if (find_line(wanted))
		return take_line(step, wanted);
	if (step->peer->ended)
		return script_fail(step->script, "it never came: camd %s", step_describe_end(step->peer->end, text));
	return script_fail(step->script, "it did not come within %.3g s", limit_ns / 1e9);
}

static bool is_message_name(const char *name, bool loose)
{
	return message_find(name, loose) != N_MESSAGES || (loose && !strcmp(name, messages[MSG_PREVIEW_FRAME].name));
}

bool expect_line(struct step *step)
{
	struct list words = { 0 };
	struct wanted wanted = { .step = step, .conditions = &words, .first_condition = 1 };
	int64_t limit_ns;
	bool ok = step_need_camd(step) && step_split(step, &words) && step_take_limit(step, &words, &limit_ns);

	wanted.loose = ok && step_word(&words, 0) && !strcmp(step_word(&words, 0), "event");
	wanted.first_condition += wanted.loose;
	wanted.name = step_word(&words, wanted.loose);
	if (ok && (!wanted.name || !is_message_name(wanted.name, wanted.loose)))
		ok = script_fail(step->script, "no %s is called '%s'", wanted.loose ? "event" : "reply or notice",
				 wanted.name ? wanted.name : "");
	ok = ok && expect(step, &wanted, limit_ns);
	fields_free_texts(&words);
	return ok;
}

bool expect_no_event(struct step *step)
{
	struct list words = { 0 };
	struct wanted wanted = { .step = step, .loose = true, .conditions = &words, .first_condition = 1 };
	bool ok = step_need_camd(step) && step_split(step, &words);

	wanted.name = step_word(&words, 0);
	if (ok && (!wanted.name || !is_message_name(wanted.name, true)))
		ok = script_fail(step->script, "no event is called '%s'", wanted.name ? wanted.name : "");
	if (ok && find_line(&wanted))
		ok = script_fail(step->script, "it came\n    %s", step->peer->lines[wanted.index].text);
	fields_free_texts(&words);
	return ok;
}

static bool has_lines(void *user)
{
	const struct peer *peer = user;

	return peer->n_lines;
}

bool expect_silence(struct step *step)
{
	int64_t ns;

	if (!step_need_camd(step) || !step_read_time(step, step->rest, &ns))
		return false;
	if (!script_pump(step->script, ns, has_lines, step->peer))
		return !step->script->failure;
	return script_fail(step->script, "it was not silent\n    %s", step->peer->lines[0].text);
}
