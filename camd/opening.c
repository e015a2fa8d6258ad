#include "camd/opening.h"

#include "camd/shots.h"
#include "camd/start.h"
#include "common/clock.h"
#include "common/util.h"

#include <stdlib.h>
#include <string.h>

/* Cameras that run wait for so long for others: they lose the start of what is to be seen. */
#define OTHERS_NS NS_PER_S

struct waiting {
	int64_t since_ns;
	struct list camera_ids;			/* of int64_t, its own */
	int64_t duration_ns;
	const struct take_snapshot_args *args;	/* NULL: it is a recording */
	session_done_fn done;
	void *user;
	struct waiting *next;
};

struct opening {
	struct session *session;
	struct waiting *first;			/* the oldest */
};

struct opening *opening_create(struct session *session)
{
	struct opening *opening = xcalloc(1, sizeof(*opening));

	opening->session = session;
	return opening;
}

void opening_destroy(struct opening *opening)
{
	free(opening);
}

static bool is_to_wait(const struct opening *opening, const struct list *ids, int64_t since_ns)
{
	struct camera **cameras;
	struct error err;
	size_t n, opens = 0, runs = 0;
	int64_t most_ns = session_config(opening->session)->start_timeout_ns;

	if (!session_select(opening->session, ids, &cameras, &n, &err))
		return false;
	for (size_t i = 0; i < n; i++) {
		opens += camera_state(cameras[i]) == CAMERA_OPENING && camera_has_answered(cameras[i]);
		runs += camera_state(cameras[i]) == CAMERA_RUNNING;
	}
	free(cameras);
	return opens && clock_now_ns() - since_ns < (runs ? MIN(OTHERS_NS, most_ns) : most_ns);
}

static void carry_out(struct opening *opening, const struct waiting *waiting)
{
	if (waiting->args)
		shots_take(session_shots(opening->session), waiting->args, waiting->done, waiting->user);
	else
		starts_start(session_starts(opening->session), &waiting->camera_ids, waiting->duration_ns, waiting->done, waiting->user);
}

static void begin(struct opening *opening, const struct waiting *asked)
{
	struct waiting *waiting, **last = &opening->first;

	if (!is_to_wait(opening, &asked->camera_ids, asked->since_ns)) {
		carry_out(opening, asked);
		return;
	}
	while (*last)
		last = &(*last)->next;
	waiting = *last = xcalloc(1, sizeof(*waiting));
	*waiting = *asked;
	if (asked->camera_ids.items) {
		waiting->camera_ids.items = xcalloc(MAX(asked->camera_ids.n, 1u), sizeof(int64_t));
		memcpy(waiting->camera_ids.items, asked->camera_ids.items, asked->camera_ids.n * sizeof(int64_t));
	}
}

void opening_start_recording(struct opening *opening, const struct list *camera_ids, int64_t duration_ns, session_done_fn done, void *user)
{
	begin(opening, &(struct waiting){
		.since_ns = clock_now_ns(), .camera_ids = *camera_ids, .duration_ns = duration_ns, .done = done, .user = user,
	});
}

void opening_take_snapshot(struct opening *opening, const struct take_snapshot_args *args, session_done_fn done, void *user)
{
	struct waiting asked = { .since_ns = clock_now_ns(), .camera_ids = args->camera_id, .args = args, .done = done, .user = user };

	if (args->ring == FIELD_UNSET)
		begin(opening, &asked);
	else
		carry_out(opening, &asked);	/* of frames that are there already */
}

static void destroy(struct waiting *waiting)
{
	free(waiting->camera_ids.items);
	free(waiting);
}

/* Takes out the first one that is not to wait, or NULL. */
static struct waiting *take_due(struct opening *opening)
{
	for (struct waiting **at = &opening->first, *waiting; (waiting = *at); at = &waiting->next) {
		if (is_to_wait(opening, &waiting->camera_ids, waiting->since_ns))
			continue;
		*at = waiting->next;
		return waiting;
	}
	return NULL;
}

void opening_look(struct opening *opening)
{
	/* from the beginning each time: whoever is answered may ask for more at once */
	for (struct waiting *waiting; (waiting = take_due(opening));) {
		carry_out(opening, waiting);
		destroy(waiting);
	}
}

static bool have_one_in_common(const struct opening *opening, const struct list *some, const struct list *others)
{
	struct camera **cameras[2] = { NULL, NULL };
	struct error err;
	size_t n[2];
	bool common = false;

	if (session_select(opening->session, some, &cameras[0], &n[0], &err) && session_select(opening->session, others, &cameras[1], &n[1], &err))
		for (size_t i = 0; i < n[0] * n[1]; i++)
			common = common || cameras[0][i / n[1]] == cameras[1][i % n[1]];
	free(cameras[0]);
	free(cameras[1]);
	return common;
}

/* Takes out the first recording that any of these cameras is to make, or NULL. */
static struct waiting *take_recording(struct opening *opening, const struct list *camera_ids)
{
	for (struct waiting **at = &opening->first, *waiting; (waiting = *at); at = &waiting->next) {
		if (waiting->args || !have_one_in_common(opening, &waiting->camera_ids, camera_ids))
			continue;
		*at = waiting->next;
		return waiting;
	}
	return NULL;
}

static void cancel(struct waiting *waiting, const char *why)
{
	struct error err;

	error_set(&err, ERR_CANCELLED, "%s", why);
	waiting->done(waiting->user, NULL, &err);
	destroy(waiting);
}

void opening_stop_recording(struct opening *opening, const struct list *camera_ids)
{
	for (struct waiting *waiting; (waiting = take_recording(opening, camera_ids));)
		cancel(waiting, "Cancelled: it was stopped before its cameras were open");
}

void opening_finish(struct opening *opening)
{
	for (struct waiting *waiting; (waiting = opening->first);) {
		opening->first = waiting->next;
		cancel(waiting, "Cancelled: camd ends");
	}
}
