/*
 * One GPIO line that reports its edges, by libgpiod, 1.6 or 2. The descriptor can be polled. One thread.
 */
#pragma once

#include "common/error.h"

#include <stdint.h>

enum gpio_bias { GPIO_BIAS_AS_IS, GPIO_BIAS_PULL_UP, GPIO_BIAS_PULL_DOWN, GPIO_BIAS_DISABLED };

struct gpio;

/* CHIP:LINE: the chip by its name, label or path; the line by its number or its name. NULL, or in words what would be right. */
const char *gpio_check(const char *where);

struct gpio *gpio_open(const char *where, enum gpio_bias bias, struct error *err);
void gpio_close(struct gpio *gpio);		/* NULL is allowed */
int gpio_fd(const struct gpio *gpio);
bool gpio_is_high(struct gpio *gpio, bool *high, struct error *err);

/* An edge that was reported, once the descriptor can be read. time_ns: CLOCK_MONOTONIC, of the kernel's interrupt. */
struct gpio_edge {
	bool rising;
	int64_t time_ns;
};

bool gpio_read(struct gpio *gpio, struct gpio_edge *edge, struct error *err);
