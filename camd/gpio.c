#include "camd/gpio.h"

#include "common/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef CAMD_GPIOD
#include <errno.h>
#include <gpiod.h>
#endif

#define CHIP_BYTES 256

const char *gpio_check(const char *where)
{
	const char *colon = strrchr(where, ':');

	if (!colon || colon == where || !colon[1] || colon - where >= CHIP_BYTES)
		return "CHIP:LINE, such as gpiochip0:17, or the names of both, as `gpioinfo` tells them";
	return NULL;
}

#ifdef CAMD_GPIOD

/* "17", not a name. */
static bool read_offset(const char *text, unsigned *offset)
{
	size_t n = strspn(text, "0123456789");

	if (!n || text[n] || n > 6)
		return false;
	*offset = (unsigned)strtoul(text, NULL, 10);
	return true;
}

#if CAMD_GPIOD == 1

struct gpio {
	struct gpiod_chip *chip;
	struct gpiod_line *line;
};

static const int biases[] = {
	[GPIO_BIAS_AS_IS] = 0, [GPIO_BIAS_PULL_UP] = GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_UP,
	[GPIO_BIAS_PULL_DOWN] = GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_DOWN, [GPIO_BIAS_DISABLED] = GPIOD_LINE_REQUEST_FLAG_BIAS_DISABLE,
};

static bool open_chip(struct gpio *gpio, const char *name)
{
	gpio->chip = gpiod_chip_open_lookup(name);
	return gpio->chip;
}

static bool find_line(struct gpio *gpio, const char *name)
{
	unsigned offset;

	errno = ENOENT;
	gpio->line = read_offset(name, &offset) ? gpiod_chip_get_line(gpio->chip, offset) : gpiod_chip_find_line(gpio->chip, name);
	return gpio->line;
}

static bool request_line(struct gpio *gpio, enum gpio_bias bias)
{
	struct gpiod_line_request_config config = {
		.consumer = "camd", .request_type = GPIOD_LINE_REQUEST_EVENT_BOTH_EDGES, .flags = biases[bias],
	};

	return !gpiod_line_request(gpio->line, &config, 0);
}

void gpio_close(struct gpio *gpio)
{
	if (!gpio)
		return;
	if (gpio->chip)
		gpiod_chip_close(gpio->chip);
	free(gpio);
}

int gpio_fd(const struct gpio *gpio)
{
	return gpiod_line_event_get_fd(gpio->line);
}

static int read_value(struct gpio *gpio)
{
	return gpiod_line_get_value(gpio->line);
}

static int read_edge(struct gpio *gpio, struct gpio_edge *edge)
{
	struct gpiod_line_event event;

	if (gpiod_line_event_read(gpio->line, &event))
		return -1;
	*edge = (struct gpio_edge){
		.rising = event.event_type == GPIOD_LINE_EVENT_RISING_EDGE, .time_ns = event.ts.tv_sec * NS_PER_S + event.ts.tv_nsec,
	};
	return 1;
}

#else

#include <glob.h>

struct gpio {
	struct gpiod_chip *chip;
	unsigned offset;
	struct gpiod_line_request *request;
	struct gpiod_edge_event_buffer *edges;
};

static const enum gpiod_line_bias biases[] = {
	[GPIO_BIAS_AS_IS] = GPIOD_LINE_BIAS_AS_IS, [GPIO_BIAS_PULL_UP] = GPIOD_LINE_BIAS_PULL_UP,
	[GPIO_BIAS_PULL_DOWN] = GPIOD_LINE_BIAS_PULL_DOWN, [GPIO_BIAS_DISABLED] = GPIOD_LINE_BIAS_DISABLED,
};

static bool is_called(struct gpiod_chip *chip, const char *name)
{
	struct gpiod_chip_info *info = gpiod_chip_get_info(chip);
	bool is = info && (!strcmp(gpiod_chip_info_get_name(info), name) || !strcmp(gpiod_chip_info_get_label(info), name));

	if (info)
		gpiod_chip_info_free(info);
	return is;
}

/* Version 2 opens paths alone. */
static bool open_chip(struct gpio *gpio, const char *name)
{
	glob_t found = { 0 };
	int number = ENOENT;

	if (strchr(name, '/')) {
		gpio->chip = gpiod_chip_open(name);
		return gpio->chip;
	}
	glob("/dev/gpiochip*", 0, NULL, &found);
	for (size_t i = 0; i < found.gl_pathc && !gpio->chip; i++) {
		gpio->chip = gpiod_chip_open(found.gl_pathv[i]);
		if (!gpio->chip)
			number = errno;
		if (gpio->chip && !is_called(gpio->chip, name)) {
			gpiod_chip_close(gpio->chip);
			gpio->chip = NULL;
		}
	}
	globfree(&found);
	errno = number;
	return gpio->chip;
}

static bool find_line(struct gpio *gpio, const char *name)
{
	int found;

	if (read_offset(name, &gpio->offset))
		return true;
	found = gpiod_chip_get_line_offset_from_name(gpio->chip, name);
	gpio->offset = (unsigned)found;
	return found >= 0;
}

static bool request_line(struct gpio *gpio, enum gpio_bias bias)
{
	struct gpiod_line_settings *settings = gpiod_line_settings_new();
	struct gpiod_line_config *lines = gpiod_line_config_new();
	struct gpiod_request_config *request = gpiod_request_config_new();

	gpio->edges = gpiod_edge_event_buffer_new(1);
	if (settings && lines && request && gpio->edges && !gpiod_line_settings_set_direction(settings, GPIOD_LINE_DIRECTION_INPUT) &&
	    !gpiod_line_settings_set_edge_detection(settings, GPIOD_LINE_EDGE_BOTH) &&
	    !gpiod_line_settings_set_bias(settings, biases[bias]) &&
	    !gpiod_line_config_add_line_settings(lines, &gpio->offset, 1, settings)) {
		gpiod_request_config_set_consumer(request, "camd");
		gpio->request = gpiod_chip_request_lines(gpio->chip, request, lines);
	}
	gpiod_request_config_free(request);
	gpiod_line_config_free(lines);
	gpiod_line_settings_free(settings);
	return gpio->request;
}

void gpio_close(struct gpio *gpio)
{
	if (!gpio)
		return;
	if (gpio->request)
		gpiod_line_request_release(gpio->request);
	if (gpio->edges)
		gpiod_edge_event_buffer_free(gpio->edges);
	if (gpio->chip)
		gpiod_chip_close(gpio->chip);
	free(gpio);
}

int gpio_fd(const struct gpio *gpio)
{
	return gpiod_line_request_get_fd(gpio->request);
}

static int read_value(struct gpio *gpio)
{
	return gpiod_line_request_get_value(gpio->request, gpio->offset);
}

static int read_edge(struct gpio *gpio, struct gpio_edge *edge)
{
	struct gpiod_edge_event *event;
	int n = gpiod_line_request_read_edge_events(gpio->request, gpio->edges, 1);

	if (n <= 0)
		return n;
	event = gpiod_edge_event_buffer_get_event(gpio->edges, 0);
	*edge = (struct gpio_edge){
		.rising = gpiod_edge_event_get_event_type(event) == GPIOD_EDGE_EVENT_RISING_EDGE,
		.time_ns = (int64_t)gpiod_edge_event_get_timestamp_ns(event),
	};
	return n;
}

#endif

struct gpio *gpio_open(const char *where, enum gpio_bias bias, struct error *err)
{
	struct gpio *gpio = xcalloc(1, sizeof(*gpio));
	const char *colon = strrchr(where, ':');
	char chip[CHIP_BYTES];

	snprintf(chip, sizeof(chip), "%.*s", (int)(colon - where), where);
	if (!open_chip(gpio, chip))
		error_set_errno(err, errno, "GPIO chip %s", chip);
	else if (!find_line(gpio, colon + 1))
		error_set_errno(err, errno, "GPIO chip %s: line %s", chip, colon + 1);
	else if (!request_line(gpio, bias))
		error_set_errno(err, errno, "GPIO line %s", where);
	else
		return gpio;
	gpio_close(gpio);
	return NULL;
}

bool gpio_is_high(struct gpio *gpio, bool *high, struct error *err)
{
	int value = read_value(gpio);

	*high = value > 0;
	return value >= 0 || error_set_errno(err, errno, "reading the GPIO line");
}

bool gpio_read(struct gpio *gpio, struct gpio_edge *edge, struct error *err)
{
	return read_edge(gpio, edge) > 0 || error_set_errno(err, errno, "waiting for the GPIO line");
}

#else

struct gpio *gpio_open(const char *where, enum gpio_bias bias, struct error *err)
{
	(void)bias;
	error_set(err, ERR_UNSUPPORTED, "GPIO line %s: this camd was built without libgpiod", where);
	return NULL;
}

void gpio_close(struct gpio *gpio)
{
	(void)gpio;
}

int gpio_fd(const struct gpio *gpio)
{
	(void)gpio;
	return -1;
}

bool gpio_is_high(struct gpio *gpio, bool *high, struct error *err)
{
	(void)gpio;
	(void)high;
	return error_set(err, ERR_UNSUPPORTED, "no libgpiod");
}

bool gpio_read(struct gpio *gpio, struct gpio_edge *edge, struct error *err)
{
	(void)gpio;
	(void)edge;
	return error_set(err, ERR_UNSUPPORTED, "no libgpiod");
}

#endif
