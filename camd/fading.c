#include "camd/fading.h"

#include "camd/grey.h"
#include "common/util.h"

#include <libdeflate.h>

#define LOOK_NS NS_PER_S
#define ROW_STEP 8		/* of the rows that are looked at: no line of text in a picture falls between two */
#define COLUMN_STEP 16		/* of the samples for brightness */
#define LOW_RATE 0.8		/* of what it should be */
#define BLACK_MEAN 24		/* limited range is black at 16 */
#define BLACK_MOST 40
#define COLLAPSED 0.1		/* of what the video usually takes */
#define USUAL_S 600.0		/* that is, averaged over so long */
#define LEAST_BPS 8000.0	/* below, headers are most of it and nothing can be said */

const char *const fading_reason_names[] = { "rate", "frozen", "black", "bitrate", NULL };

/* ---- the source's thread ---- */

/* JPEGs that are the same byte by byte are the same picture; how bright it is would take decoding. */
static void look_at_jpeg(struct fading *fading, const struct plane *plane)
{
	atomic_store(&fading->print, libdeflate_crc32(0, plane->data, plane->bytes));
	atomic_store(&fading->brightness, 255);
	atomic_store(&fading->brightest, 255);
}

static void look_at(struct fading *fading, const struct frame *picture)
{
	const struct plane *plane = &picture->planes[0];
	int row_bytes = frame_plane_row_bytes(&picture->format, 0), first, step;
	uint32_t print = 0;
	uint64_t sum = 0, n = 0;
	int brightest = 0;

	grey_locate(picture->format.pixels, &first, &step);
	for (int y = 0; y < picture->format.height; y += ROW_STEP) {
		const uint8_t *row = plane->data + (size_t)y * plane->stride;

		print = libdeflate_crc32(print, row, (size_t)row_bytes);
		for (int x = first; x < row_bytes; x += step * COLUMN_STEP, n++) {
			int luma = picture->format.pixels == PIXEL_Y10 ? (row[x] | row[x + 1] << 8) >> 2 : row[x];

			sum += (uint64_t)luma;
			brightest = MAX(brightest, luma);
		}
	}
	atomic_store(&fading->print, print);
	atomic_store(&fading->brightness, n ? (int)(sum / n) : 0);
	atomic_store(&fading->brightest, brightest);
}

void fading_look(struct fading *fading, const struct frame *frame)
{
	const struct frame *picture = frame->small ? frame->small : frame;

	if (fading->looked_ns && frame->sensor_ns - fading->looked_ns < LOOK_NS)
		return;
	/* of buffers that nobody else reads, one is mapped for this, and waited for */
	if (picture->map && !picture->mapped && fading->looked_ns && frame->sensor_ns - fading->looked_ns < 2 * LOOK_NS)
		return;
	fading->looked_ns = frame->sensor_ns;
	frame_begin_read(picture);
	if (picture->format.pixels == PIXEL_MJPEG)
		look_at_jpeg(fading, &picture->planes[0]);
	else
		look_at(fading, picture);
	frame_end_read(picture);
	atomic_fetch_add(&fading->looks, 1);
}

/* ---- the main thread ---- */

/* How many bits a second the recording has taken since the last look; -1: not known yet. */
static double measure_bps(struct fading *fading, const struct fading_facts *facts)
{
	int64_t since_ns = fading->measured_ns, before = fading->measured_bytes;

	fading->measured_ns = facts->recording ? facts->now_ns : 0;
	fading->measured_bytes = facts->bytes;
	if (!since_ns || !facts->recording || facts->bytes < before || facts->now_ns <= since_ns)
		return -1;
	return (double)(facts->bytes - before) * 8e9 / (double)(facts->now_ns - since_ns);
}

static void learn_usual(struct fading *fading, double bps)
{
	if (fading->usual_bps <= 0)
		fading->usual_bps = bps;
	else if (bps > fading->usual_bps * COLLAPSED)
		fading->usual_bps += (bps - fading->usual_bps) / USUAL_S;
}

/* Notes whether a kind of fading is there now. True: that is news. */
static bool note(struct fading *fading, enum fading_reason reason, bool is_so, int64_t now_ns, int64_t after_ns, struct fading_news *news)
{
	int64_t since_ns = fading->since_ns[reason];
	bool due;

	if (is_so && !since_ns)
		since_ns = fading->since_ns[reason] = now_ns;
	news->reason = reason;
	news->degraded = is_so;
	news->seconds = since_ns ? (double)(now_ns - since_ns) / 1e9 : 0;
	due = is_so ? now_ns - since_ns >= after_ns && !fading->told[reason] : fading->told[reason];
	if (!is_so)
		fading->since_ns[reason] = 0;
	if (due)
		fading->told[reason] = is_so;
	return due;
}

/* The pictures, if one has been looked at since the last time. */
static int check_picture(struct fading *fading, int64_t now_ns, int64_t after_ns, struct fading_news *news)
{
	uint32_t looks = atomic_load(&fading->looks), print = atomic_load(&fading->print);
	int brightness = atomic_load(&fading->brightness), n = 0;
	bool frozen = fading->seen_looks && print == fading->seen_print;
	bool black = brightness <= BLACK_MEAN && atomic_load(&fading->brightest) <= BLACK_MOST;

	if (looks == fading->seen_looks)
		return 0;
	fading->seen_looks = looks;
	fading->seen_print = print;
	n += note(fading, FADING_FROZEN, frozen && !black, now_ns, after_ns, &news[n]);
	news[n].measured = brightness;
	n += note(fading, FADING_BLACK, black, now_ns, after_ns, &news[n]);
	return n;
}

int fading_check(struct fading *fading, const struct fading_facts *facts, int64_t after_ns, struct fading_news news[N_FADING])
{
	double bps = measure_bps(fading, facts);
	bool collapsed = bps >= 0 && fading->usual_bps > LEAST_BPS && bps < fading->usual_bps * COLLAPSED;
	int n;

	for (int i = 0; i < N_FADING; i++)
		news[i] = (struct fading_news){ 0 };
	n = check_picture(fading, facts->now_ns, after_ns, news);
	news[n].measured = facts->fps;
	news[n].expected = facts->wanted_fps;
	n += note(fading, FADING_RATE, facts->wanted_fps > 0 && facts->fps < facts->wanted_fps * LOW_RATE, facts->now_ns, after_ns, &news[n]);
	if (bps < 0)
		return n;
	news[n].measured = bps;
	news[n].expected = fading->usual_bps;
	n += note(fading, FADING_BITRATE, collapsed, facts->now_ns, after_ns, &news[n]);
	learn_usual(fading, bps);
	return n;
}

void fading_reset(struct fading *fading)
{
	fading->seen_looks = 0;
	fading->measured_ns = 0;
	for (int i = 0; i < N_FADING; i++)
		fading->since_ns[i] = 0;
}

const char *fading_reason(const struct fading *fading)
{
	for (int i = 0; i < N_FADING; i++)
		if (fading->told[i])
			return fading_reason_names[i];
	return NULL;
}
