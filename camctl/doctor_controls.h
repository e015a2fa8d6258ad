/* The trial of set_controls: exposure and gain are set while recording, and the timing table is to tell them. One thread. */
#pragma once

#include "camctl/doctor_bench.h"

/* index: of the camera in the bench's list_cameras. */
void doctor_controls_try(struct doctor_bench *bench, const struct list *camera_ids, int index);
