/*
 * The module that brings libcamera, loaded when it is first asked for and kept, with its camera manager, until the process
 * ends: libcamera can be started only once in a process. Any thread; may block for as long as libcamera takes to start.
 *
 * The file is camd_libcamera.so: what the environment variable CAMD_LIBCAMERA names; otherwise the one beside the program,
 * which is where it is built; otherwise the installed one.
 */
#pragma once

#include "camd/source/libcamera.h"
#include "common/error.h"

struct libcamera {
	const struct libcamera_module *module;
	struct libcamera_manager *manager;
};

/* NULL: libcamera can't be used here; err says what is missing. The first failure is logged. */
const struct libcamera *libcamera_get(struct error *err);
