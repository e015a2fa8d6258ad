/*
 * What a V4L2 camera is called, so that it keeps its name wherever it is plugged in and whatever /dev/videoN it becomes.
 *
 * A camera with a serial number is CARD/SERIAL, on whatever port. One without, or with the number of another that is there,
 * is BUS/CARD, its place: cheap cameras of one kind tend to have one number for all. Further nodes of the same device get #2,
 * #3 …. Both forms are understood, whichever is in use. Pure; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define V4L2_IDENTITY_MAX 160

struct v4l2_identity {
	char bus[33], card[33];
	char serial[64];	/* empty: none */
	int number;		/* of its /dev/videoN */
};

/* Copies a device's own words: printable ASCII as it is, but '?', which begins options; anything else becomes '_'. */
void v4l2_identity_copy(char *to, size_t bytes, const char *from);

/* The name of all[i], where all are those plugged in. */
void v4l2_identity_name(const struct v4l2_identity *all, size_t n, size_t i, char name[V4L2_IDENTITY_MAX]);

/*
 * Which camera has that name, with "v4l2:" in front or without. -1: none. *ambiguous is set where the name is a serial number
 * that several have; then it is -1, too.
 */
int v4l2_identity_find(const struct v4l2_identity *all, size_t n, const char *name, bool *ambiguous);
