#include "camctl/doctor_rates.h"

#include "camctl/doctor_rows.h"
#include "camctl/item.h"
#include "common/util.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LOW_FPS 5.0		/* some hardware encoders were said to hang below 9 */
#define USUAL_FPS 30.0
#define MOST_PIXELS (1920 * 1200)	/* beyond what encoders of small boards are made for */

struct rate {
	double fps;
	char size[24];		/* empty: the user's, or camd's own choice */
};

struct mode {
	double fps;		/* 0: unknown */
	int width, height;
	char size[24];
};

static bool read_mode(const struct wire_message *cameras, const char *list, int index, struct mode *mode)
{
	const char *size = item_text(cameras, list, index, "size");

	*mode = (struct mode){ .fps = item_number(cameras, list, index, "max_fps", 0) };
	if (!size || sscanf(size, "%dx%d", &mode->width, &mode->height) != 2 || mode->width * mode->height > MOST_PIXELS)
		return false;
	snprintf(mode->size, sizeof(mode->size), "%s", size);
	return true;
}

static bool is_larger(const struct mode *a, const struct mode *b)
{
	return a->width * a->height > b->width * b->height;
}

/* The fastest mode, of several the largest; and the largest, of several the fastest. */
static void find_modes(const struct doctor_bench *bench, int index, struct mode *fastest, struct mode *largest)
{
	char *list = xasprintf("data.cameras.%d.modes", index);
	int n = item_count(&bench->cameras, list);

	*fastest = *largest = (struct mode){ 0 };
	for (int i = 0; i < n; i++) {
		struct mode mode;

		if (!read_mode(&bench->cameras, list, i, &mode))
			continue;
		if (mode.fps > fastest->fps || (mode.fps == fastest->fps && is_larger(&mode, fastest)))
			*fastest = mode;
		if (is_larger(&mode, largest) || (mode.fps > largest->fps && !is_larger(largest, &mode)))
			*largest = mode;
	}
	free(list);
}

/* Where modes have no rates (libcamera), the shortest frame that a control allows; 0: unknown. */
static double fps_of_controls(const struct doctor_bench *bench, int index)
{
	char *list = xasprintf("data.cameras.%d.controls", index);
	int n = item_count(&bench->cameras, list);
	double us = 0;

	for (int i = 0; i < n; i++) {
		const char *name = item_text(&bench->cameras, list, i, "name");

		if (name && !strcmp(name, "FrameDurationLimits"))
			us = item_number(&bench->cameras, list, i, "min", 0);
	}
	free(list);
	return us > 0 ? floor(1e6 / us * 100) / 100 : 0;
}

static size_t choose(const struct doctor_bench *bench, int index, struct rate rates[4])
{
	struct mode fastest, largest;
	size_t n = 0;

	find_modes(bench, index, &fastest, &largest);
	if (fastest.fps <= 0)
		fastest = (struct mode){ .fps = fps_of_controls(bench, index) };
	rates[n++] = (struct rate){ .fps = LOW_FPS };
	if (fastest.fps <= 0 || fastest.fps > USUAL_FPS)
		rates[n++] = (struct rate){ .fps = USUAL_FPS };
	if (fastest.fps > 0) {
		rates[n].fps = fastest.fps;
		memcpy(rates[n++].size, fastest.size, sizeof(fastest.size));
	}
	if (*largest.size && strcmp(largest.size, fastest.size)) {
		rates[n].fps = largest.fps > 0 ? MIN(largest.fps, USUAL_FPS) : USUAL_FPS;
		memcpy(rates[n++].size, largest.size, sizeof(largest.size));
	}
	return n;
}

static void row_rate(struct doctor_bench *bench, const struct doctor_take *take, const char *what, double asked)
{
	const struct doctor_part *part = &take->parts[0];
	char lost[DOCTOR_LOST_BYTES];
	bool bad, off, soft;

	if (!take->n || !part->file) {
		findings_row(bench->doctor->report, VERDICT_PROBLEM, what, "camd's log below", "%s",
			   take->n && part->error ? part->error : take->error);
		return;
	}
	bad = part->error || doctor_take_lost(part) || (part->video.decoded != part->frames && !*part->video_error);
	off = part->csv.fps > 0 && fabs(part->csv.fps / asked - 1) > 0.01;
	soft = bench->hardware && !strstr(part->encoder, "(hardware)");
	findings_row(bench->doctor->report, bad ? VERDICT_PROBLEM : off || soft ? VERDICT_NOTE : VERDICT_OK, what,
		   "none lost, the rate that was asked for if the camera has it; below 9/s and at the highest rate the "
		   "encoder neither hangs nor changes",
		   "%s, %.4f/s (its own nominal rate %g), %" PRId64 " of %" PRId64 " frames, %" PRId64 " decoded, lost: %s; longest "
		   "interval %.3f ms; stop %.1f ms; %s%s%s", part->size, part->csv.fps, part->target_fps, part->frames,
		   part->captured, part->video.decoded, doctor_rows_lost(&part->lost, lost), part->csv.longest_ms,
		   (double)take->stop_ns / 1e6, part->encoder, part->error ? "; " : "", part->error ? part->error : "");
}

static void try_rate(struct doctor_bench *bench, const struct list *base, const char *spec, const struct rate *rate)
{
	const struct list all = { 0 };
	struct doctor_take take = { .n = 0 };
	char *what = xasprintf("%g/s%s%s", rate->fps, *rate->size ? " at " : "", rate->size);
	char *fps = xasprintf("%.6g", rate->fps);
	const char *flags[] = {
		"--camera", spec, "--target-fps", fps, *rate->size ? "--resolution" : NULL, rate->size, NULL,
	};

	if (doctor_bench_start(bench, base, flags)) {
		/* slow rates need longer for as much */
		doctor_bench_take(bench, &take, &all, MAX(bench->short_ns, (int64_t)(10e9 / rate->fps)), what);
		row_rate(bench, &take, what, rate->fps);
		doctor_bench_end(bench, what);
	}
	doctor_take_clear(&take);
	free(fps);
	free(what);
}

void doctor_rates_try(struct doctor_bench *bench, const struct list *base, const char *spec, int index)
{
	struct rate rates[4] = { { 0 } };
	size_t n = choose(bench, index, rates);

	for (size_t i = 0; i < n && !doctor_is_stopped(bench->doctor); i++)
		try_rate(bench, base, spec, &rates[i]);
}
