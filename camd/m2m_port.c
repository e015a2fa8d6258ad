#include "camd/m2m_port.h"

#include "camd/v4l2_node.h"
#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define N_CODED 4		/* each is emptied at once */
#define LEAST_CODED 2
#define RAISED_LEVEL 42		/* what boards bear beyond the 4.0 that they are made for */

bool m2m_port_fail(const struct m2m_port *port, int number, const char *what, struct error *err)
{
	const char *name = port->device.path;

	switch (number) {
	case ENODEV:
		return error_set(err, ERR_ENCODER_FAILED, "encoder %s: it is gone", name);
	case EIO:
		return error_set(err, ERR_ENCODER_FAILED, "encoder %s: %s: the driver reports that it failed", name, what);
	case EPROTO:
		return error_set(err, ERR_ENCODER_FAILED, "encoder %s: %s: the driver's numbers can't be", name, what);
	default:
		return error_set(err, ERR_ENCODER_FAILED, "encoder %s: %s: %s", name, what, strerror(number));
	}
}

static bool fail_level(const struct m2m_port *port, struct error *err)
{
	const struct m2m_rate_wish *rate = &port->order.rate;

	return error_set(err, ERR_UNSUPPORTED, "encoder %s: %dx%d at %g frames/s and %lld b/s is beyond it, even at "
			 "level %d.%d; choose less", port->device.path, rate->width, rate->height, rate->fps,
			 (long long)rate->bitrate_bps, port->controls.level / 10, port->controls.level % 10);
}

/* What the boards' graphics memory has left, which is where their encoders' buffers are. -1: no such thing here. */
static long cma_free_kib(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];
	long found = -1;

	while (file && found < 0 && fgets(line, sizeof(line), file))
		if (sscanf(line, "CmaFree: %ld", &found) != 1)
			found = -1;
	if (file)
		fclose(file);
	return found;
}

static bool fail_memory(const struct m2m_port *port, int number, const char *what, struct error *err)
{
	long kib = cma_free_kib();

	if (number != ENOMEM || kib < 0)
		return m2m_port_fail(port, number, what, err);
	return error_set(err, ERR_ENCODER_FAILED, "encoder %s: %s: no memory, %ld KiB of CMA are left; choose a smaller "
			 "resolution, or give more by cma= on the kernel's command line", port->device.path, what, kib);
}

static int allocate_coded(struct m2m_port *port)
{
	int rc = ENOMEM;

	for (int n = N_CODED; n >= LEAST_CODED && rc == ENOMEM; n /= 2)
		rc = m2m_queue_allocate(&port->capture, &port->device, false, V4L2_MEMORY_MMAP, &port->setup.capture, n);
	return rc;
}

/* 0 or an errno. */
static int run(struct m2m_port *port)
{
	int rc = 0;

	for (int i = 0; i < port->capture.n_buffers && !rc; i++)
		rc = m2m_queue_put_empty(&port->capture, i);
	if (!rc)
		rc = m2m_queue_stream(&port->input.queue, true);
	if (!rc)
		rc = m2m_queue_stream(&port->capture, true);
	return rc;
}

/* *too_low: the level is what it failed for. */
static bool bring_up(struct m2m_port *port, bool *too_low, struct error *err)
{
	int rc;

	if (!m2m_setup_agree(&port->device, &port->order.wish, &port->setup, err))
		return false;
	m2m_controls_apply(&port->controls, &port->device, &port->order.rate);
	rc = m2m_input_start(&port->input, &port->device, &port->setup, port->order.n_camera);
	port->input.max_held = port->order.max_held;
	if (rc)
		return fail_memory(port, rc, "no buffers for pictures", err);
	rc = allocate_coded(port);
	if (rc)
		return fail_memory(port, rc, "no buffers for what it encodes", err);
	rc = run(port);
	*too_low = rc == ESRCH;
	if (*too_low)
		return fail_level(port, err);
	return !rc || m2m_port_fail(port, rc, "does not start", err);
}

static bool open_once(struct m2m_port *port, const char *path, bool *too_low, struct error *err)
{
	*too_low = false;
	memset(&port->input, 0, sizeof(port->input));
	memset(&port->capture, 0, sizeof(port->capture));
	if (!m2m_device_open(&port->device, path, port->order.wish.coded, err))
		return false;
	if (bring_up(port, too_low, err))
		return true;
	m2m_port_close(port);
	return false;
}

bool m2m_port_open(struct m2m_port *port, const char *path, const struct m2m_order *order, struct error *err)
{
	bool too_low;

	*port = (struct m2m_port){ .order = *order, .device.fd = -1 };
	return open_once(port, path, &too_low, err) || (too_low && m2m_port_raise_level(port, err));
}

void m2m_port_close(struct m2m_port *port)
{
	m2m_input_stop(&port->input);
	m2m_queue_free(&port->capture);
	m2m_device_close(&port->device);
}

bool m2m_port_raise_level(struct m2m_port *port, struct error *err)
{
	char path[sizeof(port->device.path)];
	bool too_low;

	if (port->order.rate.least_level || port->controls.level >= RAISED_LEVEL)
		return fail_level(port, err);
	log_warning("encoder %s: level %d.%d is too low to it, trying a higher one", port->device.path,
		    port->controls.level / 10, port->controls.level % 10);
	port->order.rate.least_level = RAISED_LEVEL;
	memcpy(path, port->device.path, sizeof(path));
	m2m_port_close(port);
	return open_once(port, path, &too_low, err);
}

bool m2m_port_restart(struct m2m_port *port, struct error *err)
{
	int rc = m2m_queue_stream(&port->input.queue, false);

	if (!rc)
		rc = m2m_queue_stream(&port->capture, false);
	m2m_input_release(&port->input);
	if (!rc)
		rc = run(port);
	return !rc || m2m_port_fail(port, rc, "does not start again", err);
}

bool m2m_port_stop_importing(struct m2m_port *port, struct error *err)
{
	int rc = m2m_input_stop_importing(&port->input);

	return !rc || m2m_port_fail(port, rc, "no buffers to copy pictures into", err);
}

int m2m_port_finish(struct m2m_port *port)
{
	struct v4l2_encoder_cmd command = { .cmd = V4L2_ENC_CMD_STOP };

	return v4l2_node_ioctl(port->device.fd, VIDIOC_ENCODER_CMD, &command) ? errno : 0;
}
