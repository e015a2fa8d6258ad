#include "camd/discovery.h"

#include "camd/source/source.h"
#include "camd/worker.h"
#include "common/util.h"

#include <stdlib.h>

struct look {
	struct worker work;
	discovery_fn on_found;
	void *user;
	struct list specs;		/* of texts */
};

static void add_found(struct look *look, const struct source_impl *impl)
{
	char **found = NULL;
	size_t n = impl->discover ? impl->discover(&found) : 0;

	for (size_t i = 0; i < n; i++) {
		char *spec = xasprintf("%s:%s", impl->kind, found[i]);

		fields_add_text(&look->specs, spec);
		free(spec);
		free(found[i]);
	}
	free(found);
}

static void work(struct worker *work)
{
	for (const struct source_impl *const *impl = source_impls; *impl; impl++)
		add_found(work->data, *impl);
}

static void after(struct worker *work)
{
	struct look *look = work->data;

	look->on_found(look->user, &look->specs);
	fields_free_texts(&look->specs);
	free(look);
}

void discovery_look(uv_loop_t *loop, discovery_fn on_found, void *user)
{
	struct look *look = xcalloc(1, sizeof(*look));

	look->work.data = look;
	look->on_found = on_found;
	look->user = user;
	worker_start(loop, &look->work, work, after);
}
