/*
 * The trials of one camera, each with recordings of its own and a row or more of the report. One thread; they turn the
 * doctor's loop.
 */
#pragma once

#include "camctl/doctor_bench.h"

/* Starts and stops ten times: how long that takes, and whether each is whole. */
void doctor_trials_restarts(struct doctor_bench *bench, const struct list *camera_ids);

/* From 0.25 to 20 Mb/s: what comes, and whether the encoder leaves frames out. */
void doctor_trials_bitrates(struct doctor_bench *bench, const struct list *camera_ids);

/* Another bitrate in the middle of a recording. */
void doctor_trials_bitrate_change(struct doctor_bench *bench, const struct list *camera_ids);

/* Previews and a snapshot while it records. */
void doctor_trials_pictures(struct doctor_bench *bench, const struct list *camera_ids);

/* The camera off, so that its device is free, and on again. */
void doctor_trials_off_and_on(struct doctor_bench *bench, const struct list *camera_ids);

/* The software encoder at two presets, with all cameras: what the processor would have to do. */
void doctor_trials_software(struct doctor_bench *bench);

/* Switches cameras. False: a row says why. */
bool doctor_trials_switch(struct doctor_bench *bench, const struct list *camera_ids, bool enabled);
