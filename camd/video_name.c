#include "camd/video_name.h"

#include "common/clock.h"
#include "common/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MP4 ".mp4"
#define RAW ".h264"
#define STAMP_BYTES 15		/* 20261120_140307 */
#define MAX_CAMERA_DIGITS 6

static bool ends_with(const char *text, const char *end)
{
	size_t bytes = strlen(text), end_bytes = strlen(end);

	return bytes > end_bytes && !strcmp(text + bytes - end_bytes, end);
}

static int64_t read_stamp(const char *at)
{
	const char *rate = strstr(at, "fps_");
	char stamp[STAMP_BYTES + 1];
	int64_t wall_ns;

	if (!rate)
		return 0;
	snprintf(stamp, sizeof(stamp), "%s", rate + strlen("fps_"));
	return strchr(stamp, '_') && clock_read(stamp, &wall_ns) ? wall_ns : 0;
}

static const char *const prefixes[] = { "clip_", "export_" };

bool video_name_read(const char *name, struct video_name *read)
{
	const char *at = name;
	size_t digits;

	for (size_t i = 0; i < ARRAY_LEN(prefixes) && at == name; i++)
		if (!strncmp(at, prefixes[i], strlen(prefixes[i])))
			at += strlen(prefixes[i]);
	if (strncmp(at, "cam", 3))
		return false;
	at += 3;
	digits = strspn(at, "0123456789");
	if (!digits || digits > MAX_CAMERA_DIGITS || at[digits] != '_')
		return false;
	*read = (struct video_name){ .camera_id = atoi(at), .raw = ends_with(at, RAW), .wall_ns = read_stamp(at) };
	return read->raw || ends_with(at, MP4);
}

char *video_name_twin(const char *name)
{
	bool raw = ends_with(name, RAW);
	size_t stem = strlen(name) - strlen(raw ? RAW : MP4);

	return xasprintf("%.*s%s", (int)stem, name, raw ? MP4 : RAW);
}

char *video_name_marker(const char *name)
{
	return xasprintf("%s" VIDEO_NAME_PROTECTED, name);
}
