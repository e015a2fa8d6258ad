/*
 * A camd under examination: it is started, asked one thing after another, and ended, each call returning when it is over.
 * What it says unasked is counted and noted. One thread; it turns the doctor's loop.
 */
#pragma once

#include "camctl/doctor.h"
#include "camctl/session.h"

#define PATIENT_NOTES 60	/* what is noted at most */

struct patient {
	struct doctor *doctor;
	struct session *session;
	int64_t cameras;		/* that run, as `initialized` had it */
	char *version;
	char *label;			/* the session's; NULL: it has no folder */
	struct list encoders;		/* of texts */
	struct list notes;		/* of texts: its warnings and events, a line each */
	int64_t previews;		/* pictures that came */
	int64_t cameras_lost, encoders_changed, degraded;	/* events that came */
	bool ready, ended;

	/* of the question that is open */
	int64_t question;
	bool answered;
	struct wire_message reply;
};

/* Starts camd with a list of flags and then a NULL-terminated array of them, which wins, and waits for its cameras. */
struct patient *patient_start(struct doctor *doctor, const struct list *base, const char *const *flags, struct error *err);

/* The reply, until the next question. NULL, and err: it is an error, camd is gone, or it takes longer than that. */
const struct wire_message *patient_ask(struct patient *patient, enum command_id command, const void *arguments,
				       int64_t limit_ns,
				       struct error *err);

/* Takes the reply over, to be kept beside the next question's; the caller clears it. */
struct wire_message patient_take(struct patient *patient);

/* Sets one setting by its text. */
bool patient_set(struct patient *patient, const char *name, const char *value, struct error *err);

/* Lets time pass. False: camd is gone, or the user wants the end. */
bool patient_wait(struct patient *patient, int64_t ns);

struct patient_usage {
	double cpu_s;			/* of all its threads, since its start */
	int64_t rss_bytes, peak_bytes;
	int64_t threads;
};

/* By /proc. Zeroes if it is gone. */
struct patient_usage patient_usage(const struct patient *patient);

/* Asks it to finish, kills it if it doesn't, frees. The session's status: SESSION_OK if it ended well. NULL is allowed. */
enum session_status patient_end(struct patient *patient);
