/* The part of camd/session.h by which those who work for it reach its cameras, its settings and each other. */
#include "camd/session_private.h"

#include "camd/disk.h"
#include "camd/recovery.h"
#include "common/clock.h"
#include "common/util.h"

#include <inttypes.h>
#include <stdlib.h>

struct camera *session_camera(const struct session *session, int64_t id)
{
	return !session->closing && id >= 0 && (size_t)id < session->n_cameras ? session->cameras[id] : NULL;
}

size_t session_n_cameras(const struct session *session)
{
	return session->n_cameras;
}

struct control *session_control(const struct session *session)
{
	return session->control;
}

const struct config *session_config(const struct session *session)
{
	return session->its.config;
}

uv_loop_t *session_loop(const struct session *session)
{
	return session->its.loop;
}

struct mailbox *session_mailbox(const struct session *session)
{
	return session->its.mailbox;
}

struct jobs *session_jobs(const struct session *session)
{
	return session->jobs;
}

struct disk *session_disk(const struct session *session)
{
	return session->disk;
}

struct storage *session_storage(const struct session *session)
{
	return session->storage;
}

struct syncer *session_syncer(const struct session *session)
{
	return session->syncer;
}

struct adjust *session_adjust(const struct session *session)
{
	return session->adjust;
}

const struct options *session_options(const struct session *session)
{
	return session->its.options;
}

bool session_is_alive(const struct session *session, int64_t patience_ns, struct error *why)
{
	int64_t now_ns = clock_now_ns();
	int silent = -1;
	bool beats = false;

	for (size_t i = 0; !session->closing && i < session->n_cameras; i++) {
		enum camera_pulse pulse = camera_pulse(session->cameras[i], now_ns, patience_ns);

		if (pulse == CAMERA_STUCK)
			return error_set(why, ERR_INTERNAL, "camera %zu: its encoder or its disk does not come back from a call", i);
		if (pulse == CAMERA_SILENT)
			silent = (int)i;
		beats = beats || pulse == CAMERA_BEATS;
	}
	return silent < 0 || beats || error_set(why, ERR_INTERNAL, "camera %d: its driver gives no frames or does not come back from a call, and "
						"no other camera runs", silent);
}

bool session_is_recovering(const struct session *session)
{
	return recovery_is_busy(session->recovery);
}

const char *session_label(const struct session *session)
{
	return session->home.folder.label;
}

void session_mark_used(struct session *session)
{
	session->home.used = true;
}

const char *session_directory(struct session *session, struct error *err)
{
	return disk_answers(session->disk, err) ? home_directory(&session->home, err) : NULL;
}

struct home *session_home(struct session *session)
{
	return &session->home;
}

struct starts *session_starts(const struct session *session)
{
	return session->starts;
}

struct shots *session_shots(const struct session *session)
{
	return session->shots;
}

bool session_select(const struct session *session, const struct list *ids, struct camera ***cameras, size_t *n, struct error *err)
{
	*cameras = NULL;
	*n = 0;
	if (session->closing)
		return error_set(err, ERR_CANCELLED, "Cancelled: camd ends");
	if (!session->n_cameras)
		return error_set(err, ERR_NO_CAMERAS, "No cameras found");
	for (size_t i = 0; i < ids->n; i++) {
		int64_t id = ((int64_t *)ids->items)[i];

		if (!session_camera(session, id))
			return error_set_argument(err, "camera_id", "Invalid camera_id: %" PRId64, id) || (err->code = ERR_UNKNOWN_CAMERA, false);
	}
	*cameras = xcalloc(session->n_cameras, sizeof(**cameras));
	for (size_t c = 0; c < session->n_cameras; c++) {
		bool named = !ids->items;

		for (size_t i = 0; i < ids->n; i++)
			named = named || ((int64_t *)ids->items)[i] == (int64_t)c;
		if (named)
			(*cameras)[(*n)++] = session->cameras[c];
	}
	if (*n)
		return true;
	free(*cameras);
	*cameras = NULL;
	return error_set_argument(err, "camera_id", "camera_id: the list is empty");
}

struct triggers *session_triggers(const struct session *session)
{
	return session->triggers;
}

struct previews *session_previews(const struct session *session)
{
	return session->previews;
}

struct taps *session_taps(const struct session *session)
{
	return session->taps;
}
