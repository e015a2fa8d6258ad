/* A recap for people at a terminal. */
#include "camctl/recap.h"

#include "camctl/human.h"
#include "common/clock.h"
#include "common/util.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HISTOGRAM_ROWS 10
#define BAR_COLUMNS 40
#define MOST_POINTS 60
#define INDENT "              "

struct page {
	FILE *to;
	bool blocks;
	size_t points;		/* of a row of bars */
};

/* ---- bars ---- */

/* A row of bars, one for each value; what is below 0 is unknown, and empty. */
static void print_sparkline(const struct page *page, const double *values, size_t n)
{
	static const char *const blocks[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const letters[] = { "_", ".", ":", "-", "=", "+", "*", "#" };
	double most = 0;

	for (size_t i = 0; i < n; i++)
		most = MAX(most, values[i]);
	for (size_t i = 0; i < n; i++) {
		int level = most > 0 ? (int)(values[i] / most * 7.999) : 0;

		fputs(values[i] < 0 ? " " : (page->blocks ? blocks : letters)[level], page->to);
	}
}

static void print_bar(const struct page *page, double part)
{
	int n = (int)(part * BAR_COLUMNS + 0.5);

	for (int i = 0; i < MAX(n, part > 0); i++)
		fputs(page->blocks ? "█" : "#", page->to);
}

/* ---- of one camera ---- */

static void print_frames(const struct page *page, const struct recap_camera *camera)
{
	int64_t lost = recap_lost(camera->lost);
	char text[RECAP_LOST_BYTES], lasted[HUMAN_BYTES];

	fprintf(page->to, "  frames      %" PRId64 " of %" PRId64 " recorded, lost: %s\n", camera->rows, camera->rows + lost,
		recap_lost_text(camera->lost, text));
	fprintf(page->to, "  time        %s in %zu recording%s\n", human_duration((int64_t)(camera->seconds * 1e9), lasted), camera->n_recordings,
		camera->n_recordings == 1 ? "" : "s");
	if (camera->disordered || camera->bad)
		fprintf(page->to, "  table       %" PRId64 " rows are not in order, %" PRId64 " can't be read\n", camera->disordered, camera->bad);
}

static void print_histogram(const struct page *page, const struct spread *intervals)
{
	double lo = spread_quantile(intervals, 0.001), hi = spread_quantile(intervals, 0.999), step = (hi - lo) / HISTOGRAM_ROWS;
	int64_t counts[HISTOGRAM_ROWS], most = 1, rest = intervals->n;

	if (hi - lo < 1000)
		return;		/* less than a microsecond apart: nothing to see */
	spread_histogram(intervals, lo, hi, counts, HISTOGRAM_ROWS);
	for (int i = 0; i < HISTOGRAM_ROWS; i++)
		most = MAX(most, counts[i]);
	for (int i = 0; i < HISTOGRAM_ROWS; i++) {
		fprintf(page->to, INDENT "%9.3f ms %9" PRId64 "  ", (lo + step * i) / 1e6, counts[i]);
		print_bar(page, (double)counts[i] / (double)most);
		fputc('\n', page->to);
		rest -= counts[i];
	}
	if (rest > 0)
		fprintf(page->to, INDENT "outside      %9" PRId64 "\n", rest);
}

static void print_intervals(const struct page *page, const struct recap_camera *camera)
{
	const struct spread *all = &camera->intervals;

	if (!all->n)
		return;
	fprintf(page->to, "  rate        %.4f frames/s\n", 1e9 / MAX(all->mean, 1));
	fprintf(page->to, "  intervals   min %.3f, median %.3f, mean %.3f, p99 %.3f, max %.3f ms; jitter %.3f ms (standard deviation)\n",
		all->min / 1e6, spread_quantile(all, 0.5) / 1e6, all->mean / 1e6, spread_quantile(all, 0.99) / 1e6, all->max / 1e6,
		spread_deviation(all) / 1e6);
	print_histogram(page, all);
}

static void print_losses(const struct page *page, const struct recap *recap, const struct recap_camera *camera)
{
	char text[RECAP_LOST_BYTES], when[HUMAN_BYTES];

	for (int64_t i = 0; i < MIN(camera->n_losses, RECAP_LOSSES); i++) {
		const struct recap_loss *loss = &camera->losses[i];

		fprintf(page->to, "%s%s, before frame %" PRId64 ": %s\n", i ? INDENT : "  losses      ",
			human_duration(MAX(loss->at_ns - recap->first_ns, 0), when), loss->number, recap_lost_text(loss->lost, text));
	}
	if (camera->n_losses > RECAP_LOSSES)
		fprintf(page->to, INDENT "and %" PRId64 " times more\n", camera->n_losses - RECAP_LOSSES);
}

/* Of the slots, as many points as there is room for; -1 where nothing was recorded. */
static void gather_bits(const struct recap *recap, const struct recap_camera *camera, double *points, size_t n)
{
	double seconds = recap_slot_seconds(recap) * RECAP_SLOTS / (double)n;

	for (size_t i = 0; i < n; i++) {
		int64_t bytes = 0, frames = 0;

		for (size_t j = i * RECAP_SLOTS / n; j < (i + 1) * RECAP_SLOTS / n; j++) {
			bytes += camera->slots[j].bytes;
			frames += camera->slots[j].frames;
		}
		points[i] = frames ? (double)bytes * 8 / seconds : -1;
	}
}

static void print_bitrate(const struct page *page, const struct recap *recap, const struct recap_camera *camera)
{
	double points[MOST_POINTS];

	if (!camera->coded_bytes || camera->seconds <= 0)
		return;
	fprintf(page->to, "  bitrate     mean %.3f Mb/s", (double)camera->coded_bytes * 8 / camera->seconds / 1e6);
	if (camera->highest_bps > 0)
		fprintf(page->to, ", lowest second %.3f, highest %.3f", camera->lowest_bps / 1e6, camera->highest_bps / 1e6);
	fputc('\n', page->to);
	if (!camera->has_sizes)
		return;
	gather_bits(recap, camera, points, page->points);
	fputs(INDENT, page->to);
	print_sparkline(page, points, page->points);
	fputc('\n', page->to);
}

static void print_skew(const struct page *page, const struct recap *recap, const struct recap_camera *camera)
{
	const struct spread *skews = &camera->skews;

	if (!skews->n)
		return;
	fprintf(page->to, "  skew        to camera %" PRId64 ": mean %+.3f ms, from %+.3f to %+.3f; drift %+.1f us a minute\n",
		recap->cameras[0]->id, skews->mean / 1e6, skews->min / 1e6, skews->max / 1e6, recap_drift(camera));
}

static void print_camera(const struct page *page, const struct recap *recap, const struct recap_camera *camera)
{
	fprintf(page->to, "\ncamera %" PRId64 "\n", camera->id);
	print_frames(page, camera);
	print_intervals(page, camera);
	print_losses(page, recap, camera);
	print_bitrate(page, recap, camera);
	print_skew(page, recap, camera);
}

void recap_print(const struct recap *recap, int columns, bool blocks, FILE *to)
{
	struct page page = { to, blocks, (size_t)MIN(MAX(columns - (int)strlen(INDENT) - 1, 10), MOST_POINTS) };
	char iso[CLOCK_ISO_BYTES], lasted[HUMAN_BYTES], *label = human_clean(xstrdup(recap->label));

	fprintf(to, "%s: %zu camera%s, %s", label, recap->n_cameras, recap->n_cameras == 1 ? "" : "s",
		human_duration(recap->last_ns - recap->first_ns, lasted));
	if (recap->first_wall_us)
		fprintf(to, ", from %.10s %.8s", clock_iso(recap->first_wall_us * 1000, iso), iso + 11);
	fputc('\n', to);
	free(label);
	for (size_t i = 0; i < recap->n_cameras; i++)
		print_camera(&page, recap, recap->cameras[i]);
	if (recap->without_table)
		fprintf(to, "\n%zu video%s without a timing table\n", recap->without_table, recap->without_table == 1 ? "" : "s");
	for (size_t i = 0; i < recap->problems.n; i++)
		fprintf(to, "\n%s\n", human_clean(((char **)recap->problems.items)[i]));
}
