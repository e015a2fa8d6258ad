#include "camd/rescue.h"

#include "common/clock.h"
#include "common/util.h"

#define TRIES 6
#define PAUSE_NS (400 * NS_PER_MS)

/* After a pause, if this was not the last try. */
static bool may_try_again(int tries, const struct error *err)
{
	if (tries == TRIES || err->code != ERR_IO)
		return false;
	clock_sleep_until(clock_now_ns() + PAUSE_NS);
	return true;
}

struct footage *rescue_make_file(const struct rescue *rescue, const struct packet *first, struct error *err)
{
	for (int tries = 1;; tries++) {
		struct footage *footage = rescue->make_file(rescue->user, first, err);

		if (footage || !may_try_again(tries, err))
			return footage;
	}
}

static bool write_all(struct tail *tail, struct footage *footage, struct error *err)
{
	for (size_t i = 0; i < tail->n; i++) {
		bool in_video;

		tail->entries[i].mark = footage_mark(footage);
		if (!footage_write(footage, tail->entries[i].packet, &in_video, err))
			return false;
	}
	return footage_push_down(footage, err);
}

static struct footage *try_once(const struct rescue *rescue, struct tail *tail, struct error *err)
{
	struct footage *footage = rescue->make_file(rescue->user, tail->entries[0].packet, err);

	if (footage && write_all(tail, footage, err))
		return footage;
	if (footage)
		footage_remove(footage);
	footage_destroy(footage);
	return NULL;
}

struct footage *rescue_write_again(const struct rescue *rescue, struct tail *tail, struct error *err)
{
	for (int tries = 1;; tries++) {
		struct footage *footage = try_once(rescue, tail, err);

		if (footage || !may_try_again(tries, err))
			return footage;
	}
}
