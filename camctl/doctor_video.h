/* What stock ffmpeg sees in a recording. One thread; it turns the doctor's loop. */
#pragma once

#include "camctl/doctor.h"

struct doctor_video {
	int64_t packets, keys;
	int64_t decoded;		/* of the whole file, or of its first part */
	bool partly;			/* the file is long: only its first part was decoded */
	bool begins_with_key;
	char coding[128];		/* "h264 High level 4.0 1456x1088" */
	char complaint[200];		/* the decoder's first; empty: none */
};

/* False: ffmpeg is not there, or finds nothing in the file. Takes as long as decoding does. */
bool doctor_video_look(struct doctor *doctor, const char *path, int64_t duration_ns, struct doctor_video *video,
		       struct error *err);
