/* camd by its own words: what it is, what it found, and whether it can work here. One thread; it turns the doctor's loop. */
#pragma once

#include "camctl/patient.h"

struct doctor_camd {
	char *output_dir;		/* absolute */
	int64_t bitrate_bps;
	int64_t cameras;		/* that run */
	bool has_hardware;		/* an encoder */
	enum session_status failure;	/* why there is no camd to examine; SESSION_OK: there is one */
};

/* A section of rows. */
void doctor_camd_examine(struct doctor *doctor, struct doctor_camd *camd);
void doctor_camd_clear(struct doctor_camd *camd);

/* The session's log; allocated. */
char *doctor_camd_log_path(const struct patient *patient, const char *output_dir);
