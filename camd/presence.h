/*
 * Presence by wire: GPIO lines (settings gpio_*), such as those of a PIR sensor. An edge that stays for gpio_debounce, with
 * gpio_holdoff behind the one before, is the event `presence`, and a trigger where a camera
 * has a prebuffer. A line that is not there, or goes away, is told and tried again
 * with growing pauses. Main thread.
 */
#pragma once

#include "camd/session.h"

struct presence;

struct presence *presence_create(struct session *session);
void presence_destroy(struct presence *presence);	/* NULL is allowed; freed when the loop has run once more */
