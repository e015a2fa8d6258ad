/*
 * The side of an encoder that raw pictures go in at. Pictures that lie in dmabufs as the driver wants them are shown to it
 * where they are, and held until it gives them back; others are copied into its memory, and let go at once.
 *
 * One buffer of the driver's stays with one dmabuf: a driver maps what it imports, and would map it anew for each frame.
 */
#pragma once

#include "camd/m2m_queue.h"
#include "camd/m2m_setup.h"

struct m2m_input_slot {
	struct frame *frame;	/* held while the driver has it; NULL where it was copied */
	int dmabuf;		/* that this buffer is for; -1: none yet */
	uint64_t used;		/* when, in frames: who waited longest makes room */
	int64_t time_us;
};

struct m2m_input {
	struct m2m_queue queue;
	const struct m2m_device *device;
	const struct m2m_setup *setup;
	bool imports;
	uint64_t n_put;
	int max_held;		/* frames to keep at once; 0: any */
	uint64_t copied_bytes;	/* of raw pictures, by the processor */
	struct m2m_input_slot slots[M2M_MAX_BUFFERS];
};

/*
 * Allocates: for import if the setup says that it may be and the driver can, else for copies. 0 or an errno. device and setup
 * are borrowed. n_camera: buffers that the camera has, 0: unknown.
 */
int m2m_input_start(struct m2m_input *input, const struct m2m_device *device, const struct m2m_setup *setup, int n_camera);

/* Stops, and lets go of all frames. Harmless where there is nothing. */
void m2m_input_stop(struct m2m_input *input);

/* After m2m_queue_stream(off): lets go of all frames. */
void m2m_input_release(struct m2m_input *input);

/* Pictures that could be put now. */
int m2m_input_room(const struct m2m_input *input);

/* Gives a picture to the driver; keeps a reference if it needs one. 0 or an errno: EINVAL too where it can't be imported. */
int m2m_input_put(struct m2m_input *input, struct frame *frame, int64_t time_us);

/* Takes back a picture; *time_us is what it was put with. 0 or an errno. */
int m2m_input_take(struct m2m_input *input, int64_t *time_us);

/* Copies from now on. Only while the driver has no picture. 0 or an errno. */
int m2m_input_stop_importing(struct m2m_input *input);
