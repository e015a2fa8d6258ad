/* The trial of rates and sizes: for each, a camd of its own with one camera. One thread. */
#pragma once

#include "camctl/doctor_bench.h"

/* base: the user's flags without --camera; spec: the camera's; index: of the camera in the bench's list_cameras. */
void doctor_rates_try(struct doctor_bench *bench, const struct list *base, const char *spec, int index);
