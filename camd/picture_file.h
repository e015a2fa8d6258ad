/* Files of pictures, and of what is said of them. Any thread. */
#pragma once

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * All of it into a file that was just made, and onto the disk; its name is the caller's to sync. fd: of open() with O_EXCL, which may have
 * failed, with errno; it is closed. False: the file is not there any more.
 */
bool picture_file_fill(int fd, const char *path, const void *data, size_t bytes, struct error *err);
