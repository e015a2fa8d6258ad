/*
 * Agreeing with an encoder's driver on what goes in and what comes out, before there are buffers: formats, frame rate, the
 * visible part. Called once for an open device, by its thread.
 */
#pragma once

#include "camd/m2m_device.h"
#include "camd/m2m_picture.h"

/* What is wanted. */
struct m2m_wish {
	struct frame_format format;	/* of the camera's pictures */
	struct frame_layout layout;
	double fps;
	unsigned coded;			/* V4L2's name of what is to come out */
};

struct m2m_setup {
	struct frame_format takes;	/* the camera's format, or what it must be converted to */
	struct m2m_raw raw;		/* what the pictures are in the encoder's memory */
	struct m2m_format output, capture;
	struct m2m_spot spots[FRAME_MAX_PLANES];
	bool importable;		/* the camera's pictures lie in memory just as the driver wants them */
};

/* Errors: unsupported, encoder_failed. */
bool m2m_setup_agree(const struct m2m_device *device, const struct m2m_wish *wish, struct m2m_setup *setup, struct error *err);
