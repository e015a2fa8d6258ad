// SPDX-License-Identifier: GPL-2.0
#include "h264enc.h"

#include <linux/delay.h>
#include <linux/module.h>
#include <linux/platform_device.h>

MODULE_DESCRIPTION("A stateful H.264 encoder for tests");
MODULE_LICENSE("GPL");

static char *api = "multi";
module_param(api, charp, 0444);
MODULE_PARM_DESC(api, " multi (-planar API), single (-planar API), planes (multi-planar, with each plane by itself)");

static char *format = "";
module_param(format, charp, 0444);
MODULE_PARM_DESC(format, " the only raw format that is offered, such as NV12; empty: all that the API has");

/* The one device, for the module's parameters, and under their lock; NULL before it is there and after it has gone. */
static struct h264enc_device *the_device;
static struct platform_device *platform;

/* The fault `mutex_ms`: somebody is in the driver for long, and keeps everybody else out. */
static long device_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct h264enc_device *device = video_drvdata(file);
	int ms = atomic_xchg(&h264enc_faults.mutex_ms, 0);

	if (ms) {
		mutex_lock(&device->mutex);
		msleep(ms);
		mutex_unlock(&device->mutex);
	}
	return video_ioctl2(file, command, argument);
}

static const struct v4l2_file_operations file_ops = {
	.owner = THIS_MODULE,
	.open = h264enc_open,
	.release = h264enc_release,
	.poll = v4l2_m2m_fop_poll,
	.unlocked_ioctl = device_ioctl,
	.mmap = v4l2_m2m_fop_mmap,
};

static const struct v4l2_m2m_ops m2m_ops = {
	.device_run = h264enc_device_run,
	.job_ready = h264enc_job_ready,
};

static int register_media(struct h264enc_device *device, struct video_device *video)
{
	struct media_device *media = &device->media;
	int error;

	memset(media, 0, sizeof(*media));
	media->dev = device->v4l2.dev;
	strscpy(media->driver_name, H264ENC_NAME, sizeof(media->driver_name));
	strscpy(media->model, H264ENC_NAME, sizeof(media->model));
	strscpy(media->bus_info, "platform:" H264ENC_NAME, sizeof(media->bus_info));
	media_device_init(media);
	error = v4l2_m2m_register_media_controller(device->m2m, video, MEDIA_ENT_F_PROC_VIDEO_ENCODER);
	if (error)
		goto cleanup;
	error = media_device_register(media);
	if (!error)
		return 0;
	v4l2_m2m_unregister_media_controller(device->m2m);
cleanup:
	media_device_cleanup(media);
	return error;
}

static void unregister_media(struct h264enc_device *device)
{
	v4l2_m2m_unregister_media_controller(device->m2m);
	media_device_unregister(&device->media);
	media_device_cleanup(&device->media);
}

/* The video device is not part of `device`: one that has vanished lives until its last file is closed. */
static struct video_device *create_video(struct h264enc_device *device)
{
	struct video_device *video = video_device_alloc();

	if (!video)
		return NULL;
	strscpy(video->name, H264ENC_NAME, sizeof(video->name));
	video->fops = &file_ops;
	video->ioctl_ops = &device->ioctls;
	video->release = video_device_release;
	video->lock = &device->mutex;
	video->v4l2_dev = &device->v4l2;
	video->vfl_dir = VFL_DIR_M2M;
	video->device_caps = V4L2_CAP_STREAMING |
			     (h264enc_is_multiplanar(device) ? V4L2_CAP_VIDEO_M2M_MPLANE : V4L2_CAP_VIDEO_M2M);
	video_set_drvdata(video, device);
	return video;
}

static int appear(struct h264enc_device *device)
{
	struct video_device *video = create_video(device);
	int error;

	if (!video)
		return -ENOMEM;
	device->v4l2.mdev = &device->media;
	error = video_register_device(video, VFL_TYPE_VIDEO, -1);
	if (error) {
		video_device_release(video);
		return error;
	}
	error = register_media(device, video);
	if (error)
		video_unregister_device(video);
	else
		device->video = video;
	return error;
}

/* Whoever waits for a buffer is woken up, and finds that there is no device. */
static void vanish(struct h264enc_device *device)
{
	struct h264enc_context *context;

	if (!device->video)
		return;
	unregister_media(device);
	video_unregister_device(device->video);
	device->video = NULL;
	list_for_each_entry(context, &device->contexts, entry)
		h264enc_break(context);
}

int h264enc_set_vanished(bool vanished)
{
	struct h264enc_device *device = the_device;
	int error = 0;

	if (!device)
		return 0;	/* load() looks at the parameter */
	mutex_lock(&device->lock);
	if (vanished)
		vanish(device);
	else if (!device->video)
		error = appear(device);
	mutex_unlock(&device->lock);
	return error;
}

void h264enc_schedule_all(void)
{
	struct h264enc_device *device = the_device;
	struct h264enc_context *context;

	if (!device)
		return;
	mutex_lock(&device->lock);
	list_for_each_entry(context, &device->contexts, entry)
		v4l2_m2m_try_schedule(context->fh.m2m_ctx);
	mutex_unlock(&device->lock);
}

void h264enc_break_all(void)
{
	struct h264enc_device *device = the_device;
	struct h264enc_context *context;
	int only = atomic_read(&h264enc_faults.only);

	if (!device)
		return;
	mutex_lock(&device->lock);
	list_for_each_entry(context, &device->contexts, entry)
		if (!only || only == context->number)
			h264enc_break(context);
	mutex_unlock(&device->lock);
}

static int read_parameters(struct h264enc_device *device)
{
	static const char *const names[] = {"multi", "single", "planes"};
	int found = match_string(names, ARRAY_SIZE(names), api);

	if (found < 0) {
		pr_err(H264ENC_NAME ": api=%s: must be multi, single or planes\n", api);
		return found;
	}
	device->api = found;
	if (strlen(format) == 4)
		device->only_format = v4l2_fourcc((u32)format[0], format[1], format[2], format[3]);
	else if (*format)
		device->only_format = ~0;
	if (h264enc_has_formats(device))
		return 0;
	pr_err(H264ENC_NAME ": format=%s: with api=%s there is no such format\n", format, api);
	return -EINVAL;
}

static int create_parts(struct h264enc_device *device)
{
	device->work = alloc_workqueue(H264ENC_NAME, 0, 0);
	if (!device->work)
		return -ENOMEM;
	device->m2m = v4l2_m2m_init(&m2m_ops);
	if (!IS_ERR(device->m2m))
		return 0;
	destroy_workqueue(device->work);
	return PTR_ERR(device->m2m);
}

static void destroy_parts(struct h264enc_device *device)
{
	v4l2_m2m_release(device->m2m);
	destroy_workqueue(device->work);
}

/* Its parent has no driver: there is nothing to bind, and the interface differs from kernel to kernel. */
static int fill_device(struct h264enc_device *device, struct device *parent)
{
	int error;

	mutex_init(&device->mutex);
	mutex_init(&device->lock);
	INIT_LIST_HEAD(&device->contexts);
	error = read_parameters(device) ?: create_parts(device);
	if (error)
		return error;
	h264enc_init_ioctls(device);
	strscpy(device->v4l2.name, H264ENC_NAME, sizeof(device->v4l2.name));
	error = v4l2_device_register(parent, &device->v4l2);
	if (!error && !atomic_read(&h264enc_faults.vanish)) {
		error = appear(device);
		if (error)
			v4l2_device_unregister(&device->v4l2);
	}
	if (error)
		destroy_parts(device);
	return error;
}

static void set_device(struct h264enc_device *device)
{
	kernel_param_lock(THIS_MODULE);
	the_device = device;
	kernel_param_unlock(THIS_MODULE);
}

static int __init load(void)
{
	struct h264enc_device *device = kzalloc(sizeof(*device), GFP_KERNEL);
	int error;

	if (!device)
		return -ENOMEM;
	platform = platform_device_register_simple(H264ENC_NAME, PLATFORM_DEVID_NONE, NULL, 0);
	error = PTR_ERR_OR_ZERO(platform);
	if (!error) {
		error = fill_device(device, &platform->dev);
		if (error)
			platform_device_unregister(platform);
	}
	if (error)
		kfree(device);
	else
		set_device(device);
	return error;
}

/* No file is open any more: the module is in use as long as one is. */
static void __exit unload(void)
{
	struct h264enc_device *device = the_device;

	set_device(NULL);
	vanish(device);
	v4l2_device_unregister(&device->v4l2);
	destroy_parts(device);
	platform_device_unregister(platform);
	kfree(device);
}

module_init(load);
module_exit(unload);
