#include "camctl/peer.h"

#include "common/util.h"

#include <stdlib.h>
#include <string.h>

struct peer *peer_create(const char *name, struct seen *seen)
{
	struct peer *peer = xcalloc(1, sizeof(*peer));

	peer->name = xstrdup(name);
	peer->seen = seen;
	peer->complaints = xstrdup("");
	return peer;
}

static void forget(struct peer *peer)
{
	spawn_destroy(peer->spawn);
	peer->spawn = NULL;
	while (peer->n_lines)
		peer_clear_line(&peer->lines[--peer->n_lines]);
	free(peer->violation);
	peer->violation = NULL;
	peer->complaints[0] = '\0';
}

void peer_destroy(struct peer *peer)
{
	if (!peer)
		return;
	forget(peer);
	free(peer->complaints);
	free(peer->lines);
	free(peer->name);
	free(peer);
}

static void on_line(void *user, const char *text, size_t bytes)
{
	struct peer *peer = user;
	struct peer_line line = { .text = xstrdup(text) };
	struct error err;

	if (!wire_parse_message(text, bytes, &line.message, &err)) {
		if (!peer->violation)
			peer->violation = xasprintf("%s\n    %s", err.text, text);
		peer_clear_line(&line);
		return;
	}
	seen_message(peer->seen, line.message.message);
	peer->lines = xrealloc(peer->lines, peer->n_lines + 1, sizeof(*peer->lines));
	peer->lines[peer->n_lines++] = line;
}

static void on_garbage(void *user, const char *what)
{
	struct peer *peer = user;

	if (!peer->violation)
		peer->violation = xstrdup(what);
}

static void on_complaint(void *user, const char *text)
{
	struct peer *peer = user;
	char *longer = xasprintf("%s%s\n", peer->complaints, text);

	free(peer->complaints);
	peer->complaints = longer;
}

static void on_end(void *user, struct spawn_end end)
{
	struct peer *peer = user;

	peer->ended = true;
	peer->end = end;
}

static const struct spawn_handlers handlers = {
	.on_line = on_line, .on_garbage = on_garbage, .on_complaint = on_complaint, .on_end = on_end,
};

bool peer_start(struct peer *peer, uv_loop_t *loop, const char *const *flags, const char *directory, struct error *err)
{
	struct spawn_options options = { .flags = flags, .directory = directory };

	forget(peer);
	peer->ended = peer->end_taken = false;
	peer->spawn = spawn_create(loop, &options, &handlers, peer, err);
	return peer->spawn;
}

bool peer_is_loose(const struct peer_line *line)
{
	return messages[line->message.message].kind == KIND_EVENT || line->message.message == MSG_PREVIEW_FRAME;
}

struct peer_line peer_take(struct peer *peer, size_t index)
{
	struct peer_line line = peer->lines[index];

	peer->n_lines--;
	memmove(peer->lines + index, peer->lines + index + 1, (peer->n_lines - index) * sizeof(*peer->lines));
	return line;
}

void peer_clear_line(struct peer_line *line)
{
	wire_clear_message(&line->message);
	free(line->text);
	line->text = NULL;
}
