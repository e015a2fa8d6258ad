#include "camd/resume.h"

#include "camd/camera_config.h"
#include "camd/disk.h"
#include "camd/start.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/types.h>

/* The first pause, and the longest; a recording that went well for so long begins with the first again. */
#define FIRST_PAUSE_NS NS_PER_S
#define LONGEST_PAUSE_NS (30 * NS_PER_S)
#define WELL_NS (60 * NS_PER_S)

/* A disk that was full has room again once so much fits on it: else the recording would end at once. */
#define ROOM_S 20

struct wish {
	bool waits;
	bool trying;
	bool full;			/* it ended for want of room */
	dev_t device;			/* where it was written to */
	int64_t until_ns;		/* end of its duration; INT64_MAX: none */
	int64_t pause_ns, next_ns;
	int64_t failed_ns;
	int64_t began_ns;		/* the recording that runs, or ran last */
	struct resume *resume;
	int camera_id;
};

struct resume {
	struct session *session;
	struct starts *starts;
	struct wish wishes[SESSION_MAX_CAMERAS];
};

struct resume *resume_create(struct session *session, struct starts *starts)
{
	struct resume *resume = xcalloc(1, sizeof(*resume));

	resume->session = session;
	resume->starts = starts;
	for (int i = 0; i < SESSION_MAX_CAMERAS; i++)
		resume->wishes[i] = (struct wish){ .resume = resume, .camera_id = i };
	return resume;
}

void resume_destroy(struct resume *resume)
{
	free(resume);
}

/* ---- what ends them ---- */

static bool is_disks_fault(const struct error *err)
{
	switch (err->code) {
	case ERR_STORAGE_FULL:
	case ERR_STORAGE_READONLY:
	case ERR_IO:
	case ERR_PERMISSION_DENIED:
	case ERR_NOT_FOUND:
		return true;
	default:
		return false;
	}
}

static int64_t end_of(const struct recording *recording)
{
	int64_t duration_ns = recording->request.duration_ns;

	return duration_ns == FIELD_UNSET ? INT64_MAX : atomic_load(&recording->first_sensor_ns) + duration_ns;
}

static void note_failed(struct wish *wish, const struct recording *recording, const struct error *err)
{
	int64_t now_ns = clock_now_ns();

	if (!wish->pause_ns || now_ns - wish->began_ns >= WELL_NS)
		wish->pause_ns = FIRST_PAUSE_NS;
	wish->waits = true;
	wish->failed_ns = now_ns;
	wish->full = err->code == ERR_STORAGE_FULL;
	wish->until_ns = end_of(recording);
	wish->next_ns = now_ns + wish->pause_ns;
	log_info("camera %d: the recording goes on, in a new file, as soon as the disk lets it", wish->camera_id);
}

void resume_on_recording(struct resume *resume, struct camera *camera, struct recording *recording, enum recording_event event)
{
	struct wish *wish = &resume->wishes[camera_id(camera)];
	struct error err;

	if (event == RECORDING_STARTED) {
		wish->waits = false;
		wish->began_ns = clock_now_ns();
		wish->device = disk_last_look(session_disk(resume->session))->device;
	} else if (event == RECORDING_FAILED && recording->started && !recording->stopping) {
		if (recording_error(recording, &err) && is_disks_fault(&err))
			note_failed(wish, recording, &err);
	}
}

void resume_forget(struct resume *resume, const struct list *ids)
{
	for (int c = 0; c < SESSION_MAX_CAMERAS; c++) {
		bool named = !ids->items;

		for (size_t i = 0; i < ids->n; i++)
			named = named || ((int64_t *)ids->items)[i] == c;
		if (named)
			resume->wishes[c].waits = false;
	}
}

bool resume_waits(const struct resume *resume, int camera_id)
{
	return resume->wishes[camera_id].waits;
}

/* ---- beginning again ---- */

static void tried(void *user, const void *reply, const struct error *err)
{
	struct wish *wish = user;

	(void)reply;
	wish->trying = false;
	/* also after success: should it fail again soon, it waits longer */
	wish->pause_ns = MIN(2 * wish->pause_ns, LONGEST_PAUSE_NS);
	wish->next_ns = clock_now_ns() + wish->pause_ns;
	if (err)
		log_debug("camera %d: not yet: %s", wish->camera_id, err->text);
	else
		log_info("camera %d: the recording goes on", wish->camera_id);
}

static bool has_room(const struct wish *wish, const struct disk_look *look)
{
	const struct session *session = wish->resume->session;

	return !wish->full || look->free_bytes >= camera_config(session_options(session), wish->camera_id)->bitrate_bps / 8 * ROOM_S +
						  session_config(session)->storage_reserve_bytes;
}

/* A disk that was taken away leaves a directory on the system's own one behind: that is not to be filled up without being asked. */
static bool is_there(const struct wish *wish, const struct disk_look *look)
{
	return look->device && (look->device == wish->device || look->device != look->system);
}

static bool may_try(const struct wish *wish, struct camera *camera)
{
	const struct disk_look *look = disk_last_look(session_disk(wish->resume->session));

	return camera && camera_state(camera) == CAMERA_RUNNING && !camera_recording(camera) && look->began_ns > wish->failed_ns &&
	       is_there(wish, look) && has_room(wish, look);
}

static void begin_again(struct wish *wish, int64_t now_ns)
{
	int64_t id = wish->camera_id, left_ns = wish->until_ns == INT64_MAX ? FIELD_UNSET : wish->until_ns - now_ns;
	struct list one = { 1, &id };

	wish->trying = true;
	starts_start_again(wish->resume->starts, &one, left_ns, tried, wish);
}

void resume_tick(struct resume *resume, int64_t now_ns)
{
	for (size_t i = 0; i < session_n_cameras(resume->session); i++) {
		struct wish *wish = &resume->wishes[i];

		if (!wish->waits || wish->trying || now_ns < wish->next_ns)
			continue;
		if (now_ns >= wish->until_ns)
			wish->waits = false;
		else if (may_try(wish, session_camera(resume->session, (int64_t)i)))
			begin_again(wish, now_ns);
	}
}
