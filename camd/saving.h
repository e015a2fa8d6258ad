/*
 * Pictures of one camera on their way into files: encoded, described, written under names that there aren't yet, put on the disk. All
 * of it is done by a worker; who owns it sets it up and looks at what came out in the main thread.
 */
#pragma once

#include "camd/frame.h"
#include "camd/overlay.h"
#include "camd/shade.h"
#include "camd/stack.h"
#include "common/error.h"
#include "protocol/messages.h"

struct saving {
	const char *directory;		/* borrowed */
	int64_t wall_ns;		/* for the names */
	int camera_id;
	char id[272], model[128];	/* of the camera */
	struct overlay *overlay;	/* borrowed */
	int format;			/* index in stills */
	int quality;
	struct frame *frame;		/* a reference, or */
	struct stack *stack;		/* owned */
	int stack_frames;		/* as it was asked for; 0: a frame alone was, though that may be a stack of one */
	bool sum;			/* of a stack; else its mean */
	struct frame **ring;		/* or references to so many frames without overlay, numbered, with a table of them */
	int n_ring;
	struct nights nights;		/* of the camera, for that table */

	struct shot *shots;		/* what came out, one a file */
	char **files;
	int n;				/* 0: nothing, and error says why */
	char *csv;			/* of a ring */
	struct error error;
};

void saving_run(struct saving *saving);
void saving_let_go(struct saving *saving);	/* of the frames */
void saving_finish(struct saving *saving);	/* frees what it holds */
