#include "camctl/doctor_rows.h"

#include "camctl/human.h"
#include "common/util.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOW_NS (2 * NS_PER_S)		/* a start or stop that takes longer is noted */
#define OFF_PPM 5000.0			/* the sensor's rate may differ from the nominal one by so much */
#define GROWN_BYTES ((int64_t)32 << 20)	/* of memory within one recording */
#define HOT_C 80.0

const char *doctor_rows_lost(const struct doctor_lost *lost, char text[DOCTOR_LOST_BYTES])
{
	const struct { const char *name; int64_t n; } causes[] = {
		{ "sensor", lost->sensor }, { "starved", lost->starved },
		{ "encoder", lost->encoder }, { "storage", lost->storage },
	};

	*text = '\0';
	for (size_t i = 0; i < ARRAY_LEN(causes); i++) {
		size_t used = strlen(text);

		if (causes[i].n)
			snprintf(text + used, DOCTOR_LOST_BYTES - used, "%s%s %" PRId64, used ? ", " : "", causes[i].name,
				 causes[i].n);
	}
	return *text ? text : "none";
}

/* What to do about the cause that lost most. */
static const char *advice_on(const struct doctor_lost *lost)
{
	if (lost->sensor && lost->sensor >= lost->starved && lost->sensor >= lost->encoder)
		return "sensor: the camera or its driver dropped them: cable, power, USB bandwidth, too high a rate";
	if (lost->starved && lost->starved >= lost->encoder)
		return "starved: all buffers were in use: the processor is too busy, or the encoder holds frames too long";
	if (lost->encoder)
		return "encoder: it was too slow for this size and rate, or swallowed frames (some do at low bitrates)";
	return lost->storage ? "storage: the card or disk was too slow or full" : "none lost, captured = recorded + lost";
}

void doctor_rows_frames(struct findings *report, const struct doctor_part *part, const char *what)
{
	char lost[DOCTOR_LOST_BYTES];
	int64_t n_lost = doctor_take_lost(part);

	if (part->error)
		findings_row(report, VERDICT_PROBLEM, what, "camd's log below", "%s", part->error);
	if (!part->file)
		return;
	findings_row(report, n_lost || !part->frames ? VERDICT_PROBLEM : VERDICT_OK, what, advice_on(&part->lost),
		   "%" PRId64 " of %" PRId64 " recorded, %.3f Mb/s; lost: %s", part->frames, part->captured,
		   doctor_take_mbps(part), doctor_rows_lost(&part->lost, lost));
	if (part->captured != part->frames + n_lost)
		findings_row(report, VERDICT_PROBLEM, what, "an error of camd's: please report it",
			   "the ledger does not add up: %" PRId64 " captured, %" PRId64 " recorded, %" PRId64 " lost",
			   part->captured, part->frames, n_lost);
}

/* ---- the table of times ---- */

static void row_intervals(struct findings *report, const struct doctor_part *part)
{
	const struct doctor_csv *csv = &part->csv;

	if (*part->csv_error || csv->rows != part->frames || csv->disordered)
		findings_row(report, VERDICT_PROBLEM, "timing table", "one row a frame, times and numbers growing",
			   "%" PRId64 " rows for %" PRId64 " frames, %" PRId64 " of them not in order%s%s",
			   csv->rows, part->frames, csv->disordered, *part->csv_error ? ": " : "", part->csv_error);
	if (csv->intervals < 2)
		return;
	findings_row(report, csv->late ? VERDICT_NOTE : VERDICT_OK, "intervals",
		   "none later than 1.5 intervals unless a loss was counted there; the spread of a sensor is far below 1 ms",
		   "mean %.3f ms, spread %.3f, shortest %.3f, longest %.3f; %" PRId64 " late; %" PRId64 " gaps with losses",
		   csv->mean_ms, csv->spread_ms, csv->shortest_ms, csv->longest_ms, csv->late, csv->gaps);
}

static void row_rate(struct findings *report, const struct doctor_part *part)
{
	const struct doctor_csv *csv = &part->csv;
	/* + 0.0: no minus before a zero */
	double ppm = part->target_fps > 0 ? round((csv->fps / part->target_fps - 1) * 1e6) + 0.0 : 0;

	if (csv->fps <= 0)
		return;
	findings_row(report, fabs(ppm) > OFF_PPM ? VERDICT_NOTE : VERDICT_OK, "rate",
		   "within a few 1000 ppm of the nominal rate; more: the camera "
		   "has not the rate it was asked for (dim light, another mode)",
		   "%.4f/s by the slope of its times, %+.0f ppm of %g/s; no frame farther than %.3f ms from the line",
		   csv->fps, ppm, part->target_fps, csv->worst_ms);
}

/* ---- the video ---- */

static bool is_sound(const struct doctor_part *part)
{
	const struct doctor_video *video = &part->video;
	bool counts = video->packets == part->csv.rows && (video->partly || video->decoded == part->csv.rows);

	return counts && video->begins_with_key && !*video->complaint;
}

static void row_video(struct findings *report, const struct doctor_part *part)
{
	const struct doctor_video *video = &part->video;

	if (*part->video_error) {
		findings_row(report, VERDICT_NOTE, "decoded", "install ffmpeg, and run this again", "not looked at: %s",
			   part->video_error);
		return;
	}
	findings_row(report, is_sound(part) ? VERDICT_OK : VERDICT_PROBLEM, "decoded",
		   "as many frames as rows, the first a key frame, no complaint of the decoder",
		   "%s: %" PRId64 " packets, %" PRId64 " decoded%s, %" PRId64 " rows; %" PRId64 " key frames, the first frame %s one%s%s",
		   video->coding, video->packets, video->decoded, video->partly ? " (of its first two minutes)" : "",
		   part->csv.rows, video->keys, video->begins_with_key ? "is" : "is NOT",
		   *video->complaint ? "; ffmpeg: " : "", video->complaint);
}

static void row_encoder(struct findings *report, const struct doctor_part *part, bool hardware)
{
	bool used = strstr(part->encoder, "(hardware)"), zero = used && !part->copied_bytes;
	double each = part->captured ? (double)part->copied_bytes / (double)part->captured : 0;
	const char *advice = NULL;

	if (used)
		advice = "0 bytes copied: the encoder imported the camera's buffers";
	else if (hardware)
		advice = "this board has a hardware encoder: why was it not taken? camd's log below";
	findings_row(report, advice && !zero ? VERDICT_NOTE : VERDICT_OK, "encoder", advice,
		   "%s, %s; %.0f bytes a frame copied by the processor%s", part->encoder, part->size, each, zero ? " (zero copy)" : "");
}

/* ---- how long things take ---- */

static void row_start(struct findings *report, const struct doctor_take *take, const struct doctor_part *part)
{
	findings_row(report, take->start_ns > SLOW_NS ? VERDICT_NOTE : VERDICT_OK, "start",
		   "the first frame within two intervals or so; the answer comes when it is in the file",
		   "first frame taken %.1f ms after the command, answered after %.1f ms", (double)part->first_frame_ns / 1e6,
		   (double)take->start_ns / 1e6);
}

static void row_stop(struct findings *report, const struct doctor_take *take)
{
	findings_row(report, take->stop_ns > SLOW_NS ? VERDICT_NOTE : VERDICT_OK, "stop",
		   "well below a second; about 2 or 3 s: the encoder's driver held its lock (bcm2835-codec waits so long); "
		   "more: a slow card", "files complete after %.1f ms", (double)take->stop_ns / 1e6);
}

static void row_pauses(struct findings *report, const struct doctor_part *part)
{
	if (part->lowest_fps <= 0)
		return;
	findings_row(report, part->longest_pause_ns > 3 * SLOW_NS ? VERDICT_PROBLEM : VERDICT_OK, "stalls",
		   "no pause beyond the few seconds between two looks; an encoder "
		   "that falls silent is opened anew by camd, and the log says so",
		   "longest time without a frame in the file %.1f s (looked at now and then), lowest rate shown %.2f/s",
		   (double)part->longest_pause_ns / 1e9, part->lowest_fps);
}

/* ---- camd ---- */

static void row_processor(struct findings *report, const struct doctor_take *take)
{
	double seconds = take->after.cpu_s - take->before.cpu_s, lasted_s = 0;
	int64_t frames = 0;

	for (int i = 0; i < take->n; i++) {
		frames += take->parts[i].captured;
		lasted_s = fmax(lasted_s, (double)take->parts[i].duration_ns / 1e9);
	}
	if (!frames || lasted_s <= 0)
		return;
	findings_row(report, seconds > 0.9 * lasted_s * (double)sysconf(_SC_NPROCESSORS_ONLN) ? VERDICT_NOTE : VERDICT_OK,
		   "processor",
		   "with a hardware encoder and no copies a few per cent; in software less than the cores that are there",
		   "%.3f ms a frame, %.1f %% of one core, %" PRId64 " threads", seconds * 1e3 / (double)frames,
		   seconds * 100 / lasted_s, take->after.threads);
}

static void row_memory(struct findings *report, const struct doctor_take *take)
{
	char now[HUMAN_BYTES], peak[HUMAN_BYTES];
	int64_t grown = take->after.rss_bytes - take->before.rss_bytes;

	findings_row(report, grown > GROWN_BYTES ? VERDICT_NOTE : VERDICT_OK, "memory",
		   "no growth from one recording to the next",
		   "%s, peak %s; %+.1f MB since before it", human_size(take->after.rss_bytes, now),
		   human_size(take->after.peak_bytes, peak), (double)grown / 1e6);
}

static void row_heat(struct findings *report, const struct doctor_take *take)
{
	if (isnan(take->hottest))
		return;
	findings_row(report, take->hottest > HOT_C ? VERDICT_NOTE : VERDICT_OK, "temperature",
		   "below 80 degrees, where a Raspberry Pi slows down",
		   "%.1f degrees before, %.1f at most", take->temperature, take->hottest);
}

static void row_events(struct findings *report, const struct doctor_take *take)
{
	if (!take->encoders_changed && !take->cameras_lost && !take->degraded)
		return;
	findings_row(report, VERDICT_PROBLEM, "events", "camd's log below",
		   "while it recorded: encoder changed %" PRId64 " times, camera lost %" PRId64
		   " times, degraded %" PRId64 " times", take->encoders_changed, take->cameras_lost, take->degraded);
}

void doctor_rows_take(struct findings *report, const struct doctor_take *take, bool hardware)
{
	if (*take->error)
		findings_row(report, VERDICT_PROBLEM, "recording", "camd's log below", "%s", take->error);
	for (int i = 0; i < take->n; i++) {
		const struct doctor_part *part = &take->parts[i];
		char *what = xasprintf("frames, camera %" PRId64, part->camera_id);

		doctor_rows_frames(report, part, what);
		free(what);
		if (!part->file)
			continue;
		row_intervals(report, part);
		row_rate(report, part);
		row_encoder(report, part, hardware);
		row_video(report, part);
		row_start(report, take, part);
		row_pauses(report, part);
	}
	if (!take->n)
		return;
	row_stop(report, take);
	row_processor(report, take);
	row_memory(report, take);
	row_heat(report, take);
	row_events(report, take);
}
