#include "camd/strain.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* So much older than by the syncs' cadence a frame may become, until it counts; and what is well again, for how long. */
#define SLOW_NS (1500 * NS_PER_MS)
#define WELL_NS (750 * NS_PER_MS)
#define HOLD_NS (2 * NS_PER_S)

static char *describe(const struct storage_slow *news)
{
	if (!news->slow)
		return xasprintf("camera %" PRId64 ": the disk did not keep up for %.1f s, and does again; %" PRId64 " frames are lost",
				 news->camera_id, news->seconds, news->lost);
	return xasprintf("camera %" PRId64 ": the disk does not keep up: %" PRId64 " ms are not on it, %" PRId64 " bytes wait to be written, "
			 "%" PRId64 " frames are lost; record at a lower bitrate or to a faster disk", news->camera_id, news->durable_lag_ms,
			 news->queued_bytes, news->lost);
}

static void tell(const struct strain *strain, struct camera *camera, const struct meter *meter, struct control *control, int64_t lag_ns,
		 int64_t now_ns)
{
	struct storage_status figures;
	struct storage_slow news = {
		.camera_id = camera_id(camera), .slow = strain->slow, .durable_lag_ms = lag_ns / NS_PER_MS,
		.queued_bytes = (int64_t)camera_queued_bytes(camera), .lost = strain->lost,
		.seconds = strain->slow ? NAN : round((now_ns - strain->since_ns) / 1e6) / 1e3,
	};

	meter_fill_status(meter, &figures);
	news.slowest_write_ms = figures.slowest_write_ms;
	news.slowest_sync_ms = figures.slowest_sync_ms;
	news.message = describe(&news);
	log_warning("%s", news.message);
	control_event(control, EVENT_STORAGE_SLOW, &news);
	free(news.message);
}

/* Whether the recording, if there is one, has lost frames to the storage since the last look. */
static bool note_losses(struct strain *strain, struct recording *recording)
{
	struct error err;
	int64_t before = strain->lost;

	strain->lost = recording ? recording_lost(recording).storage : 0;
	/* what a recording loses that has failed is not for want of speed */
	return strain->lost > before && !recording_error(recording, &err);
}

void strain_watch(struct strain *strain, struct camera *camera, const struct meter *meter, struct control *control, int64_t recovery_point_ns,
		  int64_t now_ns)
{
	struct recording *recording = camera_recording(camera);
	int64_t lag_ns = recording ? recording_durable_lag_ns(recording) : 0, late_ns = lag_ns - recovery_point_ns;
	bool loses = note_losses(strain, recording), well = late_ns < WELL_NS && !loses;

	if (!strain->slow && (late_ns > SLOW_NS || loses)) {
		*strain = (struct strain){ .slow = true, .since_ns = now_ns, .lost = strain->lost };
		tell(strain, camera, meter, control, lag_ns, now_ns);
	}
	if (!strain->slow)
		return;
	if (!well)
		strain->well_since_ns = 0;
	else if (!strain->well_since_ns)
		strain->well_since_ns = now_ns;
	if (well && (!recording || now_ns - strain->well_since_ns >= HOLD_NS)) {
		strain->slow = false;
		tell(strain, camera, meter, control, lag_ns, now_ns);
	}
}
