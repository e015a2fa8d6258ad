/*
 * What the overlay costs for one frame of 1456x1088 in I420, beside ffmpeg's drawtext on the same picture, with the same font, size
 * and text, in the same run.
 *
 * drawtext is called through libavfilter, with a frame that is its own, so that it draws in place as camd does; what a graph costs
 * that has the filter "null" in its place is taken off. Both draw white letters with a border two pixels wide, and both change the
 * number with each frame. Rounds alternate; the fastest of each is shown, which is what a machine that does nothing else would need.
 */
#include "camd/overlay.h"
#include "common/clock.h"
#include "common/util.h"

#include <err.h>
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/frame.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 1456
#define HEIGHT 1088
#define FRAMES 200
#define ROUNDS 15
#define CAPITAL 32
#define EM 44		/* of which DejaVu's capitals have 0.729 */

struct graph {
	AVFilterGraph *all;
	AVFilterContext *in, *out;
};

static void must(int result, const char *what)
{
	if (result < 0)
		errx(1, "%s: error %d", what, result);
}

static AVFilterContext *add(struct graph *graph, AVFilterContext *after, const char *filter, const char *arguments)
{
	AVFilterContext *added;

	must(avfilter_graph_create_filter(&added, avfilter_get_by_name(filter), filter, arguments, NULL, graph->all), filter);
	if (after)
		must(avfilter_link(after, 0, added, 0), filter);
	return added;
}

static struct graph make_graph(const char *filter, const char *arguments)
{
	struct graph graph = { .all = avfilter_graph_alloc() };
	char source[128];

	graph.all->nb_threads = 1;
	snprintf(source, sizeof(source), "video_size=%dx%d:pix_fmt=0:time_base=1/30", WIDTH, HEIGHT);
	graph.in = add(&graph, NULL, "buffer", source);
	graph.out = add(&graph, add(&graph, graph.in, filter, arguments), "buffersink", NULL);
	must(avfilter_graph_config(graph.all, NULL), "graph");
	return graph;
}

/* Nanoseconds a frame. */
static double run_graph(const struct graph *graph, AVFrame *frame)
{
	int64_t began_ns = clock_now_ns();

	for (int i = 0; i < FRAMES; i++) {
		frame->pts = i;
		must(av_buffersrc_add_frame(graph->in, frame), "buffersrc");
		must(av_buffersink_get_frame(graph->out, frame), "buffersink");
	}
	return (double)(clock_now_ns() - began_ns) / FRAMES;
}

static double run_overlay(struct overlay *overlay, struct frame *frame)
{
	int64_t began_ns = clock_now_ns();

	for (int i = 0; i < FRAMES; i++) {
		frame->number = (uint64_t)(1000 + i);
		overlay_draw(overlay, frame);
	}
	return (double)(clock_now_ns() - began_ns) / FRAMES;
}

struct costs {
	double ours, drawtext, nothing;
};

static struct costs measure(struct overlay_look *look, const char *drawtext)
{
	struct frame_format format = { PIXEL_I420, WIDTH, HEIGHT, { 1, 1, 1, false } };
	struct costs costs = { INFINITY, INFINITY, INFINITY };
	struct graph filter = make_graph("drawtext", drawtext), null = make_graph("null", NULL);
	struct overlay *overlay = overlay_create(0, look);
	struct frame *frame = frame_create(&format);
	AVFrame *picture = av_frame_alloc();

	picture->width = WIDTH;
	picture->height = HEIGHT;
	picture->format = 0;
	must(av_frame_get_buffer(picture, 64), "frame");
	for (int i = 0; i < 3; i++) {
		memset(frame->planes[i].data, 100, frame->planes[i].bytes);
		memset(picture->data[i], 100, (size_t)(picture->linesize[i] * (i ? HEIGHT / 2 : HEIGHT)));
	}
	for (int i = 0; i < ROUNDS; i++) {
		costs.ours = fmin(costs.ours, run_overlay(overlay, frame));
		costs.drawtext = fmin(costs.drawtext, run_graph(&filter, picture));
		costs.nothing = fmin(costs.nothing, run_graph(&null, picture));
	}
	av_frame_free(&picture);
	frame_unref(frame);
	overlay_destroy(overlay);
	avfilter_graph_free(&filter.all);
	avfilter_graph_free(&null.all);
	return costs;
}

static void print(const char *what, struct costs costs)
{
	double drawtext = costs.drawtext - costs.nothing;

	printf("%-32s overlay %7.2f us, drawtext %7.2f us (%.2f us of the graph taken off): %.3f of drawtext (aim: 0.1)\n", what,
	       costs.ours / 1e3, drawtext / 1e3, costs.nothing / 1e3, costs.ours / drawtext);
}

int main(void)
{
	struct overlay_look look = {
		.enabled = true, .capital = CAPITAL, .thickness = 1, .colour = { 255, 255, 255, 255, true }, .margin = 16, .line_y = 48,
	};
	char drawtext[2048];
	const char *font;
	struct error err;

	if (!overlay_font_choose(NULL, &font, &err))
		errx(77, "%s", err.text);
	snprintf(look.font, sizeof(look.font), "%s", font);
	snprintf(look.text, sizeof(look.text), "Frame: %%frame");
	snprintf(drawtext, sizeof(drawtext), "fontfile=%s:fontsize=%d:fontcolor=white:borderw=2:x=16:y=16:text=Frame\\: %%{n}", font, EM);
	print("Frame: 1234, with a border:", measure(&look, drawtext));
	look.background = (struct rgba){ 0, 0, 0, 255, true };
	snprintf(drawtext, sizeof(drawtext), "fontfile=%s:fontsize=%d:fontcolor=white:box=1:boxcolor=black:boxborderw=10:x=16:y=16:"
		 "text=Frame\\: %%{n}", font, EM);
	print("Frame: 1234, on a box:", measure(&look, drawtext));
	snprintf(look.text, sizeof(look.text), "Frame: %%frame  %%Y-%%m-%%d %%H:%%M:%%S.%%f");
	snprintf(drawtext, sizeof(drawtext), "fontfile=%s:fontsize=%d:fontcolor=white:box=1:boxcolor=black:boxborderw=10:x=16:y=16:"
		 "text=Frame\\: %%{n}  %%{localtime\\:%%Y-%%m-%%d %%H\\\\\\:%%M\\\\\\:%%S.000000}", font, EM);
	print("with date and time, on a box:", measure(&look, drawtext));
	return 0;
}
