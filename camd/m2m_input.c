#include "camd/m2m_input.h"

#include "common/util.h"

#include <errno.h>
#include <string.h>

#define LEAST_IMPORTED 4
#define MOST_IMPORTED 16
#define N_COPIED 4		/* copies free the camera's buffers at once, so that few suffice, and each is memory */

static void forget(struct m2m_input *input)
{
	for (int i = 0; i < M2M_MAX_BUFFERS; i++)
		input->slots[i] = (struct m2m_input_slot){ .dmabuf = -1 };
}

static int allocate_copies(struct m2m_input *input)
{
	input->imports = false;
	return m2m_queue_allocate(&input->queue, input->device, true, V4L2_MEMORY_MMAP, &input->setup->output, N_COPIED);
}

int m2m_input_start(struct m2m_input *input, const struct m2m_device *device, const struct m2m_setup *setup, int n_camera)
{
	int wanted = MIN(MAX(n_camera, LEAST_IMPORTED), MOST_IMPORTED);

	*input = (struct m2m_input){ .device = device, .setup = setup };
	forget(input);
	input->imports = setup->importable && !m2m_queue_allocate(&input->queue, device, true, V4L2_MEMORY_DMABUF,
								  &setup->output, wanted);
	return input->imports ? 0 : allocate_copies(input);
}

void m2m_input_release(struct m2m_input *input)
{
	for (int i = 0; i < M2M_MAX_BUFFERS; i++) {
		frame_unref(input->slots[i].frame);
		input->slots[i].frame = NULL;
	}
}

void m2m_input_stop(struct m2m_input *input)
{
	m2m_queue_free(&input->queue);
	m2m_input_release(input);
}

int m2m_input_room(const struct m2m_input *input)
{
	int room = input->queue.n_buffers - input->queue.n_queued;

	return input->imports && input->max_held ? MIN(room, input->max_held - input->queue.n_queued) : room;
}

/* Whether a frame lies as was agreed. A source that says one thing and does another is copied from. */
static bool lies_as_agreed(const struct m2m_input *input, const struct frame *frame)
{
	for (int i = 0; i < frame->n_planes; i++) {
		const struct plane *plane = &frame->planes[i];

		if (plane->dmabuf < 0 || plane->dmabuf != frame->planes[0].dmabuf ||
		    plane->stride != input->setup->spots[i].stride || plane->offset != input->setup->spots[i].offset)
			return false;
	}
	return true;
}

/* The buffer that belongs to a dmabuf: its own, or one that belongs to none, or the one not used for longest. */
static int choose_buffer(const struct m2m_input *input, int dmabuf)
{
	int oldest = -1;

	for (int i = 0; i < input->queue.n_buffers; i++) {
		if (input->queue.buffers[i].queued)
			continue;
		if (input->slots[i].dmabuf == dmabuf)
			return i;
		if (oldest < 0 || input->slots[i].used < input->slots[oldest].used)
			oldest = i;
	}
	return oldest;
}

static int import(struct m2m_input *input, struct frame *frame, int64_t time_us)
{
	int dmabuf = frame->planes[0].dmabuf;
	int index = choose_buffer(input, dmabuf), rc;

	if (!lies_as_agreed(input, frame))
		return EINVAL;
	rc = m2m_queue_put_raw(&input->queue, index, dmabuf, time_us);
	if (rc)
		return rc;
	input->slots[index] = (struct m2m_input_slot){
		.frame = frame_ref(frame), .dmabuf = dmabuf, .used = ++input->n_put, .time_us = time_us,
	};
	return 0;
}

static int copy(struct m2m_input *input, const struct frame *frame, int64_t time_us)
{
	int index = m2m_queue_find_free(&input->queue);

	frame_begin_read(frame);
	input->copied_bytes += m2m_picture_write(frame, input->setup->raw.pixels, input->setup->spots,
						 input->queue.buffers[index].memory);
	frame_end_read(frame);
	input->slots[index].time_us = time_us;
	return m2m_queue_put_raw(&input->queue, index, -1, time_us);
}

int m2m_input_put(struct m2m_input *input, struct frame *frame, int64_t time_us)
{
	if (m2m_input_room(input) <= 0)
		return EAGAIN;
	return input->imports ? import(input, frame, time_us) : copy(input, frame, time_us);
}

int m2m_input_take(struct m2m_input *input, int64_t *time_us)
{
	struct m2m_done done;
	int rc = m2m_queue_take(&input->queue, &done);

	if (rc)
		return rc;
	*time_us = input->slots[done.index].time_us;
	frame_unref(input->slots[done.index].frame);
	input->slots[done.index].frame = NULL;
	return 0;
}

int m2m_input_stop_importing(struct m2m_input *input)
{
	bool streaming = input->queue.streaming;
	int rc;

	m2m_queue_free(&input->queue);
	m2m_input_release(input);
	forget(input);
	rc = allocate_copies(input);
	return rc || !streaming ? rc : m2m_queue_stream(&input->queue, true);
}
