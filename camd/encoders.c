#include "camd/encoders.h"

#include "camd/encode/encoder.h"
#include "camd/worker.h"
#include "common/log.h"
#include "common/util.h"

#include <stdlib.h>

struct encoders {
	struct worker work;
	struct list found, names;	/* the worker's; ours */
	bool known;
	void (*on_known)(void *user);
	void *user;
};

static void work(struct worker *work)
{
	struct encoders *encoders = work->data;

	encoder_list(&encoders->found);
}

static void after(struct worker *work)
{
	struct encoders *encoders = work->data;

	encoders->names = encoders->found;
	encoders->known = true;
	for (size_t i = 0; i < encoders->names.n; i++)
		log_info("encoder: %s", ((char **)encoders->names.items)[i]);
	if (encoders->names.n == 1)
		log_info("this machine has no hardware encoder for H.264: the processor encodes");
	encoders->on_known(encoders->user);
}

struct encoders *encoders_look(uv_loop_t *loop, void (*on_known)(void *user), void *user)
{
	struct encoders *encoders = xcalloc(1, sizeof(*encoders));

	encoders->work.data = encoders;
	encoders->on_known = on_known;
	encoders->user = user;
	worker_start(loop, &encoders->work, work, after);
	return encoders;
}

bool encoders_are_known(const struct encoders *encoders)
{
	return encoders->known;
}

const struct list *encoders_names(const struct encoders *encoders)
{
	return &encoders->names;
}

void encoders_destroy(struct encoders *encoders)
{
	if (!encoders)
		return;
	fields_free_texts(&encoders->names);
	free(encoders);
}
