/* camctl turns into camd: who speaks with this process speaks with camd itself, to the byte. One thread. */
#pragma once

#include "common/error.h"

/*
 * flags: camd's own, ending with NULL. fd: a connected socket, by which it gets one more client; -1: none. Returns only if it can't
 * be done.
 */
void become_camd(const char *const *flags, int fd, struct error *err);
