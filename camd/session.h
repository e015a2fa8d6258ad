/*
 * One run of camd: its session folder and log, its cameras, and what is done with several of them at once (start, stop,
 * snapshots). Main thread.
 */
#pragma once

#include "camd/camera.h"
#include "camd/config.h"
#include "camd/mailbox.h"
#include "common/options.h"
#include "protocol/commands.h"

#include <uv.h>

#define SESSION_MAX_CAMERAS OPTIONS_MAX_CAMERAS

struct client;
struct home;
struct shots;
struct starts;
struct taps;
struct session;
struct triggers;
struct control;

/* reply: the message's struct, borrowed for the call; err: why there is none. */
typedef void (*session_done_fn)(void *user, const void *reply, const struct error *err);

struct session_request {
	uv_loop_t *loop;
	struct mailbox *mailbox;
	const struct config *config;
	const struct options *options;
};

struct session *session_create(const struct session_request *request);
void session_set_control(struct session *session, struct control *control);

/* Makes the folder, recovers what a crash left, begins to open cameras. */
void session_begin(struct session *session);

/* Finishes recordings, closes cameras; on_finished when all is down. */
void session_finish(struct session *session, void (*on_finished)(void *user), void *user);
void session_destroy(struct session *session);	/* NULL is allowed */

/* Files are complete; cameras whose drivers don't come back were left to themselves, so that nothing may be freed any more. */
bool session_left_cameras(const struct session *session);

/* False: camd started anew would do better than this one. patience_ns: for how long nothing must have moved. */
bool session_is_alive(const struct session *session, int64_t patience_ns, struct error *why);

/* The cameras have answered, or have been waited for long enough. */
bool session_is_ready(const struct session *session);

const char *session_label(const struct session *session);	/* the folder's name; NULL: it could not be made */

/* camera_ids: of int64_t; absent means all. duration_ns: FIELD_UNSET for none. */
void session_start_recording(struct session *session, const struct list *camera_ids, int64_t duration_ns,
			     session_done_fn done, void *user);
void session_stop_recording(struct session *session, const struct list *camera_ids, session_done_fn done, void *user);
void session_sync(struct session *session, session_done_fn done, void *user);
void session_take_snapshot(struct session *session, const struct take_snapshot_args *args, session_done_fn done, void *user);

void session_fill_status(struct session *session, struct status_report *report);	/* free report->cameras.items */

/* Settings were changed by set_config. */
void session_config_changed(struct session *session);

/* Sends the `recovered` events that came before anybody could subscribe. */
void session_tell_recovered(struct session *session);

struct jobs *session_jobs(const struct session *session);
struct disk *session_disk(const struct session *session);
struct storage *session_storage(const struct session *session);
struct syncer *session_syncer(const struct session *session);
struct adjust *session_adjust(const struct session *session);
struct triggers *session_triggers(const struct session *session);
struct taps *session_taps(const struct session *session);
struct previews *session_previews(const struct session *session);

/* ---- for the modules that work for it: start.c, shots.c, recovery.c, jobs.c, remux.c ---- */

bool session_is_recovering(const struct session *session);	/* looks for what a crash has left; any thread */

struct camera *session_camera(const struct session *session, int64_t id);	/* NULL: there is none */
size_t session_n_cameras(const struct session *session);
struct control *session_control(const struct session *session);
const struct config *session_config(const struct session *session);
const struct options *session_options(const struct session *session);	/* for camera_config() */
uv_loop_t *session_loop(const struct session *session);
struct mailbox *session_mailbox(const struct session *session);

struct home *session_home(struct session *session);
struct shots *session_shots(const struct session *session);
struct starts *session_starts(const struct session *session);

/* The folder's absolute path, made now if it could not be before. NULL: err says why. */
const char *session_directory(struct session *session, struct error *err);

/* Some work has ended: if the session is being finished, this may have been the last. */
void session_check_down(struct session *session);

/* Says that the folder holds something worth keeping. */
void session_mark_used(struct session *session);

/*
 * The cameras that a list of ids means, in camera order, in an allocated array. False: ERR_UNKNOWN_CAMERA, or ERR_NO_CAMERAS.
 */
bool session_select(const struct session *session, const struct list *camera_ids, struct camera ***cameras, size_t *n, struct error *err);
