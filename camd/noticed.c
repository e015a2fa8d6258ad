#include "camd/noticed.h"

#include "camd/camera_config.h"
#include "camd/tell.h"
#include "camd/triggers.h"
#include "common/clock.h"
#include "common/util.h"

#include <stdlib.h>

/* Why there is no clip may be over soon: a disk that is full, or does not answer. */
#define AGAIN_NS (2 * NS_PER_S)

/* What is written of a camera's motion. */
struct motion_clip {
	bool goes_on;			/* the motion, written or not */
	bool refused;			/* and told so: tried again */
	int64_t again_ns;
	bool moves;			/* and is being written, until limit_ns as long as nothing else is known */
	int64_t trigger_id;
	int64_t limit_ns;		/* when motion is to go on in another clip */
	int64_t to_ns;			/* when the clip ends; 0: there has been none */
};

struct noticed {
	struct session *session;
	struct motion_clip clips[SESSION_MAX_CAMERAS];
};

struct noticed *noticed_create(struct session *session)
{
	struct noticed *noticed = xcalloc(1, sizeof(*noticed));

	noticed->session = session;
	return noticed;
}

void noticed_destroy(struct noticed *noticed)
{
	free(noticed);
}

static const struct config *config_of(const struct noticed *noticed, int camera_id)
{
	return camera_config(session_options(noticed->session), camera_id);
}

/* A clip from a moment on, up to its limit. */
static void fire(struct noticed *noticed, int64_t id, int64_t from_ns, int64_t now_ns, int overlap)
{
	struct motion_clip *clip = &noticed->clips[id];
	struct trigger_args args;
	struct triggered reply = { 0 };
	struct error err;

	fields_defaults(commands[CMD_TRIGGER].arguments, &args);
	args.camera_id = (struct list){ 1, &id };
	args.before_ns = now_ns - from_ns;
	args.after_ns = clip->limit_ns - now_ns;
	args.label = (char *)"motion";
	args.overlap = overlap;
	clip->moves = triggers_fire(session_triggers(noticed->session), &args, &reply, &err);
	clip->trigger_id = reply.trigger_id;
	clip->to_ns = clip->moves ? clip->limit_ns : 0;
	clip->again_ns = now_ns + AGAIN_NS;
	if (!clip->moves && !clip->refused) {
		error_wrap(&err, "camera %d: no clip of the motion", (int)id);
		tell_trouble(session_control(noticed->session), &err);
	}
	clip->refused = !clip->moves;
	free(reply.camera_id.items);
}

static void begin(struct noticed *noticed, int id, const struct config *config, int64_t since_ns)
{
	struct motion_clip *clip = &noticed->clips[id];
	int64_t now_ns = clock_now_ns();
	bool full = now_ns >= clip->limit_ns;

	clip->goes_on = true;
	clip->refused = false;
	/* where the clip of a motion before is not over, it becomes longer, but not without end */
	if (full || now_ns >= clip->to_ns)
		clip->limit_ns = MAX(since_ns + config->motion_longest_ns, now_ns);
	fire(noticed, id, since_ns - config->motion_before_ns, now_ns, full ? TRIGGER_OWN : TRIGGER_EXTEND);
}

static void end(struct noticed *noticed, struct camera *camera, const struct config *config, int64_t until_ns)
{
	struct motion_clip *clip = &noticed->clips[camera_id(camera)];

	clip->goes_on = false;
	if (!clip->moves)
		return;
	clip->moves = false;
	clip->to_ns = until_ns + config->motion_hold_ns + config->motion_after_ns;
	camera_set_clip_end(camera, clip->trigger_id, clip->to_ns);
}

void noticed_tell(struct noticed *noticed, struct camera *camera, enum analyzer_kind kind, const struct analyzer_news *news)
{
	const struct config *config = config_of(noticed, camera_id(camera));

	tell_finding(session_control(noticed->session), camera, kind, news);
	if (kind != ANALYZER_MOTION || !session_camera(noticed->session, camera_id(camera)))
		return;		/* or camd ends */
	if (news->begun && config->motion_trigger)
		begin(noticed, camera_id(camera), config, news->since_ns);
	else if (!news->begun)
		end(noticed, camera, config, news->until_ns);
}

/* Motion that could not be written so far. */
static void try_again(struct noticed *noticed, int id, int64_t now_ns)
{
	const struct config *config = config_of(noticed, id);
	struct motion_clip *clip = &noticed->clips[id];

	clip->limit_ns = now_ns + config->motion_longest_ns;
	fire(noticed, id, now_ns - config->motion_before_ns, now_ns, TRIGGER_OWN);
}

void noticed_tick(struct noticed *noticed, int64_t now_ns)
{
	for (int id = 0; id < SESSION_MAX_CAMERAS; id++) {
		struct motion_clip *clip = &noticed->clips[id];
		int64_t from_ns = clip->limit_ns;

		if (clip->goes_on && clip->refused && now_ns >= clip->again_ns && config_of(noticed, id)->motion_trigger)
			try_again(noticed, id, now_ns);
		if (!clip->moves || now_ns < from_ns)
			continue;
		clip->limit_ns = MAX(from_ns + config_of(noticed, id)->motion_longest_ns, now_ns);
		fire(noticed, id, from_ns, now_ns, TRIGGER_OWN);
	}
}
