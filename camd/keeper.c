#include "camd/keeper.h"

#include "camd/retry.h"
#include "camd/worker.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <stdlib.h>
#include <string.h>

/* Something to be done with the source, one after the other, in a worker. */
struct errand {
	struct worker work;
	struct keeper *keeper;
	struct control_setting *settings;
	size_t n;
	double fps;			/* 0: it is not about the rate */
	keeper_done_fn done;
	void *user;
	struct error error;
	struct list complaints;		/* of texts */
	bool good;
	struct errand *next;
};

struct keeper {
	struct keeper_request its;
	char *spec;
	const char *what;		/* in spec */
	const struct source_impl *impl;
	char id[256];			/* of the source that was open; "": none ever was */
	struct control_setting *controls;
	size_t n_controls;

	struct source *source;		/* NULL unless open; a worker's while busy */
	const struct source *open;	/* the same, as long as it stays open */
	bool busy, wants_source, disabled, answered, ending;
	int64_t busy_since_ns;
	bool picture_set;		/* a worker's while busy, as are the controls */
	struct retry retry;
	struct error last_failure;
	struct error early_end;		/* it ended while a worker had it */
	struct errand *errands;		/* that wait */
	keeper_done_fn on_disabled;
	void *on_disabled_user;
	void (*on_closed)(void *user);
};

/* ---- in a worker ---- */

struct ended {
	struct keeper *keeper;
	struct error error;
	bool failed;
};

static void handle_end(void *argument);

/* The source's thread. */
static void on_end(void *user, const struct error *err)
{
	struct ended *ended = xcalloc(1, sizeof(*ended));

	ended->keeper = user;
	ended->failed = err;
	if (err)
		ended->error = *err;
	mailbox_post(ended->keeper->its.mailbox, handle_end, ended);
}

static void on_frame(void *user, struct frame *frame)
{
	struct keeper *keeper = user;

	keeper->its.owner.on_frame(keeper->its.owner.user, frame);
}

/* What was set stays set, in the order in which it was set last: exposure by hand after its automatic is not the same as before. */
static void remember(struct keeper *keeper, const struct control_setting *setting)
{
	size_t kept = 0;

	for (size_t i = 0; i < keeper->n_controls; i++)
		if (strcmp(keeper->controls[i].name, setting->name))
			keeper->controls[kept++] = keeper->controls[i];
	keeper->controls = xrealloc(keeper->controls, kept + 1, sizeof(*keeper->controls));
	keeper->controls[kept] = *setting;
	keeper->n_controls = kept + 1;
}

/* Once: later it is among what is set again anyway, and what the user has set since is not undone. */
static void set_picture(struct keeper *keeper, struct list *complaints)
{
	struct picture_wish wishes[PICTURE_MAX_WISHES];
	size_t n = picture_wishes(&keeper->its.picture, keeper->source, wishes, complaints);
	struct error err;

	for (size_t i = 0; i < n; i++) {
		if (!keeper->impl->set_controls(keeper->source, wishes[i].settings, wishes[i].n, &err)) {
			error_wrap(&err, "%s", wishes[i].name);
			fields_add_text(complaints, err.text);
			continue;
		}
		for (size_t k = 0; k < wishes[i].n; k++)
			remember(keeper, &wishes[i].settings[k]);
	}
	keeper->picture_set = true;
}

static void open_work(struct worker *work)
{
	struct errand *errand = work->data;
	struct keeper *keeper = errand->keeper;
	const struct keeper_owner *owner = &keeper->its.owner;
	struct source_sink sink = { .user = keeper, .on_frame = on_frame, .on_end = on_end };
	struct source_request request = keeper->its.wanted;

	request.id = keeper->id[0] ? keeper->id : NULL;
	request.controls = keeper->controls;
	request.n_controls = keeper->n_controls;
	keeper->source = keeper->impl->open(keeper->what, &request, &errand->error);
	if (!keeper->source)
		return;
	if (!keeper->picture_set)
		set_picture(keeper, &errand->complaints);
	owner->on_open(owner->user, keeper->source);
	if (keeper->impl->start(keeper->source, &sink, &errand->error))
		return;
	owner->on_stopped(owner->user);
	keeper->impl->close(keeper->source);
	keeper->source = NULL;
}

static void close_work(struct worker *work)
{
	struct errand *errand = work->data;
	struct keeper *keeper = errand->keeper;

	keeper->impl->stop(keeper->source);
	keeper->its.owner.on_stopped(keeper->its.owner.user);
	keeper->impl->close(keeper->source);
	keeper->source = NULL;
}

static void controls_work(struct worker *work)
{
	struct errand *errand = work->data;
	struct keeper *keeper = errand->keeper;

	errand->good = keeper->impl->set_controls ?
		keeper->impl->set_controls(keeper->source, errand->settings, errand->n, &errand->error) :
		error_set(&errand->error, ERR_UNSUPPORTED, "a %s camera has no controls", keeper->impl->kind);
}

static void rate_work(struct worker *work)
{
	struct errand *errand = work->data;
	struct keeper *keeper = errand->keeper;

	errand->good = keeper->impl->set_rate ? keeper->impl->set_rate(keeper->source, &errand->fps, &errand->error) :
		error_set(&errand->error, ERR_UNSUPPORTED, "a %s camera's rate can't be changed", keeper->impl->kind);
}

/* ---- one after the other ---- */

static void free_errand(struct errand *errand)
{
	fields_free_texts(&errand->complaints);
	free(errand->settings);
	free(errand);
}

static struct errand *errand_create(struct keeper *keeper)
{
	struct errand *errand = xcalloc(1, sizeof(*errand));

	errand->work.data = errand;
	errand->keeper = keeper;
	return errand;
}

static void begin(struct keeper *keeper, struct errand *errand, void (*work)(struct worker *), void (*after)(struct worker *))
{
	keeper->busy = true;
	keeper->busy_since_ns = clock_now_ns();
	worker_start(keeper->its.loop, &errand->work, work, after);
}

static void after_open(struct worker *work);
static void after_close(struct worker *work);
static void after_errand(struct worker *work);

static void begin_open(struct keeper *keeper)
{
	begin(keeper, errand_create(keeper), open_work, after_open);
}

static void begin_close(struct keeper *keeper)
{
	keeper->open = NULL;
	begin(keeper, errand_create(keeper), close_work, after_close);
}

static void fail_errands(struct keeper *keeper)
{
	struct error err;

	error_set(&err, ERR_CAMERA_LOST, "the camera is not there");
	while (keeper->errands) {
		struct errand *errand = keeper->errands;

		keeper->errands = errand->next;
		errand->done(errand->user, &err);
		free_errand(errand);
	}
}

/* Letters that the source posted were in the mailbox ahead of the one that calls this. */
static void free_keeper(void *argument)
{
	struct keeper *keeper = argument;
	void (*on_closed)(void *user) = keeper->on_closed;
	void *user = keeper->its.owner.user;

	free(keeper->controls);
	free(keeper->spec);
	free(keeper);
	on_closed(user);
}

static void tell_disabled(struct keeper *keeper)
{
	keeper_done_fn done = keeper->on_disabled;

	keeper->on_disabled = NULL;
	if (done)
		done(keeper->on_disabled_user, NULL);
}

/* Does what is due next, if no worker is at it. */
static void go_on(struct keeper *keeper)
{
	struct errand *errand;

	if (keeper->busy)
		return;
	if (!keeper->source || !keeper->wants_source || keeper->disabled)
		fail_errands(keeper);
	/* who was just answered may have asked for something already, and it may have begun */
	if (keeper->busy)
		return;
	errand = keeper->errands;
	if (keeper->source && (!keeper->wants_source || keeper->disabled)) {
		begin_close(keeper);
	} else if (keeper->source && errand && !keeper->ending) {
		keeper->errands = errand->next;
		begin(keeper, errand, errand->fps ? rate_work : controls_work, after_errand);
	} else if (!keeper->wants_source && keeper->on_closed) {
		tell_disabled(keeper);
		keeper->busy = true;	/* for good */
		mailbox_post(keeper->its.mailbox, free_keeper, keeper);
	} else if (!keeper->source && keeper->disabled) {
		tell_disabled(keeper);
	}
}

static void note_failure(struct keeper *keeper, const struct error *err)
{
	if (!keeper->retry.tries || strcmp(keeper->last_failure.text, err->text))
		log_warning("camera %s: %s", keeper->spec, err->text);
	keeper->last_failure = *err;
	retry_note_failure(&keeper->retry);
	if (!keeper->disabled)
		keeper->its.owner.on_failed(keeper->its.owner.user, err);
}

static void note_success(struct keeper *keeper)
{
	struct error end = keeper->early_end;

	keeper->open = keeper->source;
	retry_note_success(&keeper->retry);
	snprintf(keeper->id, sizeof(keeper->id), "%s", keeper->source->id);
	if (keeper->disabled || !keeper->wants_source)
		return;
	keeper->ending = end.code != ERR_NONE;	/* no errand for one that is over already */
	keeper->its.owner.on_running(keeper->its.owner.user, keeper->source);
	keeper->ending = false;
	keeper->early_end = (struct error){ 0 };
	if (end.code)
		keeper_lose(keeper, &end);
}

static void after_open(struct worker *work)
{
	struct errand *errand = work->data;
	struct keeper *keeper = errand->keeper;

	keeper->busy = false;
	keeper->answered = true;
	for (size_t i = 0; i < errand->complaints.n; i++)
		keeper->its.owner.on_complaint(keeper->its.owner.user, ((char **)errand->complaints.items)[i]);
	if (keeper->source)
		note_success(keeper);
	else
		note_failure(keeper, &errand->error);
	keeper->early_end = (struct error){ 0 };
	free_errand(errand);
	go_on(keeper);
}

static void after_close(struct worker *work)
{
	struct errand *errand = work->data;
	struct keeper *keeper = errand->keeper;

	keeper->busy = false;
	keeper->early_end = (struct error){ 0 };	/* of the source that is gone */
	free_errand(errand);
	go_on(keeper);
}

static void after_errand(struct worker *work)
{
	struct errand *errand = work->data;
	struct keeper *keeper = errand->keeper;
	struct error end = keeper->early_end;

	keeper->busy = false;
	keeper->early_end = (struct error){ 0 };
	for (size_t i = 0; errand->good && i < errand->n; i++)
		remember(keeper, &errand->settings[i]);
	if (errand->good && errand->fps)
		keeper->its.owner.on_rate(keeper->its.owner.user, errand->fps);
	/* before the answer, which may set the next errand off */
	if (end.code)
		keeper_lose(keeper, &end);
	errand->done(errand->user, errand->good ? NULL : &errand->error);
	free_errand(errand);
	go_on(keeper);
}

static void handle_end(void *argument)
{
	struct ended *ended = argument;
	struct keeper *keeper = ended->keeper;

	if (!ended->failed)
		log_info("camera %s: played to its end", keeper->spec);
	else if (keeper->busy)
		keeper->early_end = ended->error;	/* a worker has it */
	else
		keeper_lose(keeper, &ended->error);
	free(ended);
}

/* ---- for the camera ---- */

struct keeper *keeper_create(const struct keeper_request *request, struct error *err)
{
	const char *what;
	const struct source_impl *impl = source_find(request->spec, &what, err);
	struct keeper *keeper;

	if (!impl)
		return NULL;
	keeper = xcalloc(1, sizeof(*keeper));
	keeper->its = *request;
	keeper->spec = xstrdup(request->spec);
	keeper->what = keeper->spec + (what - request->spec);
	keeper->impl = impl;
	keeper->wants_source = true;
	return keeper;
}

void keeper_begin(struct keeper *keeper)
{
	begin_open(keeper);
}

void keeper_close(struct keeper *keeper, void (*on_closed)(void *user))
{
	keeper->wants_source = false;
	keeper->on_closed = on_closed;
	go_on(keeper);
}

void keeper_set_enabled(struct keeper *keeper, bool enabled, keeper_done_fn done, void *user)
{
	tell_disabled(keeper);		/* whoever waited for the opposite */
	keeper->disabled = !enabled;
	if (enabled) {
		keeper->retry = (struct retry){ 0 };
		if (!keeper->busy && !keeper->source && keeper->wants_source)
			begin_open(keeper);
		done(user, NULL);
		return;
	}
	keeper->on_disabled = done;
	keeper->on_disabled_user = user;
	go_on(keeper);
}

const struct source *keeper_source(const struct keeper *keeper)
{
	return keeper->open;
}

const char *keeper_kind(const struct keeper *keeper)
{
	return keeper->impl->kind;
}

bool keeper_has_answered(const struct keeper *keeper)
{
	return keeper->answered;
}

int64_t keeper_busy_ns(const struct keeper *keeper, int64_t now_ns)
{
	return keeper->busy ? now_ns - keeper->busy_since_ns : 0;
}

void keeper_set_wanted(struct keeper *keeper, bool wanted)
{
	if (!keeper->busy && keeper->source && keeper->impl->set_wanted)
		keeper->impl->set_wanted(keeper->source, wanted);
}

void keeper_lose(struct keeper *keeper, const struct error *err)
{
	if (keeper->busy || !keeper->source || keeper->disabled)
		return;
	retry_note_failure(&keeper->retry);
	keeper->busy = true;	/* whoever is told may ask for something at once: it comes after the closing */
	keeper->its.owner.on_lost(keeper->its.owner.user, err);
	begin_close(keeper);
}

static void add_errand(struct keeper *keeper, struct errand *errand, keeper_done_fn done, void *user)
{
	struct errand **last = &keeper->errands;

	errand->done = done;
	errand->user = user;
	while (*last)
		last = &(*last)->next;
	*last = errand;
	go_on(keeper);
}

void keeper_set_controls(struct keeper *keeper, const struct control_setting *settings, size_t n, keeper_done_fn done, void *user)
{
	struct errand *errand = errand_create(keeper);

	errand->settings = xcalloc(n, sizeof(*settings));
	memcpy(errand->settings, settings, n * sizeof(*settings));
	errand->n = n;
	add_errand(keeper, errand, done, user);
}

const struct control_setting *keeper_setting(const struct keeper *keeper, const char *name)
{
	for (size_t i = 0; keeper->open && i < keeper->n_controls; i++)
		if (!strcmp(keeper->controls[i].name, name))
			return &keeper->controls[i];
	return NULL;
}

void keeper_set_rate(struct keeper *keeper, double fps, keeper_done_fn done, void *user)
{
	struct errand *errand = errand_create(keeper);

	errand->fps = fps > 0 || !keeper->open ? fps : keeper->open->fps;
	add_errand(keeper, errand, done, user);
}

void keeper_tick(struct keeper *keeper, int64_t now_ns)
{
	if (!keeper->busy && !keeper->source && keeper->wants_source && !keeper->disabled && retry_is_due(&keeper->retry, now_ns))
		begin_open(keeper);
}
