#include "camd/jobs.h"

#include "camd/control.h"
#include "camd/storage.h"
#include "common/log.h"
#include "common/util.h"
#include "protocol/errors.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define MAX_WAITING 16
#define PROGRESS_MS 500
#define PARTS 10000	/* what progress is counted in between threads */
#define NICE 10

struct job {
	struct jobs *jobs;
	struct job_request its;
	int64_t number;
	pthread_t thread;
	int cancel_fd;
	atomic_bool cancelled;
	atomic_int progress;
	int progress_told;

	/* the thread's, then the main thread's */
	bool ok;
	struct error error;
	struct list files;	/* of texts */
	struct list gaps;	/* of job_gap */
	int64_t frames;		/* FIELD_UNSET: it makes no video */
	char *message;

	struct job *next;
};

struct jobs {
	struct session *session;
	struct job *first, **last;	/* the first is the one that runs */
	size_t n;
	int64_t last_number;
	bool closed;
	uv_timer_t timer;
	void (*on_idle)(void *user);
	void *idle_user;
};

static void start_first(struct jobs *jobs);

/* ---- for the work ---- */

int64_t job_number(const struct job *job)
{
	return job->number;
}

int job_cancel_fd(const struct job *job)
{
	return job->cancel_fd;
}

bool job_is_cancelled(const struct job *job)
{
	return atomic_load(&job->cancelled);
}

void job_set_progress(struct job *job, double progress)
{
	atomic_store(&job->progress, (int)(MIN(MAX(progress, 0.0), 1.0) * PARTS));
}

void job_add_file(struct job *job, const char *path)
{
	fields_add_text(&job->files, path);
}

void job_add_gap(struct job *job, int64_t camera_id, int64_t from_wall_ns, int64_t to_wall_ns)
{
	struct job_gap *gaps = xrealloc(job->gaps.items, job->gaps.n + 1, sizeof(*gaps));

	gaps[job->gaps.n++] = (struct job_gap){ .camera_id = camera_id, .from_ns = from_wall_ns, .to_ns = to_wall_ns };
	job->gaps.items = gaps;
}

void job_add_frames(struct job *job, size_t frames)
{
	job->frames = (job->frames == FIELD_UNSET ? 0 : job->frames) + (int64_t)frames;
}

void job_set_message(struct job *job, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	free(job->message);
	job->message = xstrdup(text);
}

/* ---- telling ---- */

static void tell_progress(struct job *job, int progress)
{
	struct job_progress data = { .job = job->number, .progress = (double)progress / PARTS };

	job->progress_told = progress;
	control_event(session_control(job->jobs->session), EVENT_JOB_PROGRESS, &data);
}

static void on_timer(uv_timer_t *timer)
{
	struct jobs *jobs = timer->data;
	int progress = jobs->first ? atomic_load(&jobs->first->progress) : 0;

	/* only the end is the whole */
	progress = MIN(progress, PARTS - 1);
	if (jobs->first && progress != jobs->first->progress_told)
		tell_progress(jobs->first, progress);
}

static void tell_end(struct job *job)
{
	struct job_done data = { .job = job->number, .ok = job->ok, .files = job->files, .message = job->message,
		.frames = FIELD_UNSET };

	if (job->ok) {
		data.gaps = job->gaps;
		data.frames = job->frames;
		tell_progress(job, PARTS);
		for (size_t i = 0; i < job->files.n; i++)
			storage_file_ended(session_storage(job->jobs->session), ((char **)job->files.items)[i]);
		log_info("job %" PRId64 ", %s: done%s%s", job->number, job->its.what, job->message ? "; " : "",
			 job->message ? job->message : "");
	} else {
		data.code = (char *)error_code_name(job->error.code);
		data.message = job->error.text;
		log_warning("job %" PRId64 ", %s: %s", job->number, job->its.what, job->error.text);
	}
	control_event(session_control(job->jobs->session), EVENT_JOB_DONE, &data);
}

/* ---- their course ---- */

static void check_idle(struct jobs *jobs)
{
	void (*on_idle)(void *user) = jobs->on_idle;

	if (jobs->n)
		return;
	jobs->on_idle = NULL;
	if (on_idle)
		on_idle(jobs->idle_user);
	session_check_down(jobs->session);
}

/* Takes it out of the line, says how it ended, and forgets it. */
static void end(struct job *job)
{
	struct jobs *jobs = job->jobs;
	struct job **at = &jobs->first;

	while (*at != job)
		at = &(*at)->next;
	*at = job->next;
	if (jobs->last == &job->next)
		jobs->last = at;
	jobs->n--;
	tell_end(job);
	job->its.free(job->its.user);
	fields_free_texts(&job->files);
	free(job->gaps.items);
	free(job->message);
	close(job->cancel_fd);
	free(job);
}

static void after_run(void *argument)
{
	struct job *job = argument;
	struct jobs *jobs = job->jobs;

	pthread_join(job->thread, NULL);
	uv_timer_stop(&jobs->timer);
	end(job);
	start_first(jobs);
	check_idle(jobs);
}

static void *run(void *argument)
{
	struct job *job = argument;

	pthread_setname_np(pthread_self(), "job");
	/* on Linux a thread's own; programs that it starts inherit it */
	setpriority(PRIO_PROCESS, 0, NICE);
	job->ok = job->its.run(job->its.user, job, &job->error);
	mailbox_post(session_mailbox(job->jobs->session), after_run, job);
	return NULL;
}

static void start_first(struct jobs *jobs)
{
	struct job *job = jobs->first;
	int number;

	while ((job = jobs->first)) {
		log_info("job %" PRId64 ", %s: begins", job->number, job->its.what);
		number = pthread_create(&job->thread, NULL, run, job);
		if (!number) {
			uv_timer_start(&jobs->timer, on_timer, PROGRESS_MS, PROGRESS_MS);
			return;
		}
		error_set_errno(&job->error, number, "cannot make a thread for the job");
		end(job);
	}
}

struct jobs *jobs_create(struct session *session)
{
	struct jobs *jobs = xcalloc(1, sizeof(*jobs));

	jobs->session = session;
	jobs->last = &jobs->first;
	uv_timer_init(session_loop(session), &jobs->timer);
	jobs->timer.data = jobs;
	return jobs;
}

static void on_closed(uv_handle_t *timer)
{
	free(timer->data);
}

void jobs_destroy(struct jobs *jobs)
{
	if (jobs)
		uv_close((uv_handle_t *)&jobs->timer, on_closed);
}

bool jobs_add(struct jobs *jobs, const struct job_request *request, int64_t *number, struct error *err)
{
	int cancel_fd;
	struct job *job;

	if (jobs->closed)
		return error_set(err, ERR_CANCELLED, "Cancelled: camd ends");
	if (jobs->n > MAX_WAITING)
		return error_set(err, ERR_BUSY, "%d jobs are waiting already; ask again when one has ended", MAX_WAITING);
	cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (cancel_fd < 0)
		return error_set_errno(err, errno, "cannot begin a job");
	job = xcalloc(1, sizeof(*job));
	job->jobs = jobs;
	job->its = *request;
	job->cancel_fd = cancel_fd;
	job->frames = FIELD_UNSET;
	*number = job->number = ++jobs->last_number;
	*jobs->last = job;
	jobs->last = &job->next;
	if (++jobs->n == 1)
		start_first(jobs);
	return true;
}

bool jobs_are_idle(const struct jobs *jobs)
{
	return !jobs->n;
}

void jobs_await(struct jobs *jobs, void (*fn)(void *user), void *user)
{
	jobs->on_idle = fn;
	jobs->idle_user = user;
	check_idle(jobs);
}

static void cancel_running(struct job *job)
{
	atomic_store(&job->cancelled, true);
	/* a counter of one, which stays: it can be read from now on */
	eventfd_write(job->cancel_fd, 1);
}

bool jobs_cancel(struct jobs *jobs, int64_t number, struct error *err)
{
	struct job *job = jobs->first;

	while (job && job->number != number)
		job = job->next;
	if (!job)
		return error_set(err, ERR_NOT_FOUND, "There is no job %" PRId64 ", or it has ended", number);
	if (job == jobs->first) {
		cancel_running(job);
		return true;
	}
	error_set(&job->error, ERR_CANCELLED, "Cancelled");
	end(job);
	return true;
}

void jobs_cancel_all(struct jobs *jobs)
{
	jobs->closed = true;
	while (jobs->first && jobs->first->next) {
		error_set(&jobs->first->next->error, ERR_CANCELLED, "Cancelled: camd ends");
		end(jobs->first->next);
	}
	if (jobs->first)
		cancel_running(jobs->first);
}
