#include "camd/adjust.h"

#include "camd/controls.h"
#include "camd/overlays.h"
#include "common/log.h"
#include "common/util.h"

#include <stdlib.h>

struct adjust {
	struct session *session;
	struct overlays *overlays;
};

struct operation {
	struct adjust *adjust;
	session_done_fn done;
	void *user;
	int64_t *ids;			/* of all cameras that it is about */
	size_t n;
	size_t waiting;			/* cameras that have not answered, and one while more are being asked */
	struct error error;		/* the first that one of them had */
	bool enabled;
	const struct cJSON *controls;	/* NULL: it is set_camera; belongs to the request, which lives until it is answered */
};

struct adjust *adjust_create(struct session *session)
{
	struct adjust *adjust = xcalloc(1, sizeof(*adjust));

	adjust->session = session;
	adjust->overlays = overlays_create(session);
	return adjust;
}

struct overlays *adjust_overlays(const struct adjust *adjust)
{
	return adjust->overlays;
}

void adjust_destroy(struct adjust *adjust)
{
	if (adjust)
		overlays_destroy(adjust->overlays);
	free(adjust);
}

/* ---- an operation ---- */

static struct operation *operation_create(struct adjust *adjust, struct camera **cameras, size_t n, session_done_fn done, void *user)
{
	struct operation *operation = xcalloc(1, sizeof(*operation));

	*operation = (struct operation){
		.adjust = adjust, .done = done, .user = user, .ids = xcalloc(n, sizeof(*operation->ids)), .n = n, .waiting = 1,
	};
	for (size_t i = 0; i < n; i++)
		operation->ids[i] = camera_id(cameras[i]);
	return operation;
}

static void answer(struct operation *operation)
{
	struct list ids = { operation->n, operation->ids };
	struct camera_set camera_set = { .camera_id = ids, .enabled = operation->enabled };
	struct controls_set controls_set = { .camera_id = ids, .controls = (struct cJSON *)operation->controls };
	const void *reply = operation->controls ? (void *)&controls_set : (void *)&camera_set;
	bool good = !operation->error.code;

	operation->done(operation->user, good ? reply : NULL, good ? NULL : &operation->error);
	free(operation->ids);
	free(operation);
}

/* One of the cameras, or the asking of them, is done. */
static void one_done(void *user, const struct error *err)
{
	struct operation *operation = user;

	if (err && !operation->error.code)
		operation->error = *err;
	if (--operation->waiting == 0)
		answer(operation);
}

/* ---- set_camera ---- */

static void switch_all(struct operation *operation)
{
	for (size_t i = 0; i < operation->n; i++) {
		struct camera *camera = session_camera(operation->adjust->session, operation->ids[i]);

		if (!camera)
			continue;
		log_info("camera %d: switched %s", camera_id(camera), operation->enabled ? "on" : "off");
		operation->waiting++;
		camera_set_enabled(camera, operation->enabled, one_done, operation);
	}
	one_done(operation, NULL);
}

static void after_stop(void *user, const void *reply, const struct error *err)
{
	(void)reply;
	(void)err;		/* whatever became of the files is told by the events; the recordings are over */
	switch_all(user);
}

/* Those of its cameras that record. */
static size_t list_recording(const struct operation *operation, int64_t *ids)
{
	size_t n = 0;

	for (size_t i = 0; i < operation->n; i++) {
		const struct camera *camera = session_camera(operation->adjust->session, operation->ids[i]);

		if (camera && camera_recording(camera))
			ids[n++] = operation->ids[i];
	}
	return n;
}

void adjust_set_camera(struct adjust *adjust, const struct list *camera_ids, bool enabled, session_done_fn done, void *user)
{
	struct operation *operation;
	struct camera **cameras;
	int64_t ids[SESSION_MAX_CAMERAS];
	struct list recording = { .items = ids };
	struct error err;
	size_t n;

	if (!session_select(adjust->session, camera_ids, &cameras, &n, &err)) {
		done(user, NULL, &err);
		return;
	}
	operation = operation_create(adjust, cameras, n, done, user);
	operation->enabled = enabled;
	free(cameras);
	recording.n = enabled ? 0 : list_recording(operation, ids);
	if (recording.n)
		session_stop_recording(adjust->session, &recording, after_stop, operation);
	else
		switch_all(operation);
}

/* ---- set_controls ---- */

struct wish {
	struct control_setting *settings;
	size_t n;
};

static bool parse_for(const struct camera *camera, const struct cJSON *controls, struct wish *wish, struct error *err)
{
	const struct source_control *known;
	size_t n;

	if (camera_state(camera) != CAMERA_RUNNING) {
		*err = *camera_error(camera);
		return err->code ? false : error_set(err, ERR_CAMERA_LOST, "camera %d is not open yet", camera_id(camera));
	}
	known = camera_controls(camera, &n);
	return controls_parse(known, n, controls, &wish->settings, &wish->n, err) || error_wrap(err, "camera %d", camera_id(camera));
}

static void free_wishes(struct wish *wishes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(wishes[i].settings);
	free(wishes);
}

static void set_all(struct operation *operation, struct camera **cameras, const struct wish *wishes)
{
	size_t n = operation->n;

	for (size_t i = 0; i < n; i++) {
		operation->waiting++;
		camera_set_controls(cameras[i], wishes[i].settings, wishes[i].n, one_done, operation);
	}
	one_done(operation, NULL);
}

void adjust_set_controls(struct adjust *adjust, const struct list *camera_ids, const struct cJSON *controls, session_done_fn done,
			 void *user)
{
	struct operation *operation;
	struct camera **cameras;
	struct wish *wishes;
	struct error err;
	size_t n;
	bool good = true;

	if (!session_select(adjust->session, camera_ids, &cameras, &n, &err)) {
		done(user, NULL, &err);
		return;
	}
	wishes = xcalloc(n, sizeof(*wishes));
	for (size_t i = 0; i < n && good; i++)
		good = parse_for(cameras[i], controls, &wishes[i], &err);
	if (good) {
		operation = operation_create(adjust, cameras, n, done, user);
		operation->controls = controls;
		set_all(operation, cameras, wishes);
	} else {
		done(user, NULL, &err);
	}
	free_wishes(wishes, n);
	free(cameras);
}
