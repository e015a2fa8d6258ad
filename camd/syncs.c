#include "camd/syncs.h"

#include "common/util.h"
#include "protocol/messages.h"

#include <inttypes.h>
#include <stdlib.h>

/* One recording that a request waits for. */
struct sync_part {
	struct recording *recording;	/* not to be looked into once it is done */
	uint64_t number;		/* of the last frame captured when it was asked for */
	bool done;
	struct error error;		/* code ERR_NONE: none */
	struct synced_camera synced;
};

struct sync_operation {
	session_done_fn done;
	void *user;
	struct sync_part parts[SESSION_MAX_CAMERAS];
	size_t n;
	struct sync_operation *next;
};

struct syncs {
	struct session *session;
	struct sync_operation *first;
};

struct syncs *syncs_create(struct session *session)
{
	struct syncs *syncs = xcalloc(1, sizeof(*syncs));

	syncs->session = session;
	return syncs;
}

void syncs_destroy(struct syncs *syncs)
{
	free(syncs);
}

static bool is_done(const struct sync_operation *operation)
{
	for (size_t i = 0; i < operation->n; i++)
		if (!operation->parts[i].done)
			return false;
	return true;
}

static void answer(struct sync_operation *operation)
{
	struct synced_camera cameras[SESSION_MAX_CAMERAS];
	struct synced reply = { .cameras = { operation->n, cameras } };
	const struct error *error = NULL;

	for (size_t i = operation->n; i--;) {
		cameras[i] = operation->parts[i].synced;
		if (operation->parts[i].error.code)
			error = &operation->parts[i].error;
	}
	operation->done(operation->user, &reply, error);
	free(operation);
}

static void answer_those_done(struct syncs *syncs)
{
	for (struct sync_operation **at = &syncs->first, *operation; (operation = *at);) {
		if (!is_done(operation)) {
			at = &operation->next;
			continue;
		}
		*at = operation->next;
		answer(operation);
	}
}

/* What a recording is still wanted to tell; of several requests the first one's: it is asked again then. */
static void want(struct syncs *syncs, struct recording *recording)
{
	uint64_t number = 0;

	for (struct sync_operation *operation = syncs->first; operation; operation = operation->next)
		for (size_t i = 0; i < operation->n; i++)
			if (operation->parts[i].recording == recording && !operation->parts[i].done)
				number = number ? MIN(number, operation->parts[i].number) : operation->parts[i].number;
	recording_want_durable(recording, number);
}

static void end_part(struct sync_part *part)
{
	struct durable_point point = durable_synced(&part->recording->durable);

	part->done = true;
	part->synced.durable_frame = (int64_t)point.number;
	part->synced.durable_sensor_timestamp_ns = point.rows ? point.sensor_ns : FIELD_UNSET;
}

static void look(struct sync_part *part, bool finished)
{
	if (recording_is_durable(part->recording, part->number)) {
		end_part(part);
	} else if (finished) {
		end_part(part);
		if (!recording_error(part->recording, &part->error))
			error_set(&part->error, ERR_IO, "camera %" PRId64 ": not all of the recording is on the disk", part->synced.camera_id);
	}
}

void syncs_on_recording(struct syncs *syncs, struct recording *recording, enum recording_event event)
{
	if ((event != RECORDING_SYNCED && event != RECORDING_FINISHED) || !syncs->first)
		return;
	for (struct sync_operation *operation = syncs->first; operation; operation = operation->next)
		for (size_t i = 0; i < operation->n; i++)
			if (operation->parts[i].recording == recording && !operation->parts[i].done)
				look(&operation->parts[i], event == RECORDING_FINISHED);
	want(syncs, recording);
	answer_those_done(syncs);
}

static void add_part(struct sync_operation *operation, int camera_id, struct recording *recording)
{
	struct sync_part *part = &operation->parts[operation->n++];

	part->recording = recording;
	part->synced.camera_id = camera_id;
	part->number = atomic_load(&recording->captured);
	look(part, false);
}

void syncs_begin(struct syncs *syncs, struct syncer *syncer, session_done_fn done, void *user)
{
	struct sync_operation *operation = xcalloc(1, sizeof(*operation));

	operation->done = done;
	operation->user = user;
	for (size_t i = 0; i < session_n_cameras(syncs->session); i++) {
		struct camera *camera = session_camera(syncs->session, (int64_t)i);

		if (camera && camera_recording(camera))
			add_part(operation, (int)i, camera_recording(camera));
	}
	operation->next = syncs->first;
	syncs->first = operation;
	for (size_t i = 0; i < operation->n; i++)
		want(syncs, operation->parts[i].recording);
	/* for what is written already; what is not asks again when it is */
	syncer_hurry(syncer);
	answer_those_done(syncs);
}
