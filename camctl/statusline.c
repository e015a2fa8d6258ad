#include "camctl/statusline.h"

#include "camctl/human.h"
#include "common/util.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define N_PARTS 9

/* In the order of the line; the part with the highest rank is the first to go when it gets narrow. */
struct part {
	char *text;
	int rank;
};

struct camera {
	const struct wire_message *report;
	int index;
};

static char *path_to(const struct camera *camera, const char *member)
{
	return xasprintf("data.cameras.%d.%s", camera->index, member);
}

static int64_t integer(const struct camera *camera, const char *member)
{
	char *path = path_to(camera, member);
	int64_t value = wire_integer(camera->report, path, 0);

	free(path);
	return value;
}

static double number(const struct camera *camera, const char *member)
{
	char *path = path_to(camera, member);
	double value = wire_number(camera->report, path, 0);

	free(path);
	return value;
}

static const char *text(const struct camera *camera, const char *member)
{
	char *path = path_to(camera, member);
	const char *value = wire_text(camera->report, path);

	free(path);
	return value ? value : "";
}

static bool records(const struct camera *camera)
{
	char *path = path_to(camera, "recording");
	bool value = wire_bool(camera->report, path, false);

	free(path);
	return value;
}

static bool is_well(const struct camera *camera)
{
	return !strcmp(text(camera, "state"), "running");
}

static int64_t lost_frames(const struct camera *camera)
{
	char *path = path_to(camera, "lost");
	int64_t total;

	free(human_lost(camera->report, path, &total));
	free(path);
	return total;
}

static void make_recording_parts(const struct camera *camera, struct part parts[N_PARTS])
{
	char size[HUMAN_BYTES], elapsed[HUMAN_BYTES];

	parts[1] = (struct part){ xstrdup("REC"), 1 };
	parts[2] = (struct part){ xstrdup(human_clock(integer(camera, "duration_ns"), elapsed)), 2 };
	parts[3] = (struct part){ xasprintf("%5.1f fps", number(camera, "capture_fps")), 5 };
	parts[4] = (struct part){ xasprintf("%.1f recorded", number(camera, "collation_fps")), 6 };
	parts[5] = (struct part){ xasprintf("%6" PRId64 " frames", integer(camera, "recorded_frames")), 4 };
	parts[6] = (struct part){ xasprintf("lost %" PRId64, lost_frames(camera)), 3 };
	parts[7] = (struct part){ xasprintf("%8s", human_size(integer(camera, "bytes"), size)), 7 };
	parts[8] = (struct part){ xstrdup(text(camera, "encoder")), 8 };
}

static void make_idle_parts(const struct camera *camera, struct part parts[N_PARTS])
{
	const char *error = text(camera, "error");

	parts[1] = (struct part){ xstrdup(text(camera, "state")), 1 };
	if (!is_well(camera)) {
		parts[2] = (struct part){ xstrdup(error), 2 };
		return;
	}
	parts[2] = (struct part){ xasprintf("%5.1f fps", number(camera, "capture_fps")), 2 };
	parts[3] = (struct part){ xasprintf("%6" PRId64 " frames", integer(camera, "captured_frames")), 4 };
	parts[4] = (struct part){ xstrdup(text(camera, "size")), 5 };
	parts[5] = (struct part){ xstrdup(text(camera, "model")), 6 };
}

static char *join(const struct part parts[N_PARTS], int highest_rank)
{
	char *line = xstrdup("");

	for (int i = 0; i < N_PARTS; i++) {
		char *longer;

		if (!parts[i].text || !*parts[i].text || parts[i].rank > highest_rank)
			continue;
		longer = xasprintf("%s%s%s", line, *line ? "  " : "", parts[i].text);
		free(line);
		line = longer;
	}
	return human_clean(line);
}

static enum screen_colour colour_of(const struct camera *camera)
{
	if (!is_well(camera) || (records(camera) && lost_frames(camera)))
		return SCREEN_BAD;
	return records(camera) ? SCREEN_GOOD : SCREEN_PLAIN;
}

char *statusline_text(const struct wire_message *report, int index, int columns, enum screen_colour *colour)
{
	struct camera camera = { report, index };
	struct part parts[N_PARTS] = { { xasprintf("camera %" PRId64, integer(&camera, "camera_id")), 0 } };
	char *line = NULL;

	if (records(&camera))
		make_recording_parts(&camera, parts);
	else
		make_idle_parts(&camera, parts);
	for (int rank = N_PARTS; rank >= 1; rank--) {
		free(line);
		line = join(parts, rank);
		if (human_width(line) < columns)
			break;
	}
	*colour = colour_of(&camera);
	for (int i = 0; i < N_PARTS; i++)
		free(parts[i].text);
	return line;
}

void statusline_add(struct screen *screen, const struct wire_message *report, int columns)
{
	int n = wire_integer(report, "data.cameras.#", 0);

	for (int i = 0; i < n; i++) {
		enum screen_colour colour;
		char *line = statusline_text(report, i, columns, &colour);

		screen_add(screen, colour, line);
		free(line);
	}
}
