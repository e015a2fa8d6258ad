/*
 * The beginning of an exact cut: the frames from the first one shown up to the next key frame, which can't be decoded without those
 * before them, encoded anew by the ffmpeg program, so that nothing before them need be in the file. What follows is copied as it is.
 *
 * What is encoded anew has parameter sets with numbers of its own, and both kinds stand in the same entry of stsd: one that has an
 * entry for each kind, Chromium can't play. Any one thread.
 */
#pragma once

#include "camd/gather.h"
#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>

struct leadin_request {
	int fd;			/* of an empty file, for what is encoded anew */
	const char *path;	/* its name, for messages */
	int cancel_fd;		/* once it can be read: ERR_CANCELLED */
	void (*on_progress)(void *user, double part);	/* 0 to 1 */
	void *user;
};

/* How many bytes of frames are to be encoded anew; 0: the first one shown is a key frame. */
uint64_t leadin_bytes(const struct gathered *gathered);

/* Encodes them; from then on gathered has these, in that file, in place of all that was before the key frame. */
bool leadin_make(struct gathered *gathered, const struct leadin_request *request, struct error *err);
