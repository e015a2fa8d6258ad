/*
 * One line for people out of a message: what a terminal shows as it happens. Pure function; any thread.
 */
#pragma once

#include "protocol/wire.h"

/*
 * Allocated, begins with the time of day, holds nothing that a terminal would obey; NULL if people need not see the message
 * (replies whose content an event tells too, notices of the start).
 */
char *say_message(const struct wire_message *message);

/* The text of an `error` reply alone, allocated and clean. */
char *say_error(const struct wire_message *message);
