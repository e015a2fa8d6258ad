#include "camd/service.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_NS NS_PER_S
#define FEEDS 4			/* so often in the watchdog's time, for one may come late */
#define STATUS_BYTES 256

struct service {
	struct session *session;
	struct notify notify;
	uv_timer_t tick;
	bool ready, stopping, starving;
	char status[STATUS_BYTES];	/* as last told */
};

/* For people, who see it in `systemctl status`. */
static void describe(const struct service *service, char status[STATUS_BYTES])
{
	const struct session *session = service->session;
	size_t n = session_n_cameras(session), running = 0, recording = 0;

	for (size_t i = 0; i < n; i++) {
		const struct camera *camera = session_camera(session, (int64_t)i);

		running += camera && camera_state(camera) == CAMERA_RUNNING;
		recording += camera && camera_recording(camera);
	}
	if (service->stopping)
		snprintf(status, STATUS_BYTES, "finishing the recordings");
	else if (!n)
		snprintf(status, STATUS_BYTES, "no camera is there");
	else
		snprintf(status, STATUS_BYTES, "%zu of %zu cameras run, %zu record; session %s", running, n, recording,
			 session_label(session) ? session_label(session) : "has no folder");
}

static void tell_status(struct service *service)
{
	char status[STATUS_BYTES];

	describe(service, status);
	if (strcmp(status, service->status) && notify_say(&service->notify, "STATUS=%s", status))
		memcpy(service->status, status, sizeof(service->status));
}

/* A session that is not ready yet has its own limit (discovery_timeout). */
static void feed(struct service *service)
{
	struct error why;
	bool alive;

	if (!service->notify.watchdog_ns)
		return;
	alive = !session_is_ready(service->session) || session_is_alive(service->session, service->notify.watchdog_ns, &why);
	if (!alive && !service->starving)
		log_error("%s: the watchdog is not fed any more, and will have camd ended", why.text);
	service->starving = !alive;
	if (alive)
		notify_say(&service->notify, "WATCHDOG=1");
}

static void on_tick(uv_timer_t *tick)
{
	struct service *service = tick->data;

	if (!service->ready && session_is_ready(service->session) && !service->stopping)
		service->ready = notify_say(&service->notify, "READY=1");
	tell_status(service);
	feed(service);
}

struct service *service_create(struct session *session, const struct notify *notify)
{
	struct service *service = xcalloc(1, sizeof(*service));
	int64_t tick_ns = notify->watchdog_ns ? MIN(TICK_NS, notify->watchdog_ns / FEEDS) : TICK_NS;

	service->session = session;
	service->notify = *notify;
	uv_timer_init(session_loop(session), &service->tick);
	service->tick.data = service;
	if (notify->fd < 0)
		return service;
	/* cameras may be waited for for longer than the manager waits by itself */
	notify_say(notify, "EXTEND_TIMEOUT_USEC=%" PRId64, session_config(session)->discovery_timeout_ns / NS_PER_US + 10 * 1000000);
	uv_timer_start(&service->tick, on_tick, 0, (uint64_t)MAX(tick_ns / NS_PER_MS, 1));
	return service;
}

void service_stop(struct service *service, int64_t within_ns)
{
	service->stopping = true;
	notify_say(&service->notify, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRId64, within_ns / NS_PER_US);
	tell_status(service);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void service_destroy(struct service *service)
{
	if (!service)
		return;
	if (service->notify.fd >= 0)
		close(service->notify.fd);
	uv_close((uv_handle_t *)&service->tick, on_closed);
}
