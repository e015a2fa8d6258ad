/* The moov box: all that an MP4 file says about its track. Pure; any thread. */
#pragma once

#include "camd/movie.h"
#include "common/mp4box.h"

#include <stdbool.h>

/* Appends the box with the index of all samples of movie; or, if fragments follow it, says that they do. */
void moov_write(struct mp4box *box, const struct movie *movie, bool fragments_follow);
