/*
 * PNG by libpng: sRGB, or grey of cameras that see no colour; 8 bits a sample, and 16 of sums and of 10 bits grey. The colour's matrix and
 * range are undone exactly; nothing else is lost, but that chroma has a value for two or four pixels from the start.
 */
#include "camd/still/still.h"

#include "common/util.h"

#include <math.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

#define COMPRESSION 3		/* of 9: several times as fast as more, for a few percent of size */

struct work {
	const struct sums *sums;
	double gain;
	bool deep;		/* 16 bits */
	float *rgb;
	uint8_t *row;

	uint8_t *data;		/* the file so far */
	size_t bytes, room;
	struct error *err;
};

static void on_error(png_structp png, png_const_charp text)
{
	struct work *work = png_get_error_ptr(png);

	error_set(work->err, ERR_INTERNAL, "cannot write a PNG of %dx%d: %s", work->sums->format.width, work->sums->format.height, text);
	png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
	(void)png;
	(void)text;
}

static void on_data(png_structp png, png_bytep data, size_t bytes)
{
	struct work *work = png_get_io_ptr(png);

	if (work->bytes + bytes > work->room) {
		work->room = 2 * (work->bytes + bytes);
		work->data = xrealloc(work->data, 1, work->room);
	}
	memcpy(work->data + work->bytes, data, bytes);
	work->bytes += bytes;
}

static void on_flush(png_structp png)
{
	(void)png;
}

static void make_row(struct work *work, int y, int channels)
{
	int step = 3 / channels;
	uint8_t *to = work->row;

	sums_rgb_row(work->sums, work->gain, y, work->rgb);
	for (int i = 0; i < work->sums->format.width * channels; i++) {
		unsigned value = (unsigned)lrintf(work->rgb[i * step] * (work->deep ? 65535 : 255));

		if (work->deep)
			*to++ = (uint8_t)(value >> 8);
		*to++ = (uint8_t)value;
	}
}

static void write_picture(struct work *work, png_structp png, png_infop info)
{
	const struct frame_format *format = &work->sums->format;
	bool grey = sums_are_grey(work->sums);

	png_set_write_fn(png, work, on_data, on_flush);
	png_set_compression_level(png, COMPRESSION);
	png_set_IHDR(png, info, (png_uint_32)format->width, (png_uint_32)format->height, work->deep ? 16 : 8,
		     grey ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_set_sRGB(png, info, PNG_sRGB_INTENT_PERCEPTUAL);
	png_write_info(png, info);
	for (int y = 0; y < format->height; y++) {
		make_row(work, y, grey ? 1 : 3);
		png_write_row(png, work->row);
	}
	png_write_end(png, NULL);
}

static bool write_png(struct work *work, uint8_t **data, size_t *bytes)
{
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, work, on_error, on_warning);
	png_infop info = png ? png_create_info_struct(png) : NULL;

	*data = NULL;
	*bytes = 0;
	if (!info) {
		error_set(work->err, ERR_INTERNAL, "libpng does not start");
		png_destroy_write_struct(&png, NULL);
		return false;
	}
	work->rgb = xcalloc((size_t)work->sums->format.width, 3 * sizeof(float));
	work->row = xcalloc((size_t)work->sums->format.width, 3 * 2);
	if (!setjmp(png_jmpbuf(png))) {
		write_picture(work, png, info);
		*data = work->data;
		*bytes = work->bytes;
		work->data = NULL;
	}
	png_destroy_write_struct(&png, &info);
	free(work->data);
	free(work->rgb);
	free(work->row);
	return *data;
}

static bool png_write_sums(const struct sums *sums, double gain, uint8_t **data, size_t *bytes, struct error *err)
{
	struct work work = { .sums = sums, .gain = gain, .deep = true, .err = err };

	return write_png(&work, data, bytes);
}

static bool png_write_frame(const struct frame *frame, int quality, uint8_t **data, size_t *bytes, struct error *err)
{
	struct sums *sums = still_open(frame, err);
	struct work work = { .sums = sums, .gain = 1, .err = err };
	bool done;

	(void)quality;
	*data = NULL;
	*bytes = 0;
	if (!sums)
		return false;
	work.deep = sums_sample_bits(sums) > 8;
	done = write_png(&work, data, bytes);
	sums_destroy(sums);
	return done;
}

const struct still_impl still_png = { .name = "png", .suffix = ".png", .write = png_write_frame, .write_sums = png_write_sums };
