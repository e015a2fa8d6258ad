/*
 * What videos of camd's are called: [clip_|export_]camN_WxH_30.0fps_YYYYMMDD_HHMMSS….mp4 or .h264. Beside one may lie its timing table
 * (framelog_path_of()) and NAME.mp4.protected, an empty file that keeps it from being deleted. Pure functions; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define VIDEO_NAME_PROTECTED ".protected"

struct video_name {
	int64_t camera_id;
	int64_t wall_ns;	/* what the stamp in it means; 0: there is none */
	bool raw;		/* .h264 */
};

/* False: it is no such name. */
bool video_name_read(const char *name, struct video_name *read);

/* The other container's video of the same name, which shares the timing table; allocated, the caller frees. */
char *video_name_twin(const char *name);

char *video_name_marker(const char *name);	/* allocated, the caller frees */
