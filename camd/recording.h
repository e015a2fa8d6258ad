/*
 * One recording of one camera: what it is called, what of it was captured, encoded, written and lost.
 *
 * Frames are counted where they go, each by one thread: recording_capture() by the source thread (under the camera's lock),
 * the encoder's losses by the encoder thread, the rest by the output thread. The totals are atomics that anybody may read.
 * The main thread creates it, and destroys it after RECORDING_FINISHED.
 *
 * The ledger: a frame's number counts every frame that the sensor produced since the first. A number is given once, and ends
 * either as a row or in exactly one of the causes. So captured = recorded + lost, and the sum is checked at every row.
 */
#pragma once

#include "camd/config.h"
#include "camd/durable.h"
#include "camd/encoding_settings.h"
#include "camd/frame.h"
#include "camd/footage.h"
#include "camd/tail.h"
#include "common/error.h"
#include "protocol/messages.h"

#include <pthread.h>
#include <stdatomic.h>

struct recording;

enum recording_event {
	RECORDING_READY,	/* its encoder is open: camera_begin_recording() is due, unless it is stopping */
	RECORDING_STARTED,	/* the first frame is in the file */
	RECORDING_SEGMENT,	/* a file is complete, and another one may follow: recording_take_segment() has it */
	RECORDING_COMPLETE,	/* its duration is over: camera_stop_recording() is due */
	RECORDING_FAILED,	/* recording->error says why: camera_stop_recording() is due */
	RECORDING_SYNC_FAILED,	/* recording_check_sync() is due */
	RECORDING_RESCUED,	/* what a sync could not push down is written again, in another file: recording_take_trouble() */
	RECORDING_SYNCED,	/* a sync has come to its end that somebody waits for: recording_want_durable() */
	RECORDING_FINISHED,	/* the file is complete and on the disk, or never came to be; it may be destroyed */
};

/* Called by any of the camera's threads, and by the durability thread. */
typedef void (*recording_notify_fn)(void *user, struct recording *recording, enum recording_event event);

struct recording_request {
	int camera_id;
	const char *directory;		/* of the session, absolute */
	const char *title;		/* for people, into the file */
	int container;			/* enum container */
	bool csv;
	bool again;			/* begun by itself, see starts_start_again() */
	bool to_ring;			/* writes no files: it counts what nobody records, for the ring and the clips */
	int64_t duration_ns;		/* FIELD_UNSET: until stopped */
	int64_t wall_ns;		/* when it was asked for; for the first file's name */
	int64_t segment_ns, segment_bytes;	/* how long, how large a file becomes, up to the next key frame; 0: unbounded */
	struct encoding_settings encoding;
	recording_notify_fn notify;
	void *user;
};

/* A file of a recording, complete. */
struct segment {
	struct footage_facts facts;
	uint64_t index;			/* in the recording, from 1 */
	struct segment *next;
};

struct recording {
	struct recording_request request;
	char *directory, *title;

	/* the capturing side */
	int64_t from_ns;		/* no frame before that is part of it; set before the first comes */
	uint64_t number;		/* of the last frame captured */
	int64_t first_ns;		/* sensor time */
	uint64_t refused;		/* by the full queue before the encoder */
	bool complete;
	bool ended;			/* no frame comes any more, which the encoder's thread has been told */
	const struct recording *follower;	/* has the frame behind its last one, set before it has ended; NULL: none has */

	/* the output thread's */
	struct footage *footage;	/* the file that is written */
	uint64_t n_files;		/* begun so far */
	uint64_t slot;			/* of the file's begin: recording_slot() */
	uint64_t bytes_before;		/* in complete files */
	uint64_t rows, row_number;
	uint64_t write_failures;
	int64_t row_first_ns, row_last_ns;
	struct tail tail;		/* what of it may have to be written again */
	struct frame_format format;	/* of the pictures, when the file was opened */
	struct syncer *syncer;
	uint64_t hurried_for;		/* the frame that recording_want_durable() wants is written, and a sync is asked for */
	bool need_key;			/* no file can begin before */
	bool write_failed;

	/* of the first file; set before RECORDING_STARTED, read-only then */
	char *path, *csv_path;

	_Atomic uint64_t captured, recorded, bytes;
	_Atomic uint64_t lost_sensor, lost_starved, lost_encoder, lost_storage;
	_Atomic int64_t first_sensor_ns, last_ns, duration_ns;
	_Atomic uint64_t wanted_durable;	/* number of a frame */
	atomic_bool sync_failed;		/* the file is to be rescued */
	atomic_bool split;			/* in several files, though nobody asked for segments */
	struct durable durable;			/* how far it is on the disk */

	pthread_mutex_t lock;		/* guards what follows */
	struct error error;		/* the first thing that went wrong; code ERR_NONE: nothing */
	struct error sync_error;	/* of sync_failed */
	struct error trouble;		/* what RECORDING_RESCUED is about; code ERR_NONE: it is taken */
	char encoder[256];		/* what encodes, "A, then B" where another one took over */
	bool encoder_changed;		/* since the file was opened */
	char *current;			/* path of the file that is written, or was the last */
	struct segment *segments;	/* complete, not yet taken; newest first */

	/* the main thread's */
	bool started, stopping;
	bool takes_over;		/* begins with the frame behind the last one of another recording, in the same encoder; set at once */
	const char *cause;		/* why it stops: command, duration, error, shutdown */
	struct lost reported;		/* losses told by events so far */
	char *shown;			/* what the last status said of current */
};

struct recording *recording_create(const struct recording_request *request);
void recording_destroy(struct recording *recording);	/* NULL is allowed */

/*
 * Source thread: counts a frame in, gives it its number. False: it is not part of the recording (too early, or the duration is over), or it
 * can't be (its time doesn't grow: counted as the sensor's loss).
 */
bool recording_capture(struct recording *recording, struct frame *frame);

/* Source thread: the frame just captured found the encoder's queue full. */
void recording_refused(struct recording *recording);

/* Any thread: the first call's error stays, and RECORDING_FAILED is told. */
void recording_fail(struct recording *recording, const struct error *err);
bool recording_error(struct recording *recording, struct error *err);	/* false: there is none */

/* Encoder thread: what encodes from now on. */
void recording_set_encoder(struct recording *recording, const char *name);

/*
 * Which of its stretches of segment_ns a frame belongs to, from 0; the frame nearest to a border is the first of the next one. Any
 * thread that has had a frame of it.
 */
uint64_t recording_slot(const struct recording *recording, int64_t sensor_ns);

/*
 * Output thread: writes a packet, opening the file with the first; tells RECORDING_STARTED. Another file begins with the first key
 * frame in another slot, or when the file is large enough. format is that of the pictures. False: it can't be written, and counts as storage's
 * loss.
 */
bool recording_write(struct recording *recording, struct packet *packet, const struct frame_format *format, struct syncer *syncer);

/* Output thread, whenever: if a sync of the file has failed, does about it what can be done. */
void recording_check_sync(struct recording *recording);

/* Output thread: makes the file whole, closes it, settles the ledger. */
void recording_finish(struct recording *recording);

/* Main thread: the duration is over, and the frame that would end the recording does not come. now_ns: CLOCK_MONOTONIC. */
bool recording_is_overdue(const struct recording *recording, int64_t now_ns);

struct lost recording_lost(const struct recording *recording);
uint64_t recording_lost_frames(const struct recording *recording);	/* of all causes; any thread */

/* The oldest complete file not taken yet, to be freed by segment_destroy(); NULL: none. Any thread. */
struct segment *recording_take_segment(struct recording *recording);
void segment_destroy(struct segment *segment);

/* What RECORDING_RESCUED is about; false: it is taken already. Any thread. */
bool recording_take_trouble(struct recording *recording, struct error *trouble);

/* Path of the file that is written, or was the last: allocated; NULL: none. Any thread. */
char *recording_current(struct recording *recording);

/* Main thread: RECORDING_SYNCED is wanted, soon after the frame of that number has been written or lost; 0: not any more. */
void recording_want_durable(struct recording *recording, uint64_t number);

/* Any thread: whether all frames up to that one are on the disk, or lost. */
bool recording_is_durable(struct recording *recording, uint64_t number);

/* Any thread: how old the oldest frame is that is not on the disk for sure; 0: there is none. */
int64_t recording_durable_lag_ns(struct recording *recording);

/* Main thread: the members of a camera's status that are about its recording. */
void recording_fill_status(struct recording *recording, struct camera_status *status);
