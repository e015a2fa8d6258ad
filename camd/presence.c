#include "camd/presence.h"

#include "camd/control.h"
#include "camd/gpio.h"
#include "camd/retry.h"
#include "camd/tell.h"
#include "camd/triggers.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>

/* A chip that is pulled out does not tell its lines, in older kernels. */
#define CHECK_NS (5 * NS_PER_S)

struct wire {
	struct presence *presence;
	const char *where;		/* the setting's */
	struct gpio *gpio;		/* NULL: it is not there */
	struct retry retry;
	bool complained;		/* about its absence */
	uv_poll_t poll;
	bool polled;			/* the handle is there */
	uv_timer_t timer;		/* for the next of: a try, a level that is steady, a look at whether it is there */
	bool high;			/* the steady level */
	int64_t edge_ns;		/* when it began to leave that; 0: it has not */
	int64_t settled_ns;		/* when it counts as left, by the last edge */
	int64_t told_ns;		/* the edge that was told last; 0: none */
};

struct presence {
	struct session *session;
	struct list lines;		/* of texts, as they were at the start */
	struct wire *wires;
	size_t n, n_open;		/* timers and descriptors that are not closed yet */
	bool closing;
};

static const struct config *config_of(const struct wire *wire)
{
	return session_config(wire->presence->session);
}

static void open_wire(struct wire *wire);
static void on_timer(uv_timer_t *timer);

static void wake_at(struct wire *wire, int64_t at_ns)
{
	int64_t wait_ns = MAX(at_ns - clock_now_ns(), 0);

	uv_update_time(session_loop(wire->presence->session));
	uv_timer_start(&wire->timer, on_timer, (uint64_t)((wait_ns + NS_PER_MS - 1) / NS_PER_MS), 0);
}

/* ---- it goes and comes ---- */

static void free_presence(struct presence *presence)
{
	fields_free_texts(&presence->lines);
	free(presence->wires);
	free(presence);
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct wire *wire = handle->data;

	wire->polled = false;
	if (!--wire->presence->n_open && wire->presence->closing)
		free_presence(wire->presence);
}

static void close_wire(struct wire *wire)
{
	if (!wire->gpio)
		return;
	/* the kernel forgets the poll with the descriptor: libuv must not find it gone */
	uv_poll_stop(&wire->poll);
	uv_close((uv_handle_t *)&wire->poll, on_poll_closed);
	gpio_close(wire->gpio);
	wire->gpio = NULL;
	wire->edge_ns = 0;
}

static void lose(struct wire *wire, const struct error *err)
{
	close_wire(wire);
	if (!wire->complained)
		tell_trouble(session_control(wire->presence->session), err);
	wire->complained = true;
	retry_note_failure(&wire->retry);
	if (err->code != ERR_UNSUPPORTED)
		wake_at(wire, wire->retry.due_ns);
}

/* ---- edges ---- */

/* The clips around an edge that came at time_ns; FIELD_UNSET: there is none, for no camera has a prebuffer or could begin one. */
static int64_t fire(const struct wire *wire, const char *edge, int64_t time_ns)
{
	const struct config *config = config_of(wire);
	int64_t late_ns = MAX(clock_now_ns() - time_ns, 0);
	struct trigger_args args;
	struct triggered reply = { 0 };
	struct error err;
	bool fired;

	fields_defaults(commands[CMD_TRIGGER].arguments, &args);
	args.before_ns = config->gpio_before_ns + late_ns;
	args.after_ns = MAX(config->gpio_after_ns - late_ns, 0);
	args.label = (char *)"presence";
	fired = triggers_fire(session_triggers(wire->presence->session), &args, &reply, &err);
	free(reply.camera_id.items);
	if (fired)
		log_info("GPIO line %s: %s edge, trigger %" PRId64, wire->where, edge, reply.trigger_id);
	else
		log_info("GPIO line %s: %s edge, no clip: %s", wire->where, edge, err.text);
	return fired ? reply.trigger_id : FIELD_UNSET;
}

static void tell_edge(struct wire *wire, bool rising, int64_t time_ns)
{
	const struct config *config = config_of(wire);
	struct presence_data data = { .line = (char *)wire->where, .edge = (char *)(rising ? "rising" : "falling"), .monotonic_ns = time_ns };

	if (config->gpio_edge == (rising ? GPIO_EDGE_FALLING : GPIO_EDGE_RISING))
		return;
	if (wire->told_ns && time_ns - wire->told_ns < config->gpio_holdoff_ns)
		return;
	wire->told_ns = time_ns;
	data.trigger_id = fire(wire, data.edge, time_ns);
	control_event(session_control(wire->presence->session), EVENT_PRESENCE, &data);
}

/* No further edge came: whatever level it has now is the one that it has. */
static void settle(struct wire *wire)
{
	struct error err;
	int64_t edge_ns = wire->edge_ns;
	bool high;

	if (!gpio_is_high(wire->gpio, &high, &err)) {
		error_wrap(&err, "%s", wire->where);
		lose(wire, &err);
		return;
	}
	wire->edge_ns = 0;
	if (high != wire->high && edge_ns)
		tell_edge(wire, high, edge_ns);
	wire->high = high;
	wake_at(wire, clock_now_ns() + CHECK_NS);
}

static void take_edge(struct wire *wire, const struct gpio_edge *edge)
{
	int64_t debounce_ns = config_of(wire)->gpio_debounce_ns;

	if (!debounce_ns) {
		wire->high = edge->rising;
		tell_edge(wire, edge->rising, edge->time_ns);
		return;
	}
	if (!wire->edge_ns)
		wire->edge_ns = edge->time_ns;
	wire->settled_ns = edge->time_ns + debounce_ns;
	wake_at(wire, wire->settled_ns);
}

/* As many as are there: the kernel keeps 16. */
static void on_edges(uv_poll_t *handle, int status, int events)
{
	struct wire *wire = handle->data;
	struct pollfd more = { .fd = gpio_fd(wire->gpio), .events = POLLIN };
	struct gpio_edge edge;
	struct error err;

	(void)status;
	(void)events;
	do {
		if (!gpio_read(wire->gpio, &edge, &err)) {
			error_wrap(&err, "%s", wire->where);
			lose(wire, &err);
			return;
		}
		take_edge(wire, &edge);
	} while (poll(&more, 1, 0) == 1);
}

static void on_timer(uv_timer_t *timer)
{
	struct wire *wire = timer->data;

	if (!wire->gpio)
		open_wire(wire);
	else if (wire->edge_ns && clock_now_ns() < wire->settled_ns)
		wake_at(wire, wire->settled_ns);
	else
		settle(wire);
}

static void open_wire(struct wire *wire)
{
	struct error err;

	/* what is being closed is not used anew */
	if (wire->polled) {
		wake_at(wire, clock_now_ns() + NS_PER_MS);
		return;
	}
	wire->gpio = gpio_open(wire->where, config_of(wire)->gpio_bias, &err);
	if (!wire->gpio) {
		lose(wire, &err);
		return;
	}
	uv_poll_init(session_loop(wire->presence->session), &wire->poll, gpio_fd(wire->gpio));
	wire->polled = true;
	wire->presence->n_open++;
	uv_poll_start(&wire->poll, UV_READABLE, on_edges);
	settle(wire);
	if (!wire->gpio)
		return;
	retry_note_success(&wire->retry);
	log_info("GPIO line %s: watched, it is %s", wire->where, wire->high ? "high" : "low");
	wire->complained = false;
}

/* ---- all of them ---- */

struct presence *presence_create(struct session *session)
{
	const struct list *lines = &session_config(session)->gpio_trigger;
	struct presence *presence = xcalloc(1, sizeof(*presence));

	*presence = (struct presence){ .session = session, .wires = xcalloc(lines->n, sizeof(*presence->wires)), .n = lines->n };
	for (size_t i = 0; i < lines->n; i++)
		fields_add_text(&presence->lines, ((char **)lines->items)[i]);
	for (size_t i = 0; i < presence->n; i++) {
		struct wire *wire = &presence->wires[i];

		*wire = (struct wire){ .presence = presence, .where = ((char **)presence->lines.items)[i] };
		uv_timer_init(session_loop(session), &wire->timer);
		wire->timer.data = wire->poll.data = wire;
		presence->n_open++;
		open_wire(wire);
	}
	return presence;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct wire *wire = handle->data;

	if (!--wire->presence->n_open)
		free_presence(wire->presence);
}

void presence_destroy(struct presence *presence)
{
	if (!presence)
		return;
	presence->closing = true;
	for (size_t i = 0; i < presence->n; i++) {
		close_wire(&presence->wires[i]);
		uv_close((uv_handle_t *)&presence->wires[i].timer, on_timer_closed);
	}
	if (!presence->n_open)
		free_presence(presence);
}
