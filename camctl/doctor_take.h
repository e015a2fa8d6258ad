/*
 * A recording made for measuring, and all that can be said of it: what camd says, what it took,
 	what its files hold. The files
 * are removed once they are looked at. One thread; it turns the doctor's loop.
 */
#pragma once

#include "camctl/doctor_csv.h"
#include "camctl/doctor_video.h"
#include "camctl/patient.h"

#define DOCTOR_MAX_CAMERAS 16

struct doctor_lost {
	int64_t sensor, starved, encoder, storage;
};

struct doctor_part {		/* one camera's */
	int64_t camera_id;
	char *file, *csv_file, *error;	/* error: why it has none, or why it ended early; NULL: it is well */
	char encoder[80], size[24];
	double target_fps;
	int64_t frames, captured, duration_ns, bytes, copied_bytes;
	struct doctor_lost lost;
	int64_t first_frame_ns;		/* from the command to the first frame's sensor time */
	int64_t longest_pause_ns;	/* in which no frame was written, as far as get_status shows */
	double lowest_fps;		/* that get_status showed; 0: it was not asked */
	struct doctor_csv csv;
	char csv_error[160];		/* empty: csv is good */
	struct doctor_video video;
	char video_error[240];		/* empty: video is good */
};

struct doctor_take {
	struct doctor_part parts[DOCTOR_MAX_CAMERAS];
	int n;
	int64_t begun_ns;		/* CLOCK_MONOTONIC of the command */
	int64_t start_ns, stop_ns;	/* how long the two commands took */
	struct patient_usage before, after;
	int64_t encoders_changed, cameras_lost, degraded;	/* events meanwhile */
	double temperature, hottest;	/* before, and the highest; NAN: unknown */
	char error[200];		/* why there is nothing; empty: there is something */
};

/* Starts recording with those cameras. False: none records; the take's error says why. */
bool doctor_take_begin(struct doctor_take *take, struct patient *patient, const struct list *camera_ids);

/* Lets it record for so long, asking for the status now and then. False: the user wants the end, or camd is gone. */
bool doctor_take_watch(struct doctor_take *take, struct patient *patient, int64_t ns);

/* Stops, and takes down what camd says. */
bool doctor_take_end(struct doctor_take *take, struct patient *patient);

/* Reads the tables, and, with decode, the videos. */
void doctor_take_look(struct doctor_take *take, struct doctor *doctor, bool decode);

/* All of it. */
bool doctor_take(struct doctor_take *take, struct patient *patient, const struct list *camera_ids, int64_t ns, bool decode);

/* Removes the files. */
void doctor_take_clear(struct doctor_take *take);

int64_t doctor_take_lost(const struct doctor_part *part);
double doctor_take_mbps(const struct doctor_part *part);
