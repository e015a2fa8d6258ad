/*
 * Members of the index-th object of a list in a message: "data.cameras", 0, "frames". What is absent is the fallback,
 	or NULL.
 * Texts are borrowed. Pure functions; any thread.
 */
#pragma once

#include "protocol/wire.h"

int64_t item_integer(const struct wire_message *message, const char *list, int index, const char *member, int64_t fallback);
double item_number(const struct wire_message *message, const char *list, int index, const char *member, double fallback);
const char *item_text(const struct wire_message *message, const char *list, int index, const char *member);

/* How many there are. */
int item_count(const struct wire_message *message, const char *list);

/* The index of the object whose camera_id that is; -1: none. */
int item_of_camera(const struct wire_message *message, const char *list, int64_t camera_id);
