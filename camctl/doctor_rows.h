/* A recording as rows of the report: what was measured, and whether that is as it should be. One thread. */
#pragma once

#include "camctl/doctor_take.h"

/* All of them: for each camera, and for camd. hardware: the board has an encoder, which was to be used. */
void doctor_rows_take(struct findings *report, const struct doctor_take *take, bool hardware);

/* The row "frames" alone: captured, recorded, lost and why. */
void doctor_rows_frames(struct findings *report, const struct doctor_part *part, const char *what);

/* "none", or "sensor 2, encoder 1". */
#define DOCTOR_LOST_BYTES 120
const char *doctor_rows_lost(const struct doctor_lost *lost, char text[DOCTOR_LOST_BYTES]);
