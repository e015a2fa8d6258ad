// SPDX-License-Identifier: GPL-2.0
/*
 * What tests switch and read, in /sys/module/h264enc/parameters. The state is the module's, not a device's, because
 * that is what module parameters are; all of it is atomic.
 */
#include "h264enc.h"

#include <linux/module.h>

struct h264enc_faults h264enc_faults = {
	.level_check = ATOMIC_INIT(1),
};
struct h264enc_counters h264enc_counters;

int h264enc_fault(struct h264enc_context *context, atomic_t *fault)
{
	int only = atomic_read(&h264enc_faults.only);

	return only && only != context->number ? 0 : atomic_read(fault);
}

bool h264enc_fault_next(struct h264enc_context *context, atomic_t *fault)
{
	return h264enc_fault(context, fault) && atomic_dec_if_positive(fault) >= 0;
}

static int set_fault(const char *text, const struct kernel_param *parameter)
{
	int value, error = kstrtoint(text, 0, &value);

	if (error || value < 0)
		return error ?: -EINVAL;
	atomic_set(parameter->arg, value);
	h264enc_schedule_all();		/* jobs that waited for this may run now */
	return 0;
}

static int get_fault(char *text, const struct kernel_param *parameter)
{
	return sysfs_emit(text, "%d\n", atomic_read(parameter->arg));
}

/* A blow, not a state: it reads as 0 again at once. */
static int set_eio(const char *text, const struct kernel_param *parameter)
{
	int value, error = kstrtoint(text, 0, &value);

	if (!error && value)
		h264enc_break_all();
	return error;
}

static int set_vanish(const char *text, const struct kernel_param *parameter)
{
	bool vanished;
	int error = kstrtobool(text, &vanished);

	if (error)
		return error;
	error = h264enc_set_vanished(vanished);
	if (!error)
		atomic_set(parameter->arg, vanished);
	return error;
}

static int get_counter(char *text, const struct kernel_param *parameter)
{
	return sysfs_emit(text, "%lld\n", (long long)atomic64_read(parameter->arg));
}

static const struct kernel_param_ops fault_ops = {.set = set_fault, .get = get_fault};
static const struct kernel_param_ops eio_ops = {.set = set_eio, .get = get_fault};
static const struct kernel_param_ops vanish_ops = {.set = set_vanish, .get = get_fault};
static const struct kernel_param_ops counter_ops = {.get = get_counter};

#define FAULT(name) module_param_cb(name, &fault_ops, &h264enc_faults.name, 0644)
#define COUNTER(name) module_param_cb(name, &counter_ops, &h264enc_counters.name, 0444)

FAULT(only);
FAULT(swallow);
FAULT(swallow_every);
FAULT(error);
FAULT(stall);
FAULT(latency);
FAULT(split);
FAULT(separate_header);
FAULT(last_with_data);
FAULT(no_sequence);
FAULT(mutex_ms);
FAULT(streamoff_ms);
FAULT(job_us);
FAULT(reqbufs_fail);
FAULT(refuse_dmabuf);
FAULT(no_dmabuf);
FAULT(no_force_key);
FAULT(ignore_force_key);
FAULT(level_check);
module_param_cb(eio, &eio_ops, &h264enc_faults.eio, 0644);
module_param_cb(vanish, &vanish_ops, &h264enc_faults.vanish, 0644);

COUNTER(contexts);
COUNTER(frames);
COUNTER(key_frames);
COUNTER(swallowed);
COUNTER(jobs);
COUNTER(output_dmabuf);
COUNTER(output_mmap);
COUNTER(output_dmabuf_bytes);
COUNTER(output_mmap_bytes);
COUNTER(capture_bytes);
