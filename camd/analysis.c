#include "camd/analysis.h"

#include "common/clock.h"
#include "common/util.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SILENCE_NS (2 * NS_PER_S)	/* without a picture for so long and the hold time, nothing moves any more */

static const struct analyzer_impl *const impls[N_ANALYZERS] = {
	[ANALYZER_MOTION] = &analyzer_motion, [ANALYZER_DARKNESS] = &analyzer_darkness,
};

struct analysis {
	struct mailbox *mailbox;
	analysis_fn fn;
	void *user;
	pthread_t thread;			/* the main thread's; there is one since there is a .newest */
	atomic_bool wanted;
	int64_t due_ns;				/* the source thread's */

	pthread_mutex_t lock;			/* guards what follows */
	pthread_cond_t changed;
	struct analyzer_settings settings;
	struct grey *newest;			/* that nobody has looked at; .sensor_ns 0: there is none */
	bool ending;
	bool on[N_ANALYZERS];			/* it has begun and is not over */
	double scores[N_ANALYZERS];

	/* its own thread's */
	struct grey *picture;
	void *analyzers[N_ANALYZERS];		/* NULL: not wanted */
};

struct letter {
	analysis_fn fn;
	void *user;
	enum analyzer_kind kind;
	struct analyzer_news finding;
};

static void deliver(void *argument)
{
	struct letter *letter = argument;

	letter->fn(letter->user, letter->kind, &letter->finding);
	free(letter);
}

/* ---- its own thread ---- */

static void tell(struct analysis *analysis, enum analyzer_kind kind, const struct analyzer_news *finding)
{
	struct letter *letter = xcalloc(1, sizeof(*letter));

	*letter = (struct letter){ .fn = analysis->fn, .user = analysis->user, .kind = kind, .finding = *finding };
	mailbox_post(analysis->mailbox, deliver, letter);
}

static void note(struct analysis *analysis, enum analyzer_kind kind, bool on, double score)
{
	pthread_mutex_lock(&analysis->lock);
	analysis->on[kind] = on;
	analysis->scores[kind] = score;
	pthread_mutex_unlock(&analysis->lock);
}

/* One that is not wanted any more: what has begun is over. */
static void drop(struct analysis *analysis, enum analyzer_kind kind, const struct analyzer_news *begun)
{
	struct analyzer_news over = *begun;

	over.begun = false;
	impls[kind]->destroy(analysis->analyzers[kind]);
	analysis->analyzers[kind] = NULL;
	note(analysis, kind, false, 0);
	if (begun->begun)
		tell(analysis, kind, &over);
}

static void look(struct analysis *analysis, enum analyzer_kind kind, const struct analyzer_settings *settings, const struct grey *picture,
		 struct analyzer_news *begun)
{
	const struct analyzer_impl *impl = impls[kind];
	struct analyzer_news finding;

	if (!impl->is_wanted(settings)) {
		if (analysis->analyzers[kind])
			drop(analysis, kind, begun);
		*begun = (struct analyzer_news){ 0 };
		return;
	}
	if (!analysis->analyzers[kind])
		analysis->analyzers[kind] = impl->create();
	if (impl->look(analysis->analyzers[kind], settings, picture, &finding)) {
		*begun = finding;
		tell(analysis, kind, &finding);
	}
	note(analysis, kind, begun->begun, impl->score(analysis->analyzers[kind]));
}

/* Waits, with the lock. False: it took too long. */
static bool wait_for_change(struct analysis *analysis)
{
	int64_t until_ns = clock_now_ns() + SILENCE_NS + analysis->settings.hold_ns;
	struct timespec until = { until_ns / NS_PER_S, until_ns % NS_PER_S };

	return pthread_cond_timedwait(&analysis->changed, &analysis->lock, &until) == 0;
}

static void *run(void *user)
{
	struct analysis *analysis = user;
	struct analyzer_news begun[N_ANALYZERS] = { 0 };

	pthread_setname_np(pthread_self(), "analysis");
	pthread_mutex_lock(&analysis->lock);
	while (!analysis->ending) {
		struct analyzer_settings settings;
		struct grey *picture = NULL;

		if (!analysis->newest->sensor_ns && wait_for_change(analysis) && !analysis->newest->sensor_ns)
			continue;
		settings = analysis->settings;
		if (analysis->newest->sensor_ns) {
			picture = analysis->newest;
			analysis->newest = analysis->picture;
			analysis->newest->sensor_ns = 0;
			analysis->picture = picture;
		}
		pthread_mutex_unlock(&analysis->lock);
		if (!picture || grey_decode(picture))
			for (int kind = 0; kind < N_ANALYZERS; kind++)
				look(analysis, kind, &settings, picture, &begun[kind]);
		pthread_mutex_lock(&analysis->lock);
	}
	pthread_mutex_unlock(&analysis->lock);
	return NULL;
}

/* ---- the source's thread ---- */

void analysis_see(struct analysis *analysis, const struct frame *frame)
{
	int64_t step_ns;

	if (!atomic_load(&analysis->wanted))
		return;
	pthread_mutex_lock(&analysis->lock);
	step_ns = (int64_t)(NS_PER_S / analysis->settings.fps);
	/* a tenth of a step early is in time: a camera's times are not quite even */
	if (frame->sensor_ns >= analysis->due_ns - step_ns / 10 || analysis->due_ns - frame->sensor_ns > 2 * step_ns) {
		analysis->due_ns = MAX(analysis->due_ns, frame->sensor_ns - step_ns) + step_ns;
		if (analysis->due_ns - frame->sensor_ns > 2 * step_ns)
			analysis->due_ns = frame->sensor_ns + step_ns;
		grey_take(analysis->newest, frame);
		pthread_cond_signal(&analysis->changed);
	}
	pthread_mutex_unlock(&analysis->lock);
}

/* ---- the main thread ---- */

struct analysis *analysis_create(struct mailbox *mailbox, analysis_fn fn, void *user)
{
	struct analysis *analysis = xcalloc(1, sizeof(*analysis));

	*analysis = (struct analysis){ .mailbox = mailbox, .fn = fn, .user = user };
	pthread_mutex_init(&analysis->lock, NULL);
	xcond_monotonic(&analysis->changed);
	return analysis;
}

static void begin(struct analysis *analysis)
{
	analysis->newest = xcalloc(1, sizeof(*analysis->newest));
	analysis->picture = xcalloc(1, sizeof(*analysis->picture));
	xthread(&analysis->thread, run, analysis);
}

void analysis_configure(struct analysis *analysis, const struct analyzer_settings *settings)
{
	bool wanted = false;

	for (int i = 0; i < N_ANALYZERS; i++)
		wanted = wanted || impls[i]->is_wanted(settings);
	pthread_mutex_lock(&analysis->lock);
	analysis->settings = *settings;
	if (wanted && !analysis->newest)
		begin(analysis);
	pthread_cond_signal(&analysis->changed);
	pthread_mutex_unlock(&analysis->lock);
	atomic_store(&analysis->wanted, wanted);
}

bool analysis_is_wanted(const struct analysis *analysis)
{
	return atomic_load(&analysis->wanted);
}

bool analysis_state(struct analysis *analysis, enum analyzer_kind kind, double *score)
{
	bool on;

	pthread_mutex_lock(&analysis->lock);
	on = analysis->on[kind];
	*score = analysis->scores[kind];
	pthread_mutex_unlock(&analysis->lock);
	return on;
}

static void free_picture(struct grey *picture)
{
	if (picture)
		grey_finish(picture);
	free(picture);
}

void analysis_destroy(struct analysis *analysis)
{
	if (!analysis)
		return;
	pthread_mutex_lock(&analysis->lock);
	analysis->ending = true;
	pthread_cond_signal(&analysis->changed);
	pthread_mutex_unlock(&analysis->lock);
	if (analysis->newest)
		pthread_join(analysis->thread, NULL);
	for (int i = 0; i < N_ANALYZERS; i++)
		if (analysis->analyzers[i])
			impls[i]->destroy(analysis->analyzers[i]);
	free_picture(analysis->newest);
	free_picture(analysis->picture);
	pthread_cond_destroy(&analysis->changed);
	pthread_mutex_destroy(&analysis->lock);
	free(analysis);
}
