#include "camd/taps.h"

#include "camd/smaller.h"
#include "camd/tap_ring.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_TAPS 8

struct tap {
	const struct client *client;	/* only ever compared; NULL: it is free */
	int camera_id;
	struct size size;
	enum tap_format format;
	double fps;			/* NAN: every frame */
	struct tap_ring *ring;
	int64_t due_ns, last_ns;	/* sensor times: of the next picture, and of the last one; 0: none yet */
	bool written;			/* the worker has it */
	bool ended;			/* to be freed once the worker is done */
	int number;			/* the worker's errno, 0: all is well */
	bool complained;
};

/* What is made of the taps of one camera. */
struct spring {
	struct taps *taps;
	uv_work_t work;
	int camera_id;
	bool asked;			/* for a frame */
	struct frame *frame;		/* that the worker has; NULL: it has none */
	struct tap *due[MAX_TAPS];	/* for it to write */
	int n_due;
	struct converter *converter;
	struct error error;
};

struct taps {
	struct session *session;
	struct tap all[MAX_TAPS];
	struct spring springs[SESSION_MAX_CAMERAS];
	size_t under_way;
	uint64_t made;
};

struct taps *taps_create(struct session *session)
{
	struct taps *taps = xcalloc(1, sizeof(*taps));

	taps->session = session;
	for (int i = 0; i < SESSION_MAX_CAMERAS; i++) {
		taps->springs[i] = (struct spring){ .taps = taps, .camera_id = i };
		taps->springs[i].work.data = &taps->springs[i];
	}
	return taps;
}

static void free_tap(struct tap *tap)
{
	tap_ring_destroy(tap->ring);
	*tap = (struct tap){ 0 };
}

void taps_destroy(struct taps *taps)
{
	if (!taps)
		return;
	for (int i = 0; i < MAX_TAPS; i++)
		free_tap(&taps->all[i]);
	for (int i = 0; i < SESSION_MAX_CAMERAS; i++)
		converter_destroy(taps->springs[i].converter);
	free(taps);
}

bool taps_are_idle(const struct taps *taps)
{
	return !taps->under_way;
}

static bool is_of(const struct tap *tap, int camera_id)
{
	return tap->ring && !tap->ended && tap->camera_id == camera_id;
}

/* ---- a frame's way ---- */

static int64_t period_of(const struct camera *camera)
{
	double fps = camera_nominal_fps(camera);

	return fps > 0 ? (int64_t)(1e9 / fps) : NS_PER_S / 30;
}

static void ask_for_frame(struct spring *spring);

static void work(uv_work_t *work)
{
	struct spring *spring = work->data;

	for (int i = 0; i < spring->n_due; i++) {
		struct tap *tap = spring->due[i];
		struct frame *picture = smaller_make(spring->converter, spring->frame, tap->size, &spring->error);

		tap->number = picture && !tap_ring_write(tap->ring, picture, spring->frame) ? errno : 0;
		frame_unref(picture);
	}
}

static void complain(struct tap *tap, const struct error *err)
{
	if (tap->complained || (!err->code && !tap->number))
		return;
	tap->complained = true;
	log_warning("camera %d: tap %s: %s", tap->camera_id, tap_ring_path(tap->ring), err->code ? err->text : strerror(tap->number));
}

static void after(uv_work_t *work, int status)
{
	struct spring *spring = work->data;
	struct taps *taps = spring->taps;

	(void)status;
	for (int i = 0; i < spring->n_due; i++) {
		struct tap *tap = spring->due[i];

		tap->written = false;
		complain(tap, &spring->error);
		if (tap->ended)
			free_tap(tap);
	}
	frame_unref(spring->frame);
	spring->frame = NULL;
	taps->under_way--;
	ask_for_frame(spring);
	session_check_down(taps->session);
}

/* Half a frame early is in time, so that a tap at the camera's own rate gets every frame. */
static void find_due(struct spring *spring, const struct camera *camera, int64_t sensor_ns)
{
	spring->n_due = 0;
	for (int i = 0; i < MAX_TAPS; i++) {
		struct tap *tap = &spring->taps->all[i];
		int64_t interval_ns = isnan(tap->fps) ? 0 : (int64_t)(1e9 / tap->fps);

		if (!is_of(tap, spring->camera_id) || sensor_ns <= tap->last_ns || sensor_ns < tap->due_ns - period_of(camera) / 2)
			continue;
		tap->due_ns = MAX((tap->due_ns ? tap->due_ns : sensor_ns) + interval_ns, sensor_ns);
		tap->last_ns = sensor_ns;
		tap->written = true;
		spring->due[spring->n_due++] = tap;
	}
}

/* frame: NULL if the camera is being closed. */
static void on_frame(void *user, struct camera *camera, struct frame *frame)
{
	struct spring *spring = user;

	spring->asked = false;
	if (!frame)
		return;
	find_due(spring, camera, frame->sensor_ns);
	if (!spring->n_due) {
		frame_unref(frame);
		ask_for_frame(spring);
		return;
	}
	if (!spring->converter)
		spring->converter = converter_create(1);
	spring->frame = frame;
	spring->error = (struct error){ 0 };
	spring->taps->under_way++;
	uv_queue_work(session_loop(spring->taps->session), &spring->work, work, after);
}

/* The next one that a tap is due to get. */
static void ask_for_frame(struct spring *spring)
{
	struct camera *camera = session_camera(spring->taps->session, spring->camera_id);
	int64_t at_ns = INT64_MAX;

	if (!camera || spring->asked || spring->frame)
		return;
	for (int i = 0; i < MAX_TAPS; i++)
		if (is_of(&spring->taps->all[i], spring->camera_id))
			at_ns = MIN(at_ns, spring->taps->all[i].due_ns);
	if (at_ns == INT64_MAX)
		return;
	spring->asked = true;
	camera_request_frame(camera, MAX(at_ns, clock_now_ns()), on_frame, spring);
}

/* ---- who has them ---- */

static void end_tap(struct tap *tap)
{
	tap->ended = true;
	tap->client = NULL;
	if (!tap->written)
		free_tap(tap);
}

static struct tap *find(struct taps *taps, const struct client *client, int camera_id)
{
	for (int i = 0; i < MAX_TAPS; i++)
		if (is_of(&taps->all[i], camera_id) && taps->all[i].client == client)
			return &taps->all[i];
	return NULL;
}

static struct tap *find_free(struct taps *taps)
{
	for (int i = 0; i < MAX_TAPS; i++)
		if (!taps->all[i].ring)
			return &taps->all[i];
	return NULL;
}

static bool make_tap(struct taps *taps, const struct client *client, const struct frame_tap_args *args, struct error *err)
{
	struct tap *tap = find_free(taps);
	struct size size = args->size.width ? args->size : session_config(taps->session)->preview_size;
	char *name;
	struct tap_ring *ring;

	if (!tap)
		return error_set(err, ERR_BUSY, "there are %d taps already: end one", MAX_TAPS);
	name = xasprintf("%d-%" PRIu64, (int)getpid(), ++taps->made);
	ring = tap_ring_create(name, size, args->format, err);
	free(name);
	if (!ring)
		return false;
	*tap = (struct tap){
		.client = client, .camera_id = (int)args->camera_id, .size = size, .format = args->format, .fps = args->rate, .ring = ring,
	};
	return true;
}

bool taps_set(struct taps *taps, const struct client *client, const struct frame_tap_args *args, struct frame_tapped *reply,
	      struct error *err)
{
	struct list id = { 1, (void *)&args->camera_id };
	struct camera **cameras;
	struct tap *old;
	size_t n;

	if (!session_select(taps->session, &id, &cameras, &n, err))
		return false;
	free(cameras);
	*reply = (struct frame_tapped){ .camera_id = args->camera_id, .stopped = args->stop };
	old = find(taps, client, (int)args->camera_id);
	if (old)
		end_tap(old);
	if (args->stop)
		return true;
	if (!make_tap(taps, client, args, err))
		return false;
	reply->path = (char *)tap_ring_path(find(taps, client, (int)args->camera_id)->ring);
	ask_for_frame(&taps->springs[args->camera_id]);
	return true;
}

void taps_forget_client(struct taps *taps, const struct client *client)
{
	for (int i = 0; i < MAX_TAPS; i++)
		if (taps->all[i].ring && taps->all[i].client == client)
			end_tap(&taps->all[i]);
}

void taps_fill_status(const struct taps *taps, struct list *status)
{
	struct tap_status *items = xcalloc(MAX_TAPS, sizeof(*items));

	*status = (struct list){ .items = items };
	for (int i = 0; i < MAX_TAPS; i++) {
		const struct tap *tap = &taps->all[i];

		if (tap->ring && !tap->ended)
			items[status->n++] = (struct tap_status){
				.camera_id = tap->camera_id, .path = (char *)tap_ring_path(tap->ring), .size = tap->size,
				.format = tap->format, .rate = tap->fps, .pictures = (int64_t)tap_ring_count(tap->ring),
			};
	}
}
