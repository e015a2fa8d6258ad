// SPDX-License-Identifier: GPL-2.0
#include "h264enc.h"

#include <linux/slab.h>

/* The lowest number from 1 on that no open context has. */
static unsigned int free_number(const struct h264enc_device *device)
{
	const struct h264enc_context *context;
	unsigned int number = 1;
	bool taken;

	do {
		taken = false;
		list_for_each_entry(context, &device->contexts, entry)
			taken |= context->number == number;
		number += taken;
	} while (taken);
	return number;
}

static void enlist(struct h264enc_context *context)
{
	struct h264enc_device *device = context->device;

	mutex_lock(&device->lock);
	context->number = free_number(device);
	context->broken = !device->video;
	list_add_tail(&context->entry, &device->contexts);
	mutex_unlock(&device->lock);
	atomic64_inc(&h264enc_counters.contexts);
}

static void delist(struct h264enc_context *context)
{
	mutex_lock(&context->device->lock);
	list_del(&context->entry);
	mutex_unlock(&context->device->lock);
	atomic64_dec(&h264enc_counters.contexts);
}

static struct h264enc_context *allocate(struct h264enc_device *device)
{
	struct h264enc_context *context = kzalloc(sizeof(*context), GFP_KERNEL);

	if (!context)
		return NULL;
	context->device = device;
	context->key_in = -1;
	spin_lock_init(&context->state_lock);
	INIT_LIST_HEAD(&context->packets);
	INIT_LIST_HEAD(&context->spare);
	INIT_WORK(&context->work, h264enc_work);
	h264enc_set_default_format(context);
	return context;
}

int h264enc_open(struct file *file)
{
	struct h264enc_device *device = video_drvdata(file);
	struct h264enc_context *context = allocate(device);
	int error;

	if (!context)
		return -ENOMEM;
	v4l2_fh_init(&context->fh, video_devdata(file));
	error = h264enc_add_controls(context);
	if (!error) {
		context->fh.ctrl_handler = &context->controls;
		context->fh.m2m_ctx = v4l2_m2m_ctx_init(device->m2m, context, h264enc_init_queues);
		error = PTR_ERR_OR_ZERO(context->fh.m2m_ctx);
	}
	if (error) {
		v4l2_ctrl_handler_free(&context->controls);
		v4l2_fh_exit(&context->fh);
		kfree(context);
		return error;
	}
	/* OUTPUT and CAPTURE are not taken in pairs: h264enc_job_ready() says when there is something to do. */
	v4l2_m2m_set_src_buffered(context->fh.m2m_ctx, true);
	v4l2_m2m_set_dst_buffered(context->fh.m2m_ctx, true);
	file->private_data = &context->fh;
	v4l2_fh_add(&context->fh);
	enlist(context);
	return 0;
}

int h264enc_release(struct file *file)
{
	struct h264enc_context *context = h264enc_context_of(file);

	delist(context);
	mutex_lock(&context->device->mutex);
	v4l2_m2m_ctx_release(context->fh.m2m_ctx);
	mutex_unlock(&context->device->mutex);
	v4l2_fh_del(&context->fh);
	v4l2_fh_exit(&context->fh);
	v4l2_ctrl_handler_free(&context->controls);
	h264enc_drop_packets(context);
	h264_coder_finish(&context->coder);
	kfree(context);
	return 0;
}

void h264enc_break(struct h264enc_context *context)
{
	WRITE_ONCE(context->broken, true);
	vb2_queue_error(v4l2_m2m_get_src_vq(context->fh.m2m_ctx));
	vb2_queue_error(v4l2_m2m_get_dst_vq(context->fh.m2m_ctx));
}

int h264enc_subscribe_event(struct v4l2_fh *fh, const struct v4l2_event_subscription *subscription)
{
	if (subscription->type == V4L2_EVENT_EOS)
		return v4l2_event_subscribe(fh, subscription, 0, NULL);
	return v4l2_ctrl_subscribe_event(fh, subscription);
}

/* What is queued now is coded, what comes later waits for START. */
static int begin_drain(struct h264enc_context *context)
{
	int error = 0;

	spin_lock(&context->state_lock);
	if (context->drain == H264ENC_DRAINING) {
		error = -EBUSY;
	} else if (context->drain == H264ENC_RUNNING) {
		context->drain = H264ENC_DRAINING;
		context->drain_left = v4l2_m2m_num_src_bufs_ready(context->fh.m2m_ctx);
	}
	spin_unlock(&context->state_lock);
	return error;
}

static int resume(struct h264enc_context *context)
{
	int error = 0;

	spin_lock(&context->state_lock);
	if (context->drain == H264ENC_DRAINING)
		error = -EBUSY;
	else
		context->drain = H264ENC_RUNNING;
	spin_unlock(&context->state_lock);
	if (!error)
		vb2_clear_last_buffer_dequeued(v4l2_m2m_get_dst_vq(context->fh.m2m_ctx));
	return error;
}

int h264enc_encoder_cmd(struct file *file, void *fh, struct v4l2_encoder_cmd *command)
{
	struct h264enc_context *context = h264enc_context_of(file);
	struct v4l2_m2m_ctx *m2m = context->fh.m2m_ctx;
	int error = v4l2_m2m_ioctl_try_encoder_cmd(file, fh, command);

	if (error || !vb2_is_streaming(v4l2_m2m_get_src_vq(m2m)) || !vb2_is_streaming(v4l2_m2m_get_dst_vq(m2m)))
		return error;
	error = command->cmd == V4L2_ENC_CMD_STOP ? begin_drain(context) : resume(context);
	if (!error)
		v4l2_m2m_try_schedule(m2m);
	return error;
}
