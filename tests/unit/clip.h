/*
 * Real H.264 for tests of files: a few hundred packets from libx264, of very different sizes, with times as a sensor
 * gives them (jitter to the nanosecond, frames missing, a gap). The same on each run.
 */
#pragma once

#include "camd/packet.h"
#include "camd/output/output.h"

#include <stddef.h>

struct clip {
	struct packet *packets;
	size_t n;
	int width, height;
	double fps;
	struct colour colour;
};

enum clip_flag {
	CLIP_GAP = 1,		/* 5 s without a frame in the middle: more than 32 bits of nanoseconds */
	CLIP_SLICES = 2,	/* many slices a picture, and access unit delimiters */
};

struct clip *clip_create(size_t n, int width, int height, unsigned flags);
void clip_destroy(struct clip *clip);

struct output_request clip_request(const struct clip *clip, const char *path);

/* Writes packets [0, n) of the clip by an output. The caller finishes and destroys. Fails the test if anything does. */
struct output *clip_write(const struct clip *clip, const struct output_impl *impl, const char *path, size_t n);
