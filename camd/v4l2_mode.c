#include "camd/v4l2_mode.h"

#include "camd/rate.h"
#include "camd/v4l2_colour.h"
#include "camd/v4l2_convert.h"
#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_FPS 30
#define ENCODER_ROW_ALIGN 64	/* bcm2835-codec's; a multiple of what others want */
#define MAX_ENTRIES 256		/* of a driver's lists, which it may not end */
#define MAX_FORMATS 32

/* Sizes worth listing where a camera has any within a range. */
static const struct size usual_sizes[] = {
	{ 320, 240 }, { 640, 480 }, { 800, 600 }, { 1280, 720 }, { 1456, 1088 }, { 1920, 1080 }, { 2592, 1944 }, { 3840, 2160 },
};

struct choice {
	const struct v4l2_known *known;
	struct size size;
	struct v4l2_fract interval;	/* 0/0: the driver doesn't list any */
	long distance;			/* of the size from what is wanted */
	double fps;			/* 0: not known before it is set */
};

/* What is foreign only if there is nothing else, or if it is wished for. */
static size_t list_formats(const struct v4l2_node *node, uint32_t fourcc, const struct v4l2_known *found[MAX_FORMATS])
{
	size_t n = 0;

	for (unsigned i = 0; i < MAX_ENTRIES && n < MAX_FORMATS; i++) {
		struct v4l2_fmtdesc about = { .index = i, .type = node->type };
		const struct v4l2_known *known;

		if (v4l2_node_ioctl(node->fd, VIDIOC_ENUM_FMT, &about))
			break;
		known = v4l2_formats_find(about.pixelformat);
		if (!known || (fourcc && known->fourcc != fourcc) || (known->foreign && !v4l2_convert_is_built_in()))
			continue;
		if (n && found[0]->foreign && !known->foreign)
			n = 0;
		if (!n || !known->foreign || found[0]->foreign)
			found[n++] = known;
	}
	return n;
}

bool v4l2_mode_is_usable(const struct v4l2_node *node)
{
	const struct v4l2_known *found[MAX_FORMATS];

	return list_formats(node, 0, found) > 0;
}

static bool get_format(const struct v4l2_node *node, struct v4l2_format *format)
{
	*format = (struct v4l2_format){ .type = node->type };
	return !v4l2_node_ioctl(node->fd, VIDIOC_G_FMT, format);
}

static struct size own_size(const struct v4l2_node *node)
{
	struct v4l2_format format;

	if (!get_format(node, &format))
		return (struct size){ 640, 480 };
	if (v4l2_node_is_multiplanar(node))
		return (struct size){ (int)format.fmt.pix_mp.width, (int)format.fmt.pix_mp.height };
	return (struct size){ (int)format.fmt.pix.width, (int)format.fmt.pix.height };
}

static long distance_of(struct size a, struct size b)
{
	return labs((long)a.width - b.width) + labs((long)a.height - b.height);
}

static int clamp_step(int wanted, unsigned min, unsigned max, unsigned step)
{
	long value = MAX((long)min, MIN((long)max, wanted));

	if (step > 1)
		value = (long)min + (value - (long)min) / (long)step * (long)step;
	return (int)value;
}

/* The size nearest to the wanted one; between two as near, the larger. */
static struct size nearest_size(const struct v4l2_node *node, uint32_t fourcc, struct size wanted)
{
	struct size best = wanted;
	long best_distance = -1;

	for (unsigned i = 0; i < MAX_ENTRIES; i++) {
		struct v4l2_frmsizeenum entry = { .index = i, .pixel_format = fourcc };
		struct size size;
		long distance;

		if (v4l2_node_ioctl(node->fd, VIDIOC_ENUM_FRAMESIZES, &entry))
			break;
		if (entry.type != V4L2_FRMSIZE_TYPE_DISCRETE) {
			const struct v4l2_frmsize_stepwise *range = &entry.stepwise;

			return (struct size){
				clamp_step(wanted.width, range->min_width, range->max_width, range->step_width),
				clamp_step(wanted.height, range->min_height, range->max_height, range->step_height),
			};
		}
		size = (struct size){ (int)entry.discrete.width, (int)entry.discrete.height };
		distance = distance_of(size, wanted);
		if (best_distance < 0 || distance < best_distance || (distance == best_distance && size.width > best.width)) {
			best = size;
			best_distance = distance;
		}
	}
	return best;
}

static double fract_fps(struct v4l2_fract interval)
{
	return interval.numerator ? (double)interval.denominator / interval.numerator : 0;
}

static bool reaches(double fps, double wanted)
{
	return fps >= wanted * 0.995;
}

/* Which of two rates serves better: one that reaches what is wanted, and then the nearer. */
static bool is_better_rate(double fps, double best, double wanted)
{
	if (reaches(fps, wanted) != reaches(best, wanted))
		return reaches(fps, wanted);
	return reaches(fps, wanted) ? fps < best : fps > best;
}

static struct v4l2_fract fract_of_rate(struct rate rate)
{
	return (struct v4l2_fract){ .numerator = (unsigned)rate.den, .denominator = (unsigned)rate.num };
}

/* The frame interval that serves best; 0/0 where the driver lists none. */
static struct v4l2_fract nearest_interval(const struct v4l2_node *node, uint32_t fourcc, struct size size, struct rate wanted)
{
	struct v4l2_fract best = { 0 };

	for (unsigned i = 0; i < MAX_ENTRIES; i++) {
		struct v4l2_frmivalenum entry = {
			.index = i, .pixel_format = fourcc, .width = (unsigned)size.width, .height = (unsigned)size.height,
		};

		if (v4l2_node_ioctl(node->fd, VIDIOC_ENUM_FRAMEINTERVALS, &entry))
			break;
		if (entry.type != V4L2_FRMIVAL_TYPE_DISCRETE) {
			if (!reaches(fract_fps(entry.stepwise.min), rate_fps(wanted)))
				return entry.stepwise.min;
			if (fract_fps(entry.stepwise.max) > rate_fps(wanted))
				return entry.stepwise.max;
			return fract_of_rate(wanted);
		}
		if (!best.numerator || is_better_rate(fract_fps(entry.discrete), fract_fps(best), rate_fps(wanted)))
			best = entry.discrete;
	}
	return best;
}

/* Orders choices: the right size first, then the right rate, then the better format. */
static bool is_better(const struct choice *a, const struct choice *b, double fps)
{
	bool a_reaches = a->fps <= 0 || reaches(a->fps, fps), b_reaches = b->fps <= 0 || reaches(b->fps, fps);

	if (a->distance != b->distance)
		return a->distance < b->distance;
	if (a_reaches != b_reaches)
		return a_reaches;
	if (!a_reaches && a->fps != b->fps)
		return a->fps > b->fps;
	return a->known < b->known;
}

static size_t make_choices(const struct v4l2_node *node, struct size wanted, struct rate rate, const struct v4l2_wish *wish,
			   struct choice choices[MAX_FORMATS])
{
	const struct v4l2_known *found[MAX_FORMATS];
	size_t n_found = list_formats(node, wish->fourcc, found), n = 0;

	for (size_t i = 0; i < n_found; i++) {
		struct choice choice = { .known = found[i] };
		size_t at = n;

		if (wish->pixels >= 0 && (found[i]->foreign || found[i]->pixels != (enum pixel_format)wish->pixels))
			continue;
		n++;
		choice.size = nearest_size(node, found[i]->fourcc, wanted);
		choice.distance = distance_of(choice.size, wanted);
		choice.interval = nearest_interval(node, found[i]->fourcc, choice.size, rate);
		choice.fps = fract_fps(choice.interval);
		for (; at && is_better(&choice, &choices[at - 1], rate_fps(rate)); at--)
			choices[at] = choices[at - 1];
		choices[at] = choice;
	}
	return n;
}

/* What of struct v4l2_format matters here, from either of its two forms. */
struct answer {
	uint32_t fourcc, field;
	int width, height, n_memory;
	unsigned strides[V4L2_MODE_MAX_MEMORY], sizes[V4L2_MODE_MAX_MEMORY];
	struct v4l2_colour_facts colour;
};

static struct answer read_single(const struct v4l2_pix_format *pix)
{
	return (struct answer){
		.fourcc = pix->pixelformat, .field = pix->field,
		.width = (int)pix->width, .height = (int)pix->height, .n_memory = 1,
		.strides = { pix->bytesperline }, .sizes = { pix->sizeimage },
		.colour = { pix->colorspace, pix->xfer_func, pix->ycbcr_enc, pix->quantization },
	};
}

static struct answer read_multi(const struct v4l2_pix_format_mplane *pix)
{
	struct answer answer = {
		.fourcc = pix->pixelformat, .field = pix->field,
		.width = (int)pix->width, .height = (int)pix->height, .n_memory = pix->num_planes,
		.colour = { pix->colorspace, pix->xfer_func, pix->ycbcr_enc, pix->quantization },
	};

	for (int i = 0; i < MIN(answer.n_memory, V4L2_MODE_MAX_MEMORY); i++) {
		answer.strides[i] = pix->plane_fmt[i].bytesperline;
		answer.sizes[i] = pix->plane_fmt[i].sizeimage;
	}
	return answer;
}

/* Rows as long as encoders want them, so that they can read the buffers: a driver that can't do it says so in its answer. */
static unsigned wanted_stride(const struct choice *choice)
{
	struct frame_format raw = { .pixels = choice->known->pixels, .width = choice->size.width, .height = choice->size.height };
	unsigned row_bytes = (unsigned)frame_plane_row_bytes(&raw, 0);

	return (row_bytes + ENCODER_ROW_ALIGN - 1) / ENCODER_ROW_ALIGN * ENCODER_ROW_ALIGN;
}

static bool set_format(const struct v4l2_node *node, const struct choice *choice, struct answer *answer)
{
	struct v4l2_format format = { .type = node->type };
	bool multi = v4l2_node_is_multiplanar(node);

	if (multi) {
		format.fmt.pix_mp.pixelformat = choice->known->fourcc;
		format.fmt.pix_mp.width = (unsigned)choice->size.width;
		format.fmt.pix_mp.height = (unsigned)choice->size.height;
		format.fmt.pix_mp.field = V4L2_FIELD_NONE;
		format.fmt.pix_mp.num_planes = (uint8_t)choice->known->n_memory;
		if (choice->known->n_memory == 1)
			format.fmt.pix_mp.plane_fmt[0].bytesperline = wanted_stride(choice);
	} else {
		format.fmt.pix.pixelformat = choice->known->fourcc;
		format.fmt.pix.width = (unsigned)choice->size.width;
		format.fmt.pix.height = (unsigned)choice->size.height;
		format.fmt.pix.field = V4L2_FIELD_NONE;
		format.fmt.pix.bytesperline = wanted_stride(choice);
	}
	if (v4l2_node_ioctl(node->fd, VIDIOC_S_FMT, &format))
		return false;
	*answer = multi ? read_multi(&format.fmt.pix_mp) : read_single(&format.fmt.pix);
	return true;
}

/* Finds the planes of the picture in the memory. False: the driver's numbers don't add up. */
static bool lay_out(const struct answer *answer, const struct v4l2_known *known, struct v4l2_mode *mode)
{
	struct frame_format raw = { .pixels = known->pixels, .width = answer->width, .height = answer->height };
	size_t used[V4L2_MODE_MAX_MEMORY] = { 0 };

	/* in the order in which they lie there */
	for (int i = 0; i < frame_n_planes(known->pixels) && !mode->opaque; i++) {
		int memory = known->n_memory > 1 ? i : 0, row_bytes = frame_plane_row_bytes(&raw, i);
		struct v4l2_mode_plane *plane = &mode->planes[known->v_first && i ? 3 - i : i];

		plane->memory = memory;
		plane->offset = used[memory];
		plane->stride = (int)MIN(answer->strides[memory], INT32_MAX / 4);
		if (i && !memory && frame_n_planes(known->pixels) == 3)
			plane->stride /= 2;
		if (!answer->strides[memory])
			plane->stride = row_bytes;
		if (plane->stride < row_bytes)
			return false;
		plane->bytes = (size_t)plane->stride * (size_t)frame_plane_rows(&raw, i);
		used[memory] += plane->bytes;
	}
	if (mode->opaque)
		mode->planes[0] = (struct v4l2_mode_plane){ .bytes = used[0] = answer->sizes[0] };
	mode->n_memory = known->n_memory;
	for (int i = 0; i < known->n_memory; i++) {
		mode->memory_bytes[i] = used[i];
		if (!used[i] || used[i] > answer->sizes[i])
			return false;
	}
	return true;
}

/* Of a foreign format: libv4l reads as many bytes as it thinks there are, and its pictures are 8 columns wide each. */
static bool accept_foreign(const struct answer *answer, const struct v4l2_known *known, struct v4l2_mode *mode)
{
	size_t row_bytes = MAX(((size_t)answer->width * (size_t)known->bits + 7) / 8, answer->strides[0]);

	mode->foreign = known->foreign;
	mode->raw_bits = known->bits;
	mode->raw = (struct v4l2_pix_format){
		.pixelformat = answer->fourcc, .width = (uint32_t)answer->width, .height = (uint32_t)answer->height,
		.bytesperline = answer->strides[0], .sizeimage = answer->sizes[0], .colorspace = answer->colour.colorspace,
	};
	mode->format.width &= ~7;
	if (known->foreign == V4L2_FOREIGN_RGB)
		mode->format.colour.matrix = 6;		/* in limited range: that is what libv4l makes of RGB */
	return mode->format.width && answer->sizes[0] <= INT32_MAX &&
	       (!known->bits || row_bytes * (size_t)answer->height <= answer->sizes[0]);
}

static struct colour colour_of(const struct answer *answer, const struct v4l2_known *known)
{
	enum pixel_format pixels = known->pixels;

	if (known->foreign == V4L2_FOREIGN_JPEG)
		pixels = PIXEL_MJPEG;
	else if (known->foreign == V4L2_FOREIGN_GREY)
		pixels = PIXEL_GREY;
	return v4l2_colour_map(&answer->colour, pixels);
}

static bool accept(const struct answer *answer, const struct choice *choice, struct v4l2_mode *mode)
{
	const struct v4l2_known *known = choice->known;
	bool whole = answer->field == V4L2_FIELD_NONE || answer->field == V4L2_FIELD_ANY ||
		     answer->field == V4L2_FIELD_INTERLACED || answer->field == V4L2_FIELD_INTERLACED_TB ||
		     answer->field == V4L2_FIELD_INTERLACED_BT;

	*mode = (struct v4l2_mode){ .fourcc = answer->fourcc, .opaque = known->pixels == PIXEL_MJPEG || known->foreign };
	if (answer->fourcc != known->fourcc || answer->n_memory != known->n_memory || !whole)
		return false;
	if (answer->width < 2 || answer->height < 2 || answer->width > 32768 || answer->height > 32768)
		return false;
	mode->format = (struct frame_format){
		.pixels = known->pixels,
		.width = answer->width & ~1,
		.height = answer->height & ~1,
		.colour = colour_of(answer, known),
	};
	return lay_out(answer, known, mode) && (!known->foreign || accept_foreign(answer, known, mode));
}

/* Sets the interval where that can be done, and reads back what it is. */
static void set_rate(const struct v4l2_node *node, const struct choice *choice, struct rate rate, struct v4l2_mode *mode)
{
	struct v4l2_streamparm parameters = { .type = node->type };
	struct v4l2_fract interval = { 0 };

	if (v4l2_node_ioctl(node->fd, VIDIOC_G_PARM, &parameters))
		return;
	if (parameters.parm.capture.capability & V4L2_CAP_TIMEPERFRAME) {
		struct v4l2_streamparm wanted = { .type = node->type };

		wanted.parm.capture.timeperframe = choice->interval.numerator ? choice->interval : fract_of_rate(rate);
		if (!v4l2_node_ioctl(node->fd, VIDIOC_S_PARM, &wanted))
			parameters = wanted;
	}
	interval = parameters.parm.capture.timeperframe;
	if (!interval.numerator || !interval.denominator)
		return;
	mode->fps = fract_fps(interval);
	mode->period_ns = (NS_PER_S * interval.numerator + interval.denominator / 2) / interval.denominator;
}

bool v4l2_mode_change_rate(const struct v4l2_node *node, double *fps, int64_t *period_ns, struct error *err)
{
	struct v4l2_streamparm wanted = { .type = node->type };
	struct v4l2_fract *interval = &wanted.parm.capture.timeperframe;

	*interval = fract_of_rate(rate_from_fps(*fps));
	if (v4l2_node_ioctl(node->fd, VIDIOC_S_PARM, &wanted) || !interval->numerator || !interval->denominator)
		return error_set(err, ERR_UNSUPPORTED, "camera %s: its rate can't be changed while it streams", node->path);
	*fps = fract_fps(*interval);
	*period_ns = (NS_PER_S * interval->numerator + interval->denominator / 2) / interval->denominator;
	return true;
}

static void log_choice(const struct v4l2_node *node, const struct v4l2_mode *mode, struct size wanted, struct rate rate)
{
	bool same = mode->format.width == wanted.width && mode->format.height == wanted.height;

	log_info("camera %s (%s): %.4s %dx%d at %.3f frames/s%s", node->path, node->card, (const char *)&mode->fourcc,
		 mode->format.width, mode->format.height, mode->fps, mode->foreign ? ", converted by libv4l" : "");
	if (!same || !reaches(mode->fps, rate_fps(rate)))
		log_warning("camera %s: %dx%d at %.3f frames/s was asked for, this is the nearest it can do", node->path, wanted.width,
			    wanted.height, rate_fps(rate));
}

static bool fail_no_format(const struct v4l2_node *node, const struct v4l2_wish *wish, struct error *err)
{
	const char *what = wish->fourcc ? (const char *)&wish->fourcc : wish->pixels >= 0 ? pixel_format_names[wish->pixels] : "";

	return error_set(err, ERR_UNSUPPORTED, "camera %s: it has no format that can be used%s%.*s%s", node->path, *what ? " as " : "",
			 wish->fourcc ? 4 : 10, what, v4l2_convert_is_built_in() ? "" : "; with libv4l camd could use more");
}

bool v4l2_mode_set(const struct v4l2_node *node, const struct source_request *request, const struct v4l2_wish *wish,
		   struct v4l2_mode *mode, struct error *err)
{
	struct size wanted = request->size.width > 0 ? request->size : own_size(node);
	struct rate rate = rate_from_fps(request->fps > 0 ? request->fps : DEFAULT_FPS);
	struct choice choices[MAX_FORMATS];
	size_t n = make_choices(node, wanted, rate, wish, choices);
	struct answer answer;

	if (!n)
		return fail_no_format(node, wish, err);
	for (size_t i = 0; i < n; i++) {
		if (!set_format(node, &choices[i], &answer)) {
			if (errno == EBUSY)
				return v4l2_node_busy(node, err);
			if (errno == ENODEV)
				return error_set(err, ERR_CAMERA_LOST, "camera %s: it has been unplugged", node->path);
			continue;
		}
		if (!accept(&answer, &choices[i], mode))
			continue;
		set_rate(node, &choices[i], rate, mode);
		log_choice(node, mode, wanted, rate);
		return true;
	}
	return error_set(err, ERR_UNSUPPORTED, "camera %s: the driver accepts none of the formats that it lists", node->path);
}

static double highest_fps(const struct v4l2_node *node, uint32_t fourcc, struct size size)
{
	return fract_fps(nearest_interval(node, fourcc, size, (struct rate){ (int)RATE_MAX_FPS, 1 }));
}

static size_t add_mode(struct source_mode *modes, size_t n, size_t max, struct size size, double fps)
{
	for (size_t i = 0; i < n; i++) {
		if (modes[i].size.width == size.width && modes[i].size.height == size.height) {
			modes[i].max_fps = MAX(modes[i].max_fps, fps);
			return n;
		}
	}
	if (n < max)
		modes[n++] = (struct source_mode){ size, fps };
	return n;
}

static size_t add_range(const struct v4l2_node *node, const struct v4l2_frmsizeenum *entry, struct source_mode *modes,
			size_t n, size_t max)
{
	const struct v4l2_frmsize_stepwise *range = &entry->stepwise;
	struct size largest = { (int)MIN(range->max_width, 32768), (int)MIN(range->max_height, 32768) };

	for (size_t i = 0; i < ARRAY_LEN(usual_sizes); i++) {
		struct size size = usual_sizes[i];

		if (size.width >= (int)range->min_width && size.width <= largest.width &&
		    size.height >= (int)range->min_height && size.height <= largest.height)
			n = add_mode(modes, n, max, size, highest_fps(node, entry->pixel_format, size));
	}
	return add_mode(modes, n, max, largest, highest_fps(node, entry->pixel_format, largest));
}

size_t v4l2_mode_list(const struct v4l2_node *node, struct source_mode *modes, size_t max)
{
	const struct v4l2_known *found[MAX_FORMATS];
	size_t n_formats = list_formats(node, 0, found), n = 0;

	for (size_t f = 0; f < n_formats; f++) {
		for (unsigned i = 0; i < MAX_ENTRIES; i++) {
			struct v4l2_frmsizeenum entry = { .index = i, .pixel_format = found[f]->fourcc };
			struct size size;

			if (v4l2_node_ioctl(node->fd, VIDIOC_ENUM_FRAMESIZES, &entry))
				break;
			if (entry.type != V4L2_FRMSIZE_TYPE_DISCRETE) {
				n = add_range(node, &entry, modes, n, max);
				break;
			}
			size = (struct size){ (int)entry.discrete.width, (int)entry.discrete.height };
			n = add_mode(modes, n, max, size, highest_fps(node, found[f]->fourcc, size));
		}
	}
	return n;
}
