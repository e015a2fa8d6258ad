// SPDX-License-Identifier: GPL-2.0
/*
 * One OUTPUT buffer becomes a packet; packets go out in CAPTURE buffers. The two are not paired: a frame may be
 * swallowed, held back, or need several buffers.
 */
#include "h264enc.h"

#include <linux/delay.h>
#include <linux/slab.h>

/* What a CAPTURE buffer has from the frame in it. */
#define SOURCE_FLAGS (V4L2_BUF_FLAG_TIMECODE | V4L2_BUF_FLAG_TSTAMP_SRC_MASK)
#define FRAME_FLAGS (SOURCE_FLAGS | V4L2_BUF_FLAG_KEYFRAME | V4L2_BUF_FLAG_PFRAME | V4L2_BUF_FLAG_LAST)

/* Everything that came before STOP is coded. */
static bool is_flushing(struct h264enc_context *context)
{
	bool flushing;

	spin_lock(&context->state_lock);
	flushing = context->drain == H264ENC_DRAINING && !context->drain_left;
	spin_unlock(&context->state_lock);
	return flushing;
}

static bool may_code(struct h264enc_context *context)
{
	bool may;

	spin_lock(&context->state_lock);
	may = context->drain == H264ENC_RUNNING || (context->drain == H264ENC_DRAINING && context->drain_left);
	spin_unlock(&context->state_lock);
	return may;
}

static bool can_deliver(struct h264enc_context *context)
{
	int latency = h264enc_fault(context, &h264enc_faults.latency);

	return v4l2_m2m_num_dst_bufs_ready(context->fh.m2m_ctx) && (context->waiting > latency || is_flushing(context));
}

static bool can_code(struct h264enc_context *context)
{
	int latency = h264enc_fault(context, &h264enc_faults.latency);

	if (!v4l2_m2m_num_src_bufs_ready(context->fh.m2m_ctx) || !may_code(context) || context->waiting > latency)
		return false;
	return context->waiting < latency || v4l2_m2m_num_dst_bufs_ready(context->fh.m2m_ctx);
}

/* Not called for a context whose job runs. */
int h264enc_job_ready(void *private)
{
	struct h264enc_context *context = private;

	if (READ_ONCE(context->broken) || h264enc_fault(context, &h264enc_faults.stall))
		return false;
	return can_deliver(context) || can_code(context);
}

void h264enc_device_run(void *private)
{
	struct h264enc_context *context = private;

	queue_work(context->device->work, &context->work);
}

static void free_packet(struct h264enc_packet *packet)
{
	kvfree(packet->data);
	kfree(packet);
}

/* The memory goes too: the next pictures may be larger. */
void h264enc_drop_packets(struct h264enc_context *context)
{
	struct h264enc_packet *packet, *next;

	list_splice_init(&context->packets, &context->spare);
	list_for_each_entry_safe(packet, next, &context->spare, entry)
		free_packet(packet);
	INIT_LIST_HEAD(&context->spare);
	context->waiting = 0;
}

static struct h264enc_packet *new_packet(struct h264enc_context *context)
{
	struct h264enc_packet *packet = list_first_entry_or_null(&context->spare, struct h264enc_packet, entry);
	u8 *data;

	if (packet) {
		list_del(&packet->entry);
	} else {
		packet = kzalloc(sizeof(*packet), GFP_KERNEL);
		data = kvmalloc(h264_size_max(context->coder.width, context->coder.height), GFP_KERNEL);
		if (!packet || !data) {
			kfree(packet);
			kvfree(data);
			return NULL;
		}
		packet->data = data;
	}
	*packet = (struct h264enc_packet){.data = packet->data};
	return packet;
}

static void push(struct h264enc_context *context, struct h264enc_packet *packet)
{
	list_add_tail(&packet->entry, &context->packets);
	context->waiting += packet->is_frame;
}

static void recycle(struct h264enc_context *context, struct h264enc_packet *packet)
{
	context->waiting -= packet->is_frame;
	list_move(&packet->entry, &context->spare);
}

/* False if it cannot be mapped. */
static bool describe_frame(struct h264enc_context *context, struct vb2_buffer *buffer, struct h264_frame *frame)
{
	const struct h264enc_layout *layout = &context->layout;
	const struct h264enc_format *format = layout->format;
	unsigned int chroma = h264enc_chroma_stride(layout), i;
	const u8 *at[3];

	for (i = 0; i < format->planes; i++)
		if (!(at[i] = vb2_plane_vaddr(buffer, i)))
			return false;
	if (format->planes == 1)
		at[1] = at[0] + layout->stride * layout->height;
	if (format->luma_step == 2)
		at[1] = at[0] + 1;
	if (format->planes < 3)
		at[2] = at[1] + (format->chroma_step == 1 ? chroma * layout->height / 2 : format->chroma_step / 2);
	if (format->swapped)
		swap(at[1], at[2]);
	for (i = 0; i < 3; i++)
		frame->plane[i] = (struct h264_plane){
			.data = at[i], .stride = i ? chroma : layout->stride,
			.step = i ? format->chroma_step : format->luma_step,
			.average = i && format->luma_step == 2,
		};
	return true;
}

/* A forced key frame is due, at once or, with the fault `ignore_force_key`, some frames later. */
static bool key_is_forced(struct h264enc_context *context)
{
	bool forced;

	spin_lock(&context->state_lock);
	forced = context->key_in == 0;
	if (context->key_in >= 0)
		context->key_in--;
	spin_unlock(&context->state_lock);
	return forced;
}

static bool key_is_due(struct h264enc_context *context)
{
	int period = READ_ONCE(context->settings.period);
	bool forced = key_is_forced(context);

	return forced || context->need_key || (period && context->since_key >= period);
}

static bool write_separate_headers(struct h264enc_context *context, const struct h264_parameters *parameters)
{
	struct h264enc_packet *packet = new_packet(context);
	struct h264_writer writer = {};

	if (!packet)
		return false;
	writer.data = packet->data;
	h264_write_headers(&writer, parameters);
	packet->size = writer.size;
	push(context, packet);
	return true;
}

/* SPS and PPS: with the first picture, and with each key frame if so set. */
static bool write_headers(struct h264enc_context *context, struct h264_writer *writer)
{
	const struct h264enc_settings *settings = &context->settings;
	struct h264_parameters parameters;

	if (!context->need_headers && !READ_ONCE(settings->repeat_headers))
		return true;
	context->need_headers = false;
	h264enc_get_parameters(context, &parameters);
	if (!READ_ONCE(settings->joined_headers) || h264enc_fault(context, &h264enc_faults.separate_header))
		return write_separate_headers(context, &parameters);
	h264_write_headers(writer, &parameters);
	return true;
}

static bool code(struct h264enc_context *context, struct vb2_v4l2_buffer *source)
{
	struct h264enc_packet *packet = new_packet(context);
	struct h264_writer writer = {};
	struct h264_frame frame;
	bool key;

	if (!packet)
		return false;
	writer.data = packet->data;
	key = key_is_due(context);
	if (!describe_frame(context, &source->vb2_buf, &frame) || (key && !write_headers(context, &writer))) {
		free_packet(packet);
		return false;
	}
	h264_write_picture(&writer, &context->coder, &frame, key);
	packet->size = writer.size;
	packet->is_frame = true;
	packet->timestamp = source->vb2_buf.timestamp;
	packet->timecode = source->timecode;
	packet->flags = (source->flags & SOURCE_FLAGS) | (key ? V4L2_BUF_FLAG_KEYFRAME : V4L2_BUF_FLAG_PFRAME);
	push(context, packet);
	context->need_key = false;
	context->since_key = key ? 1 : context->since_key + 1;
	atomic64_inc(&h264enc_counters.frames);
	atomic64_add(key, &h264enc_counters.key_frames);
	return true;
}

static bool is_swallowed(struct h264enc_context *context)
{
	int every = h264enc_fault(context, &h264enc_faults.swallow_every);

	if (!h264enc_fault_next(context, &h264enc_faults.swallow) && (!every || (context->output_sequence + 1) % every))
		return false;
	atomic64_inc(&h264enc_counters.swallowed);
	return true;
}

static void count_source(struct vb2_buffer *buffer)
{
	bool imported = buffer->memory == VB2_MEMORY_DMABUF;
	unsigned int i;

	atomic64_inc(imported ? &h264enc_counters.output_dmabuf : &h264enc_counters.output_mmap);
	for (i = 0; i < buffer->num_planes; i++)
		atomic64_add(vb2_get_plane_payload(buffer, i),
			     imported ? &h264enc_counters.output_dmabuf_bytes : &h264enc_counters.output_mmap_bytes);
}

static struct vb2_v4l2_buffer *take_source(struct h264enc_context *context)
{
	struct vb2_v4l2_buffer *source;

	spin_lock(&context->state_lock);
	source = v4l2_m2m_src_buf_remove(context->fh.m2m_ctx);
	if (source && context->drain == H264ENC_DRAINING && context->drain_left)
		context->drain_left--;
	spin_unlock(&context->state_lock);
	return source;
}

static void code_next(struct h264enc_context *context)
{
	int us = h264enc_fault(context, &h264enc_faults.job_us);
	struct vb2_v4l2_buffer *source;
	bool ok = true;

	if (us)
		fsleep(us);
	source = take_source(context);
	if (!source)
		return;
	count_source(&source->vb2_buf);
	if (!is_swallowed(context))
		ok = code(context, source);
	source->sequence = context->output_sequence++;
	v4l2_m2m_buf_done(source, ok ? VB2_BUF_STATE_DONE : VB2_BUF_STATE_ERROR);
}

static void set_stopped(struct h264enc_context *context)
{
	static const struct v4l2_event end = {.type = V4L2_EVENT_EOS};

	spin_lock(&context->state_lock);
	context->drain = H264ENC_STOPPED;
	spin_unlock(&context->state_lock);
	v4l2_event_queue_fh(&context->fh, &end);
}

void h264enc_finish_drain(struct h264enc_context *context, struct vb2_v4l2_buffer *buffer)
{
	vb2_set_plane_payload(&buffer->vb2_buf, 0, 0);
	buffer->vb2_buf.timestamp = 0;
	buffer->flags &= ~FRAME_FLAGS;
	buffer->flags |= V4L2_BUF_FLAG_LAST;
	buffer->field = V4L2_FIELD_NONE;
	set_stopped(context);
	v4l2_m2m_buf_done(buffer, VB2_BUF_STATE_DONE);
}

/* What of the packet goes into one buffer: with the fault `split`, about its n-th part. */
static size_t piece_of(struct h264enc_context *context, const struct h264enc_packet *packet, size_t room)
{
	int parts = h264enc_fault(context, &h264enc_faults.split);
	size_t rest = packet->size - packet->sent;

	if (parts > 1 && packet->is_frame)
		rest = min_t(size_t, rest, DIV_ROUND_UP(packet->size, parts));
	return min(rest, room);
}

static void fill(struct h264enc_context *context, struct h264enc_packet *packet, struct vb2_v4l2_buffer *buffer)
{
	size_t size = piece_of(context, packet, vb2_plane_size(&buffer->vb2_buf, 0));

	memcpy(vb2_plane_vaddr(&buffer->vb2_buf, 0), packet->data + packet->sent, size);
	packet->sent += size;
	vb2_set_plane_payload(&buffer->vb2_buf, 0, size);
	buffer->vb2_buf.timestamp = packet->timestamp;
	buffer->timecode = packet->timecode;
	buffer->flags &= ~FRAME_FLAGS;
	buffer->flags |= packet->flags;
	buffer->field = V4L2_FIELD_NONE;
	buffer->sequence = h264enc_fault(context, &h264enc_faults.no_sequence) ? 0 : context->capture_sequence++;
	atomic64_add(size, &h264enc_counters.capture_bytes);
}

static void deliver(struct h264enc_context *context)
{
	struct vb2_v4l2_buffer *buffer = v4l2_m2m_dst_buf_remove(context->fh.m2m_ctx);
	struct h264enc_packet *packet = list_first_entry_or_null(&context->packets, struct h264enc_packet, entry);
	enum vb2_buffer_state state = VB2_BUF_STATE_DONE;

	if (!packet) {
		h264enc_finish_drain(context, buffer);
		return;
	}
	fill(context, packet, buffer);
	if (packet->sent == packet->size)
		recycle(context, packet);
	if (h264enc_fault_next(context, &h264enc_faults.error))
		state = VB2_BUF_STATE_ERROR;
	if (list_empty(&context->packets) && is_flushing(context) &&
	    h264enc_fault(context, &h264enc_faults.last_with_data)) {
		buffer->flags |= V4L2_BUF_FLAG_LAST;
		set_stopped(context);
	}
	v4l2_m2m_buf_done(buffer, state);
}

/* One frame at most, so that all contexts have their turn. */
void h264enc_work(struct work_struct *work)
{
	struct h264enc_context *context = container_of(work, struct h264enc_context, work);

	atomic64_inc(&h264enc_counters.jobs);
	if (!can_deliver(context) && can_code(context))
		code_next(context);
	while (can_deliver(context))
		deliver(context);
	v4l2_m2m_job_finish(context->device->m2m, context->fh.m2m_ctx);
}
