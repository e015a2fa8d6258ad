/* What a picture costs that is looked at: to make it small, and to look for motion in 320x240. Prints microseconds. */
#include "camd/analyze/analyzer.h"

#include "common/clock.h"
#include "common/util.h"

#include <stdio.h>
#include <stdlib.h>

#define N 2000

static double measure_grey(int width, int height, enum pixel_format pixels)
{
	static struct grey grey;
	struct frame_format format = { .pixels = pixels, .width = width, .height = height };
	struct frame *frame = frame_create(&format);
	int64_t began_ns;

	for (size_t i = 0; i < frame->planes[0].bytes; i++)
		frame->planes[0].data[i] = (uint8_t)rand();
	began_ns = clock_now_ns();
	for (int i = 0; i < N / 10; i++)
		grey_take(&grey, frame);
	frame_unref(frame);
	return (double)(clock_now_ns() - began_ns) / 1e3 / (N / 10);
}

/* Noise, and every other picture a third of it is something else. */
static double measure_motion(void)
{
	static struct grey pictures[8];
	struct analyzer_settings settings = { .fps = 10, .motion = true, .sensitivity = 60, .min_area = 0.3, .hold_ns = NS_PER_S };
	struct analyzer_news news;
	void *motion = analyzer_motion.create();
	int64_t began_ns;

	for (size_t p = 0; p < ARRAY_LEN(pictures); p++) {
		pictures[p].width = GREY_MAX_WIDTH;
		pictures[p].height = GREY_MAX_HEIGHT;
		for (int i = 0; i < GREY_MAX_WIDTH * GREY_MAX_HEIGHT; i++)
			pictures[p].pixels[i] = (uint8_t)(100 + rand() % 8 + (i / 16 % 3 ? 0 : p % 2 * 80));
	}
	began_ns = clock_now_ns();
	for (int i = 0; i < N; i++) {
		struct grey *picture = &pictures[(size_t)i % ARRAY_LEN(pictures)];

		picture->sensor_ns = NS_PER_S + i * NS_PER_S / 10;
		analyzer_motion.look(motion, &settings, picture, &news);
	}
	began_ns = clock_now_ns() - began_ns;
	analyzer_motion.destroy(motion);
	return (double)began_ns / 1e3 / N;
}

int main(void)
{
	printf("motion, 320x240: %.0f us a picture\n", measure_motion());
	printf("made small, 320x240 nv12: %.0f us, 640x480 yuyv: %.0f us, 1456x1088 nv12: %.0f us, 1920x1080 i420: %.0f us\n",
	       measure_grey(320, 240, PIXEL_NV12), measure_grey(640, 480, PIXEL_YUYV), measure_grey(1456, 1088, PIXEL_NV12),
	       measure_grey(1920, 1080, PIXEL_I420));
	return 0;
}
