/* A recap as a picture: for each camera intervals, losses and bitrate over time and the spread of the intervals; then skews. */
#include "camctl/recap.h"

#include "camctl/human.h"
#include "camctl/svg.h"
#include "common/clock.h"
#include "common/util.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#define WIDTH 1200.0
#define HEAD 92.0
#define BLOCK 336.0		/* a camera's */
#define SKEW_BLOCK 186.0
#define LEFT 76.0
#define FIELD 760.0		/* width of what is over time */
#define SPREAD_LEFT 920.0
#define SPREAD_WIDTH 240.0
#define SPREAD_BARS 30
#define LOSS_HEIGHT 12.0

/* Values of a slot: where it lies between, and whether there are any. */
typedef bool (*slot_fn)(const struct recap_slot *slot, double seconds, double *low, double *mean, double *high);

static bool interval_of(const struct recap_slot *slot, double seconds, double *low, double *mean, double *high)
{
	(void)seconds;
	*low = slot->interval_min / 1e6;
	*high = slot->interval_max / 1e6;
	*mean = slot->intervals ? slot->interval_sum / 1e6 / (double)slot->intervals : 0;
	return slot->intervals;
}

static bool bits_of(const struct recap_slot *slot, double seconds, double *low, double *mean, double *high)
{
	*low = 0;
	*mean = *high = (double)slot->bytes * 8 / 1e6 / seconds;
	return slot->frames;
}

static bool skew_of(const struct recap_slot *slot, double seconds, double *low, double *mean, double *high)
{
	(void)seconds;
	*low = slot->skew_min / 1e6;
	*high = slot->skew_max / 1e6;
	*mean = slot->skews ? slot->skew_sum / 1e6 / (double)slot->skews : 0;
	return slot->skews;
}

/* Neighbours taken together, where frames are rarer than slots or a slot is shorter than a group of pictures. */
static void merge(const struct recap_slot *from, size_t n, struct recap_slot *to)
{
	*to = (struct recap_slot){ 0 };
	for (size_t i = 0; i < n; i++) {
		const struct recap_slot *slot = &from[i];

		if (slot->intervals) {
			to->interval_min = to->intervals ? MIN(to->interval_min, slot->interval_min) : slot->interval_min;
			to->interval_max = to->intervals ? MAX(to->interval_max, slot->interval_max) : slot->interval_max;
		}
		if (slot->skews) {
			to->skew_min = to->skews ? MIN(to->skew_min, slot->skew_min) : slot->skew_min;
			to->skew_max = to->skews ? MAX(to->skew_max, slot->skew_max) : slot->skew_max;
		}
		to->intervals += slot->intervals;
		to->interval_sum += slot->interval_sum;
		to->skews += slot->skews;
		to->skew_sum += slot->skew_sum;
		to->frames += slot->frames;
		to->bytes += slot->bytes;
	}
}

/* How many slots make a point: at least a second long for bits, and no shorter than two frames for all. */
static size_t slots_a_point(const struct recap *recap, const struct recap_camera *camera, bool bits)
{
	static const size_t divisors[] = { 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 16, 20, 24, 30, 40, 48, 60, 80, 120, 240 };
	double slot_s = recap_slot_seconds(recap), wanted_s = 2 * camera->intervals.mean / 1e9;
	size_t i = 0;

	if (bits)
		wanted_s = MAX(wanted_s, 1);
	while (i + 1 < ARRAY_LEN(divisors) && slot_s * (double)divisors[i] < wanted_s * 0.999)
		i++;
	return divisors[i];
}

/* ---- a field ---- */

struct series {
	const struct recap_slot *slots;
	size_t each;		/* slots a point */
	double seconds;		/* of a point */
	slot_fn value;
};

static bool point(const struct series *series, size_t i, double *low, double *mean, double *high)
{
	struct recap_slot slot;

	merge(series->slots + i * series->each, series->each, &slot);
	return series->value(&slot, series->seconds, low, mean, high);
}

/* The points from `from` that follow each other without a gap; returns the one behind them. */
static size_t run_of(const struct series *series, size_t from)
{
	double low, mean, high;

	while (from < RECAP_SLOTS / series->each && point(series, from, &low, &mean, &high))
		from++;
	return from;
}

static void draw_run(const struct svg_chart *chart, const struct series *series, size_t from, size_t to, const char *band, const char *line)
{
	double low, mean, high;

	fprintf(chart->to, "<path class=\"%s\" d=\"", band);
	for (size_t i = from; i < to; i++) {
		point(series, i, &low, &mean, &high);
		fprintf(chart->to, "%c%.1f %.1fH%.1f", i == from ? 'M' : 'L', svg_x(chart, (double)i * series->seconds), svg_y(chart, high),
			svg_x(chart, (double)(i + 1) * series->seconds));
	}
	for (size_t i = to; i-- > from;) {
		point(series, i, &low, &mean, &high);
		fprintf(chart->to, "V%.1fH%.1f", svg_y(chart, low), svg_x(chart, (double)i * series->seconds));
	}
	fprintf(chart->to, "Z\"/>\n<path class=\"%s\" d=\"", line);
	for (size_t i = from; i < to; i++) {
		point(series, i, &low, &mean, &high);
		fprintf(chart->to, "%c%.1f %.1fH%.1f", i == from ? 'M' : 'L', svg_x(chart, (double)i * series->seconds), svg_y(chart, mean),
			svg_x(chart, (double)(i + 1) * series->seconds));
	}
	fputs("\"/>\n", chart->to);
}

static void draw_series(const struct svg_chart *chart, const struct series *series, const char *band, const char *line)
{
	for (size_t from = 0; from < RECAP_SLOTS / series->each; from++) {
		size_t to = run_of(series, from);

		if (to > from)
			draw_run(chart, series, from, to, band, line);
		from = to;
	}
}

static void range_of(const struct series *series, double *lo, double *hi)
{
	double low, mean, high;

	*lo = HUGE_VAL;
	*hi = -HUGE_VAL;
	for (size_t i = 0; i < RECAP_SLOTS / series->each; i++)
		if (point(series, i, &low, &mean, &high)) {
			*lo = MIN(*lo, low);
			*hi = MAX(*hi, high);
		}
}

/* Some air above and below; what does not vary gets a little room to not vary in. */
static void set_range(struct svg_chart *chart, double lo, double hi, double least)
{
	double air = MAX((hi - lo) * 0.1, (least - (hi - lo)) / 2);

	chart->lo = lo - air;
	chart->hi = hi + air;
}

static struct svg_chart field_at(const struct recap *recap, double y, double height, FILE *to)
{
	return (struct svg_chart){ .to = to, .x = LEFT, .y = y, .width = FIELD, .height = height,
				   .t1 = recap_slot_seconds(recap) * RECAP_SLOTS };
}

static struct series series_of(const struct recap *recap, const struct recap_camera *camera, slot_fn value)
{
	size_t each = slots_a_point(recap, camera, value == bits_of);

	return (struct series){ camera->slots, each, recap_slot_seconds(recap) * (double)each, value };
}

/* ---- a camera ---- */

/* A mark where something was lost, in the colour of its cause; several causes stand on each other. */
static void draw_losses(const struct recap *recap, const struct recap_camera *camera, const struct svg_chart *chart)
{
	double seconds = recap_slot_seconds(recap);
	char class[16];

	for (size_t i = 0; i < RECAP_SLOTS; i++) {
		const int64_t *lost = camera->slots[i].lost;
		double y = chart->y + chart->height, all = (double)recap_lost(lost);

		for (int cause = 0; cause <= N_CSV_CAUSES; cause++) {
			double height = all > 0 ? LOSS_HEIGHT * (double)lost[cause] / all : 0;

			if (height <= 0)
				continue;
			y -= height;
			snprintf(class, sizeof(class), "c%d", cause);
			svg_rect(chart->to, svg_x(chart, (double)i * seconds), y, FIELD / RECAP_SLOTS, height, class);
		}
	}
}

static void draw_intervals(const struct recap *recap, const struct recap_camera *camera, double y, FILE *to)
{
	struct svg_chart chart = field_at(recap, y, 120, to);
	struct series series = series_of(recap, camera, interval_of);
	double lo, hi, median = spread_quantile(&camera->intervals, 0.5) / 1e6;

	svg_text(to, LEFT, y - 8, SVG_START, "name", "interval, ms");
	range_of(&series, &lo, &hi);
	if (lo > hi)
		lo = hi = 0;
	/* one that came very late would leave the others a line: it is cut, and the figures at the right have it */
	set_range(&chart, lo, MIN(hi, 4 * median), median / 20 + 1e-3);
	svg_axes(&chart, !camera->has_sizes);
	draw_series(&chart, &series, "band", "mean");
	draw_losses(recap, camera, &chart);
}

static void draw_bitrate(const struct recap *recap, const struct recap_camera *camera, double y, FILE *to)
{
	struct svg_chart chart = field_at(recap, y, 90, to);
	struct series series = series_of(recap, camera, bits_of);
	double lo, hi;

	if (!camera->has_sizes) {
		svg_text(to, LEFT, y + 16, SVG_START, "sub", camera->coded_bytes ? "bitrate: of a raw stream only the mean is known" :
			 "bitrate: there is no video");
		return;
	}
	svg_text(to, LEFT, y - 8, SVG_START, "name", "bitrate, Mb/s");
	range_of(&series, &lo, &hi);
	chart.hi = MAX(hi * 1.1, 0.01);
	svg_axes(&chart, true);
	draw_series(&chart, &series, "bits", "bitsline");
}

static void draw_spread(const struct recap_camera *camera, double y, FILE *to)
{
	const struct spread *all = &camera->intervals;
	double lo = spread_quantile(all, 0.001), hi = spread_quantile(all, 0.999), bottom = y + 120;
	int64_t counts[SPREAD_BARS], most = 1;

	if (hi - lo < 20e3) {
		/* nothing to see: a single bar in the middle */
		lo -= 10e3;
		hi += 10e3;
	}
	spread_histogram(all, lo, hi, counts, SPREAD_BARS);
	for (int i = 0; i < SPREAD_BARS; i++)
		most = MAX(most, counts[i]);
	svg_text(to, SPREAD_LEFT, y - 8, SVG_START, "name", "how often which interval");
	svg_rect(to, SPREAD_LEFT, y, SPREAD_WIDTH, 120, "field");
	for (int i = 0; i < SPREAD_BARS; i++) {
		double height = 112 * (double)counts[i] / (double)most;

		if (counts[i])
			svg_rect(to, SPREAD_LEFT + SPREAD_WIDTH / SPREAD_BARS * i + 0.5, bottom - MAX(height, 1), SPREAD_WIDTH / SPREAD_BARS - 1,
				 MAX(height, 1), "bar");
	}
	svg_text(to, SPREAD_LEFT, bottom + 16, SVG_START, "tick", "%.3f ms", lo / 1e6);
	svg_text(to, SPREAD_LEFT + SPREAD_WIDTH, bottom + 16, SVG_END, "tick", "%.3f ms", hi / 1e6);
}

static void print_figure(FILE *to, double *y, const char *name, const char *format, double value)
{
	char text[40];

	snprintf(text, sizeof(text), format, value);
	svg_text(to, SPREAD_LEFT, *y, SVG_START, "sub", "%s", name);
	svg_text(to, SPREAD_LEFT + SPREAD_WIDTH, *y, SVG_END, "name", "%s", text);
	*y += 18;
}

static void print_figures(const struct recap_camera *camera, double y, FILE *to)
{
	const struct spread *all = &camera->intervals;

	print_figure(to, &y, "shortest", "%.3f ms", all->min / 1e6);
	print_figure(to, &y, "median", "%.3f ms", spread_quantile(all, 0.5) / 1e6);
	print_figure(to, &y, "99 of 100 below", "%.3f ms", spread_quantile(all, 0.99) / 1e6);
	print_figure(to, &y, "longest", "%.3f ms", all->max / 1e6);
	print_figure(to, &y, "jitter (std. dev.)", "%.3f ms", spread_deviation(all) / 1e6);
	if (camera->seconds > 0 && camera->coded_bytes)
		print_figure(to, &y, "mean bitrate", "%.3f Mb/s", (double)camera->coded_bytes * 8 / camera->seconds / 1e6);
}

static void draw_camera(const struct recap *recap, const struct recap_camera *camera, double y, FILE *to)
{
	int64_t lost = recap_lost(camera->lost);
	char text[RECAP_LOST_BYTES];

	svg_text(to, 32, y + 18, SVG_START, "head", "Camera %" PRId64, camera->id);
	svg_text(to, 136, y + 18, SVG_START, "sub", "%" PRId64 " of %" PRId64 " frames recorded; lost: %s; %.4f frames/s", camera->rows,
		 camera->rows + lost, recap_lost_text(camera->lost, text), camera->intervals.n ? 1e9 / MAX(camera->intervals.mean, 1) : 0.0);
	draw_intervals(recap, camera, y + 52, to);
	draw_bitrate(recap, camera, y + 202, to);
	draw_spread(camera, y + 52, to);
	print_figures(camera, y + 214, to);
}

/* ---- the page ---- */

static void draw_skew(const struct recap *recap, const struct recap_camera *camera, double y, FILE *to)
{
	struct svg_chart chart = field_at(recap, y + 52, 90, to);
	struct series series = series_of(recap, camera, skew_of);
	double lo, hi, figures = y + 66;

	svg_text(to, 32, y + 18, SVG_START, "head", "Camera %" PRId64 " after camera %" PRId64, camera->id, recap->cameras[0]->id);
	svg_text(to, LEFT, y + 44, SVG_START, "name", "skew, ms");
	range_of(&series, &lo, &hi);
	set_range(&chart, lo, hi, 0.1);
	svg_axes(&chart, true);
	draw_series(&chart, &series, "band", "mean");
	print_figure(to, &figures, "mean", "%+.3f ms", camera->skews.mean / 1e6);
	print_figure(to, &figures, "lowest", "%+.3f ms", camera->skews.min / 1e6);
	print_figure(to, &figures, "highest", "%+.3f ms", camera->skews.max / 1e6);
	print_figure(to, &figures, "drift", "%+.1f us a minute", recap_drift(camera));
}

static void draw_legend(FILE *to)
{
	double x = WIDTH - 40 - (N_CSV_CAUSES + 1) * 84;
	char class[16];

	svg_text(to, x - 12, 36, SVG_END, "sub", "frames lost:");
	for (int cause = 0; cause <= N_CSV_CAUSES; cause++, x += 84) {
		snprintf(class, sizeof(class), "c%d", cause);
		svg_rect(to, x, 26, 10, 10, class);
		svg_text(to, x + 16, 36, SVG_START, "sub", "%s", recap_causes[cause]);
	}
}

static void draw_head(const struct recap *recap, FILE *to)
{
	char iso[CLOCK_ISO_BYTES] = "", lasted[HUMAN_BYTES], *label = human_clean(xstrdup(recap->label));

	if (recap->first_wall_us)
		clock_iso(recap->first_wall_us * 1000, iso);
	svg_text(to, 32, 42, SVG_START, "title", "%s", label);
	svg_text(to, 32, 66, SVG_START, "sub", "%zu camera%s, %s%s%.10s%s%.8s", recap->n_cameras, recap->n_cameras == 1 ? "" : "s",
		 human_duration(recap->last_ns - recap->first_ns, lasted), *iso ? ", from " : "", iso, *iso ? " " : "", *iso ? iso + 11 : "");
	draw_legend(to);
	free(label);
}

static bool has_skew(const struct recap *recap, size_t i)
{
	return i && recap->cameras[i]->skews.n;
}

void recap_draw(const struct recap *recap, FILE *to)
{
	double height = HEAD + 16, y = HEAD;

	for (size_t i = 0; i < recap->n_cameras; i++)
		height += (recap->cameras[i]->rows ? BLOCK : 0) + (has_skew(recap, i) ? SKEW_BLOCK : 0);
	svg_begin(to, WIDTH, height);
	draw_head(recap, to);
	for (size_t i = 0; i < recap->n_cameras; i++) {
		if (!recap->cameras[i]->rows)
			continue;
		draw_camera(recap, recap->cameras[i], y, to);
		y += BLOCK;
	}
	for (size_t i = 0; i < recap->n_cameras; i++) {
		if (!has_skew(recap, i))
			continue;
		draw_skew(recap, recap->cameras[i], y, to);
		y += SKEW_BLOCK;
	}
	svg_end(to);
}
