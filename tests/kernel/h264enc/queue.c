// SPDX-License-Identifier: GPL-2.0
#include "h264enc.h"

#include <linux/delay.h>

static int queue_setup(struct vb2_queue *queue, unsigned int *buffers, unsigned int *planes, unsigned int sizes[],
		       struct device *devices[])
{
	struct h264enc_context *context = vb2_get_drv_priv(queue);
	unsigned int count = queue->is_output ? context->layout.format->planes : 1, i, size;

	if (h264enc_fault_next(context, &h264enc_faults.reqbufs_fail))
		return -ENOMEM;
	if (*planes && *planes != count)
		return -EINVAL;
	for (i = 0; i < count; i++) {
		size = queue->is_output ? context->layout.sizeimage[i] : context->capture_size;
		if (*planes && sizes[i] < size)
			return -EINVAL;
		if (!*planes)
			sizes[i] = size;
	}
	*planes = count;
	return 0;
}

static int validate_output(struct vb2_buffer *buffer)
{
	struct vb2_v4l2_buffer *v4l2 = to_vb2_v4l2_buffer(buffer);

	if (v4l2->field == V4L2_FIELD_ANY)
		v4l2->field = V4L2_FIELD_NONE;
	return v4l2->field == V4L2_FIELD_NONE ? 0 : -EINVAL;
}

static int prepare(struct vb2_buffer *buffer)
{
	struct h264enc_context *context = vb2_get_drv_priv(buffer->vb2_queue);
	unsigned int i;

	if (!buffer->vb2_queue->is_output)
		return vb2_plane_size(buffer, 0) < context->capture_size ? -EINVAL : 0;
	for (i = 0; i < buffer->num_planes; i++)
		if (vb2_plane_size(buffer, i) < context->layout.sizeimage[i])
			return -EINVAL;
	return 0;
}

static bool is_draining(struct h264enc_context *context)
{
	bool draining;

	spin_lock(&context->state_lock);
	draining = context->drain == H264ENC_DRAINING;
	spin_unlock(&context->state_lock);
	return draining;
}

/* With the OUTPUT queue off no job will run, so that a drain has to end here. */
static void queue_buffer(struct vb2_buffer *buffer)
{
	struct h264enc_context *context = vb2_get_drv_priv(buffer->vb2_queue);
	struct v4l2_m2m_ctx *m2m = context->fh.m2m_ctx;
	struct vb2_v4l2_buffer *v4l2 = to_vb2_v4l2_buffer(buffer);

	if (!buffer->vb2_queue->is_output && !vb2_is_streaming(v4l2_m2m_get_src_vq(m2m)) && is_draining(context))
		h264enc_finish_drain(context, v4l2);
	else
		v4l2_m2m_buf_queue(m2m, v4l2);
}

static void return_buffers(struct vb2_queue *queue, enum vb2_buffer_state state)
{
	struct h264enc_context *context = vb2_get_drv_priv(queue);
	struct v4l2_m2m_ctx *m2m = context->fh.m2m_ctx;
	struct vb2_v4l2_buffer *buffer;

	while ((buffer = queue->is_output ? v4l2_m2m_src_buf_remove(m2m) : v4l2_m2m_dst_buf_remove(m2m)))
		v4l2_m2m_buf_done(buffer, state);
}

static int start_output(struct h264enc_context *context)
{
	if (h264enc_fault(context, &h264enc_faults.level_check) && !h264enc_level_suffices(context))
		return -ESRCH;
	h264_coder_finish(&context->coder);
	if (!h264_coder_init(&context->coder, context->crop_width, context->crop_height))
		return -ENOMEM;
	context->output_sequence = 0;
	return 0;
}

static int start_streaming(struct vb2_queue *queue, unsigned int count)
{
	struct h264enc_context *context = vb2_get_drv_priv(queue);
	int error = queue->is_output ? start_output(context) : 0;

	if (error) {
		return_buffers(queue, VB2_BUF_STATE_QUEUED);
		return error;
	}
	if (!queue->is_output)
		context->capture_sequence = 0;
	context->need_key = context->need_headers = true;
	return 0;
}

static void set_running(struct h264enc_context *context)
{
	spin_lock(&context->state_lock);
	context->drain = H264ENC_RUNNING;
	spin_unlock(&context->state_lock);
}

/* After the OUTPUT queue was stopped in a drain there is nothing left to code, but LAST is still owed. */
static void cut_drain_short(struct h264enc_context *context)
{
	struct vb2_v4l2_buffer *buffer;

	if (!is_draining(context) || !vb2_is_streaming(v4l2_m2m_get_dst_vq(context->fh.m2m_ctx)))
		return;
	buffer = v4l2_m2m_dst_buf_remove(context->fh.m2m_ctx);
	if (buffer)
		h264enc_finish_drain(context, buffer);
}

static void stop_streaming(struct vb2_queue *queue)
{
	struct h264enc_context *context = vb2_get_drv_priv(queue);
	int ms = h264enc_fault(context, &h264enc_faults.streamoff_ms);

	if (ms)
		msleep(ms);
	return_buffers(queue, VB2_BUF_STATE_ERROR);
	h264enc_drop_packets(context);
	if (queue->is_output)
		cut_drain_short(context);
	else
		set_running(context);
	context->broken = !video_is_registered(context->fh.vdev);
}

static const struct vb2_ops queue_ops = {
	.queue_setup = queue_setup,
	.buf_out_validate = validate_output,
	.buf_prepare = prepare,
	.buf_queue = queue_buffer,
	.start_streaming = start_streaming,
	.stop_streaming = stop_streaming,
	.wait_prepare = vb2_ops_wait_prepare,
	.wait_finish = vb2_ops_wait_finish,
};

static int init_queue(struct h264enc_context *context, struct vb2_queue *queue, enum v4l2_buf_type type)
{
	queue->type = type;
	queue->io_modes = VB2_MMAP | (atomic_read(&h264enc_faults.no_dmabuf) ? 0 : VB2_DMABUF);
	queue->drv_priv = context;
	queue->buf_struct_size = sizeof(struct v4l2_m2m_buffer);
	queue->ops = &queue_ops;
	queue->mem_ops = &vb2_vmalloc_memops;
	queue->timestamp_flags = V4L2_BUF_FLAG_TIMESTAMP_COPY;
	queue->lock = &context->device->mutex;
	return vb2_queue_init(queue);
}

int h264enc_init_queues(void *private, struct vb2_queue *source, struct vb2_queue *destination)
{
	struct h264enc_context *context = private;
	bool multi = h264enc_is_multiplanar(context->device);
	int error = init_queue(context, source, multi ? V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE : V4L2_BUF_TYPE_VIDEO_OUTPUT);

	return error ?: init_queue(context, destination,
				   multi ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE);
}

/* The value of the fault is the error that comes: 14 for EFAULT, 12 for ENOMEM; 1 stands for EINVAL. */
int h264enc_qbuf(struct file *file, void *fh, struct v4l2_buffer *buffer)
{
	int refuse = h264enc_fault(h264enc_context_of(file), &h264enc_faults.refuse_dmabuf);

	if (refuse && buffer->memory == V4L2_MEMORY_DMABUF && V4L2_TYPE_IS_OUTPUT(buffer->type))
		return refuse == 1 ? -EINVAL : -refuse;
	return v4l2_m2m_ioctl_qbuf(file, fh, buffer);
}
