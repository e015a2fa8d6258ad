/* Names of files and labels, which may be any bytes: what is read off them, and how they stand in a message. */
#include "tests/fuzz/fuzz.h"

#include "camd/framelog.h"
#include "camd/hook_line.h"
#include "camd/regions.h"
#include "camd/share.h"
#include "camd/video_name.h"
#include "common/clock.h"
#include "common/util.h"
#include "protocol/json.h"
#include "protocol/wire.h"

#include <stdlib.h>
#include <string.h>

static void check_message(char *name)
{
	struct recovered recovered = { .file = name, .message = name };
	char *line = wire_print_message(EVENT_RECOVERED, &recovered, NULL, NULL);
	struct wire_message message;
	struct error err = { 0 };

	must(json_check(line, strlen(line) - 1, &err), err.text);
	must(!strchr(line, '\n')[1], "a message of two lines");
	must(wire_parse_message(line, strlen(line) - 1, &message, &err), err.text);
	wire_clear_message(&message);
	free(line);
}

static void read_name(const char *name)
{
	struct video_name called;
	char *other;

	if (video_name_read(name, &called)) {
		must(called.camera_id >= 0, "a camera below 0");
		other = video_name_twin(name);
		must(video_name_read(other, &called), "the other container's name is none");
		free(other);
	}
	other = video_name_marker(name);
	free(other);
	other = framelog_path_of(name);
	free(other);
}

static void read_texts(const char *text)
{
	struct region regions[REGIONS_MAX];
	struct hook_line line;
	struct share share;
	int64_t wall_ns;
	int n = 0;

	if (!hook_line_read(text, &line))
		hook_line_clear(&line);
	if (!regions_parse(text, regions, &n))
		must(n >= 0 && n <= REGIONS_MAX, "so many regions can't be");
	if (!share_read(text, &share))
		must(share_of(&share, INT64_C(1) << 40) >= 0, "less than nothing of a disk");
	clock_read(text, &wall_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	char *text = xcalloc(bytes + 1, 1);

	memcpy(text, data, bytes);
	read_name(text);
	read_texts(text);
	check_message(text);
	free(text);
	return 0;
}
