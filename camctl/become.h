/* camctl turns into camd: who speaks with this process speaks with camd itself, to the byte. One thread. */
#pragma once

#include "common/error.h"

/* flags: camd's own, ending with NULL. Returns only if it can't be done. */
void become_camd(const char *const *flags, struct error *err);
