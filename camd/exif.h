/*
 * What a picture says about itself: EXIF 2.32, into a finished JPEG or PNG (there also as texts). Pure functions; any thread.
 *
 * Time of the exposure, to the microsecond and with its zone; exposure time and gain where the sensor told them (ISO as a hundred
 * times the gain, which is how libcamera and others have it); model and id of the camera (the id as its serial number); in the
 * comment, what EXIF has no tag for: sensor time, frame number and both gains. Who made a camera is not known and not said. Of several pictures that became one the
 * exposure time is the sum.
 */
#pragma once

#include "camd/frame.h"

struct exif_facts {
	int camera_id;
	const char *id, *model;		/* of the camera */
	int stack;			/* pictures that it is made of; 0: it is one */
	int64_t last_sensor_ns;		/* of those, the last one's */
	double gain;			/* by which it was made brighter than their mean */
};

/* Adds it to the picture of that frame. *data is reallocated. What is neither, or has no room for it, stays as it is. */
void exif_add(const struct frame *frame, const struct exif_facts *facts, uint8_t **data, size_t *bytes);
