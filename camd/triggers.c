#include "camd/triggers.h"

#include "camd/camera_config.h"
#include "camd/control.h"
#include "camd/folder.h"
#include "camd/storage.h"
#include "camd/tell.h"
#include "camd/trigger_stills.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct trigger {
	int64_t id;
	char *label;
	struct trigger_stills *stills;	/* NULL: none */
	size_t n_waiting;		/* cameras whose clip is not complete */
	struct trigger_clip clips[SESSION_MAX_CAMERAS];
	size_t n_clips;
	char *message;
	struct trigger *next;
};

struct triggers {
	struct session *session;
	int64_t last_id;
	struct still_stock stock;
	struct trigger *first;		/* that are not told of yet */
};

struct triggers *triggers_create(struct session *session)
{
	struct triggers *triggers = xcalloc(1, sizeof(*triggers));

	triggers->session = session;
	return triggers;
}

static void free_trigger(struct trigger *trigger)
{
	for (size_t i = 0; i < trigger->n_clips; i++) {
		struct trigger_clip *clip = &trigger->clips[i];

		free(clip->file);
		free(clip->csv);
		free(clip->from);
		free(clip->to);
	}
	trigger_stills_destroy(trigger->stills);
	free(trigger->label);
	free(trigger->message);
	free(trigger);
}

void triggers_destroy(struct triggers *triggers)
{
	if (!triggers)
		return;
	for (struct trigger *trigger; (trigger = triggers->first);) {
		triggers->first = trigger->next;
		free_trigger(trigger);
	}
	free(triggers);
}

bool triggers_are_idle(const struct triggers *triggers)
{
	return !triggers->first;
}

/* ---- firing ---- */

static void fire_camera(struct triggers *triggers, struct camera *camera, const struct trigger_args *args, int64_t now_ns,
			const char *directory)
{
	const struct config *config = camera_config(session_options(triggers->session), camera_id(camera));
	struct clip_request *request = xcalloc(1, sizeof(*request));

	*request = (struct clip_request){
		.trigger_id = triggers->last_id, .from_ns = now_ns - args->before_ns, .to_ns = now_ns + args->after_ns,
		.extend = args->overlap == TRIGGER_EXTEND, .label = args->label ? xstrdup(args->label) : NULL,
		.directory = xstrdup(directory), .title = camera_title(camera), .csv = config->enable_csv_timing_log,
		.fps = camera_nominal_fps(camera),
	};
	camera_trigger(camera, request);
}

/* The cameras that can, to the front of the list. */
static bool choose(struct camera **cameras, size_t *n, bool named, struct error *err)
{
	size_t able = 0;

	for (size_t i = 0; i < *n; i++) {
		if (camera_has_prebuffer(cameras[i]))
			cameras[able++] = cameras[i];
		else if (named)
			return error_set(err, ERR_UNSUPPORTED, "camera %d keeps nothing of the time before: set `prebuffer`, such as 10s",
					 camera_id(cameras[i]));
	}
	*n = able;
	return able || error_set(err, ERR_UNSUPPORTED, "nothing of the time before is kept: set `prebuffer`, such as 10s");
}

static int64_t *ids_of(struct camera **cameras, size_t n)
{
	int64_t *ids = xcalloc(n, sizeof(*ids));

	for (size_t i = 0; i < n; i++)
		ids[i] = camera_id(cameras[i]);
	return ids;
}

/* In seconds. */
static double find_available(struct camera **cameras, size_t n, int64_t now_ns)
{
	int64_t least_ns = INT64_MAX;

	for (size_t i = 0; i < n; i++) {
		int64_t from_ns = camera_prebuffer_from_ns(cameras[i]);

		least_ns = MIN(least_ns, from_ns ? MAX(now_ns - from_ns, 0) : 0);
	}
	return (double)(least_ns / NS_PER_MS) / 1e3;
}

/* What the trigger does not say is as the settings have it. */
static struct trigger_args complete(const struct triggers *triggers, const struct trigger_args *args)
{
	const struct config *config = session_config(triggers->session);
	struct trigger_args all = *args;

	if (all.before_ns == FIELD_UNSET)
		all.before_ns = config->trigger_before_ns;
	if (all.after_ns == FIELD_UNSET)
		all.after_ns = config->trigger_after_ns;
	return all;
}

static void begin(struct triggers *triggers, const struct trigger_args *args, struct camera **cameras, size_t n, const char *directory,
		  struct triggered *reply)
{
	struct trigger *trigger = xcalloc(1, sizeof(*trigger));
	int64_t now_ns = clock_now_ns();

	*trigger = (struct trigger){
		.id = ++triggers->last_id, .n_waiting = n, .next = triggers->first, .label = args->label ? xstrdup(args->label) : NULL,
		.stills = trigger_stills_create(triggers->session, &triggers->stock, args),
	};
	triggers->first = trigger;
	*reply = (struct triggered){
		.trigger_id = trigger->id, .camera_id = { n, ids_of(cameras, n) }, .sensor_timestamp_ns = now_ns,
		.available = find_available(cameras, n, now_ns),
	};
	log_info("trigger %" PRId64 "%s%s: %.3f s before, %.3f s after, %zu cameras", trigger->id, args->label ? " " : "",
		 args->label ? args->label : "", args->before_ns / 1e9, args->after_ns / 1e9, n);
	for (size_t i = 0; i < n; i++) {
		fire_camera(triggers, cameras[i], args, now_ns, directory);
		if (trigger->stills)
			trigger_stills_take(trigger->stills, cameras[i], now_ns - args->before_ns, now_ns);
	}
	session_mark_used(triggers->session);
}

bool triggers_fire(struct triggers *triggers, const struct trigger_args *asked, struct triggered *reply, struct error *err)
{
	struct trigger_args args = complete(triggers, asked);
	const char *directory = NULL;
	struct camera **cameras;
	size_t n;

	if ((args.label && !folder_check_label(args.label, err)) || !session_select(triggers->session, &args.camera_id, &cameras, &n, err))
		return false;
	if (storage_may_record(session_storage(triggers->session), err) && choose(cameras, &n, args.camera_id.n, err) && trigger_stills_check(triggers->session, &args, cameras, n, err))
		directory = session_directory(triggers->session, err);
	if (directory)
		begin(triggers, &args, cameras, n, directory, reply);
	free(cameras);
	return directory;
}

/* ---- telling ---- */

static char *iso(int64_t wall_ns)
{
	char text[CLOCK_ISO_BYTES];

	return xstrdup(clock_iso(wall_ns, text));
}

/* All that went wrong with its clips, one behind the other. */
static void add_message(struct trigger *trigger, const char *text)
{
	char *before = trigger->message;

	trigger->message = before ? xasprintf("%s; %s", before, text) : xstrdup(text);
	free(before);
}

static void note_trouble(struct trigger *trigger, const struct clip_done *done)
{
	if (done->error.code)
		add_message(trigger, done->error.text);
	for (size_t i = 0; i < done->left.n; i++) {
		char *text = xasprintf("what it had before is in %s, as far as the disk has it, and finished by the next start",
				       ((char **)done->left.items)[i]);

		add_message(trigger, text);
		free(text);
	}
}

static void note_clip(struct trigger *trigger, const struct clip_done *done)
{
	const struct footage_facts *facts = &done->facts;
	size_t at = trigger->n_clips;

	trigger->n_waiting--;
	note_trouble(trigger, done);
	if (!facts->path)
		return;
	for (; at && trigger->clips[at - 1].camera_id > done->camera_id; at--)
		trigger->clips[at] = trigger->clips[at - 1];
	trigger->clips[at] = (struct trigger_clip){
		.camera_id = done->camera_id, .file = xstrdup(facts->path), .csv = done->csv ? xstrdup(facts->csv_path) : NULL,
		.frames = (int64_t)facts->frames, .from_sensor_timestamp_ns = facts->first_ns, .to_sensor_timestamp_ns = facts->last_ns,
		.from = iso(facts->first_wall_ns), .to = iso(facts->last_wall_ns), .stills_job = FIELD_UNSET,
	};
	trigger->n_clips++;
}

static void start_stills(struct trigger *trigger, struct trigger_clip *clip)
{
	struct error err;

	if (!trigger_stills_start(trigger->stills, clip, &clip->stills_job, &err))
		add_message(trigger, err.text);
}

static void tell(struct triggers *triggers, struct trigger *trigger)
{
	char *files[SESSION_MAX_CAMERAS];
	struct trigger_saved data = {
		.trigger_id = trigger->id, .label = trigger->label, .files = { trigger->n_clips, files },
		.clips = { trigger->n_clips, trigger->clips },
	};
	const struct trigger_clip *first = trigger->clips, *last = trigger->clips;

	for (size_t i = 0; i < trigger->n_clips; i++) {
		struct trigger_clip *clip = &trigger->clips[i];

		if (trigger->stills)
			start_stills(trigger, clip);
		files[i] = clip->file;
		data.frames += clip->frames;
		first = clip->from_sensor_timestamp_ns < first->from_sensor_timestamp_ns ? clip : first;
		last = clip->to_sensor_timestamp_ns > last->to_sensor_timestamp_ns ? clip : last;
	}
	if (trigger->n_clips) {
		data.from = first->from;
		data.to = last->to;
	}
	data.message = trigger->message;
	control_event(session_control(triggers->session), EVENT_TRIGGER_SAVED, &data);
}

static bool has(const struct clip_done *done, int64_t trigger_id)
{
	for (size_t i = 0; i < done->n_triggers; i++)
		if (done->trigger_ids[i] == trigger_id)
			return true;
	return false;
}

/* In the order of the triggers, although the list has the newest first. */
static struct trigger **find_oldest_complete(struct triggers *triggers)
{
	struct trigger **found = NULL;

	for (struct trigger **at = &triggers->first; *at; at = &(*at)->next)
		if (!(*at)->n_waiting)
			found = at;
	return found;
}

void triggers_on_clip(struct triggers *triggers, const struct clip_done *done)
{
	struct trigger **at;

	for (size_t i = 0; i < done->begun.n; i++)
		storage_file_ended(session_storage(triggers->session), ((char **)done->begun.items)[i]);
	for (struct trigger *trigger = triggers->first; trigger; trigger = trigger->next)
		if (has(done, trigger->id))
			note_clip(trigger, done);
	while ((at = find_oldest_complete(triggers))) {
		struct trigger *trigger = *at;

		*at = trigger->next;
		tell(triggers, trigger);
		free_trigger(trigger);
	}
}

/* ---- marks ---- */

static bool check_text(const char *label, struct error *err)
{
	for (const char *c = label; *c; c++)
		if (iscntrl((unsigned char)*c))
			return error_set_argument(err, "label", "label: must be one line of text");
	return *label && strlen(label) < MARK_BYTES ? true :
	       error_set_argument(err, "label", "label: must have 1 to %d bytes", MARK_BYTES - 1);
}

bool triggers_mark(struct triggers *triggers, const struct mark_args *args, struct marked *reply, struct error *err)
{
	int64_t now_ns = clock_now_ns();
	struct camera **cameras;
	size_t n, marked = 0;

	if (!check_text(args->label, err) || !session_select(triggers->session, &args->camera_id, &cameras, &n, err))
		return false;
	for (size_t i = 0; i < n; i++)
		if (camera_mark(cameras[i], args->label, now_ns))
			cameras[marked++] = cameras[i];
	*reply = (struct marked){ .camera_id = { marked, marked ? ids_of(cameras, marked) : NULL } };
	free(cameras);
	return marked || error_set(err, ERR_NOT_RECORDING, "there is nothing to mark: start_recording, or set `prebuffer`");
}

static void tell_unmarked(struct control *control, const struct camera *camera, const char *text)
{
	struct error err;

	error_set(&err, ERR_NOT_RECORDING, "camera %d: no frame has the mark \"%s\": none was kept after it; "
		  "mark a moment before a recording ends", camera_id(camera), text);
	tell_trouble(control, &err);
}

void triggers_on_mark(struct triggers *triggers, const struct camera *camera, const struct mark_done *done)
{
	struct control *control = session_control(triggers->session);
	struct mark_event data = {
		.camera_id = camera_id(camera), .label = (char *)done->text, .file = done->path, .frame_number = (int64_t)done->number,
		.camera_frame = (int64_t)done->camera_frame, .sensor_timestamp_ns = done->sensor_ns,
	};

	if (done->number)
		control_event(control, EVENT_MARK, &data);
	else
		tell_unmarked(control, camera, done->text);
}
