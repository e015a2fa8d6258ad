/*
 * Background jobs: numbered, carried out one at a time, each in a thread of its own that gives way to whoever records.
 * Events tell how far a job is and how it has ended.
 *
 * Main thread, but for what is marked.
 */
#pragma once

#include "camd/session.h"

struct jobs;
struct job;

struct job_request {
	const char *what;	/* for the log; the user's, until free() */
	/*
	 * The work, in the job's thread. False: err says why. Once job_cancel_fd() can be read, it should end soon, with
	 * ERR_CANCELLED.
	 */
	bool (*run)(void *user, struct job *job, struct error *err);
	void (*free)(void *user);	/* called in the main thread, once, in the end */
	void *user;
};

struct jobs *jobs_create(struct session *session);
void jobs_destroy(struct jobs *jobs);	/* must be idle; NULL is allowed. The loop must run once more */

/* Begins a job, or puts it in line. False: ERR_BUSY, the line is full; request->user stays the caller's. */
bool jobs_add(struct jobs *jobs, const struct job_request *request, int64_t *number, struct error *err);

bool jobs_are_idle(const struct jobs *jobs);

/* Calls fn once no job is left: at once if that is so already. */
void jobs_await(struct jobs *jobs, void (*fn)(void *user), void *user);

/* Ends one, in line or running; its job_done tells when. False: ERR_NOT_FOUND. */
bool jobs_cancel(struct jobs *jobs, int64_t number, struct error *err);

/* Ends what is in line and what runs; that may take a moment. No further job is taken. */
void jobs_cancel_all(struct jobs *jobs);

/* ---- for the work; the job's thread ---- */

int64_t job_number(const struct job *job);
int job_cancel_fd(const struct job *job);		/* can be read once the job is to end; to be polled only */
bool job_is_cancelled(const struct job *job);
void job_set_progress(struct job *job, double progress);	/* 0 to 1 */
void job_add_file(struct job *job, const char *path);	/* what it made */

/* Time without footage in what it made of a camera's; how many frames that has. */
void job_add_gap(struct job *job, int64_t camera_id, int64_t from_wall_ns, int64_t to_wall_ns);
void job_add_frames(struct job *job, size_t frames);

/* What should be known of a success. */
void job_set_message(struct job *job, const char *format, ...) __attribute__((format(printf, 2, 3)));
