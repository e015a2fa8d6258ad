/*
 * footage STREAM.h264 WIDTH HEIGHT DIRECTORY MINUTES
 *
 * Writes recordings of a minute each, at 30 frames/s, through camd's own writer, as many as asked for: a stream of Annex B, one
 * slice a picture, again and again, without encoding it again. For benchmarks of what is done with hours of footage.
 */
#include "camd/framelog.h"
#include "camd/h264.h"
#include "camd/output/output.h"
#include "common/clock.h"
#include "common/util.h"

#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FPS 30
#define FRAMES_PER_FILE (60 * FPS)
#define AFTER_BOOT_NS (1000 * NS_PER_S)

struct unit {
	const uint8_t *data;
	size_t bytes;
	bool key;
};

struct stream {
	uint8_t *data;
	size_t bytes;
	struct unit *units;	/* one a picture */
	size_t n;
};

static void load(struct stream *stream, const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat status;

	if (fd < 0 || fstat(fd, &status))
		err(2, "%s", path);
	stream->data = xcalloc((size_t)status.st_size, 1);
	while (stream->bytes < (size_t)status.st_size) {
		ssize_t n = read(fd, stream->data + stream->bytes, (size_t)status.st_size - stream->bytes);

		if (n <= 0)
			err(2, "%s", path);
		stream->bytes += (size_t)n;
	}
	close(fd);
}

/* A picture is its slice and what stands before it. */
static void split(struct stream *stream)
{
	const uint8_t *begin = stream->data;
	struct nal nal;

	stream->units = xcalloc(stream->bytes / 16 + 1, sizeof(*stream->units));
	for (size_t at = 0; h264_next_nal(stream->data, stream->bytes, &at, &nal);) {
		if (nal.type != NAL_SLICE && nal.type != NAL_IDR)
			continue;
		stream->units[stream->n++] = (struct unit){ begin, (size_t)(nal.data + nal.bytes - begin), nal.type == NAL_IDR };
		begin = nal.data + nal.bytes;
	}
	if (!stream->n || !stream->units[0].key)
		errx(2, "the stream does not begin with a key frame");
}

static void write_file(const struct stream *stream, const char *directory, int width, int height, int64_t first_wall_ns, uint64_t first)
{
	char stamp[CLOCK_STAMP_BYTES];
	int64_t began_ns = first_wall_ns + (int64_t)first * NS_PER_S / FPS;
	char *path = xasprintf("%s/cam0_%dx%d_%d.0fps_%s.mp4", directory, width, height, FPS, clock_stamp(began_ns, stamp));
	struct output_request request = {
		.path = path, .width = width, .height = height, .fps = FPS, .encoder = "x264", .title = "benchmark", .colour = { 1, 1, 1, false },
	};
	struct output *output = NULL;
	struct error error;

	for (uint64_t k = first; k < first + FRAMES_PER_FILE; k++) {
		const struct unit *unit = &stream->units[k % stream->n];
		int64_t since_ns = (int64_t)k * NS_PER_S / FPS;
		struct packet packet = {
			.data = unit->data, .bytes = unit->bytes, .key = unit->key, .sensor_ns = AFTER_BOOT_NS + since_ns,
			.wall_ns = first_wall_ns + since_ns, .number = k + 1, .before = k, .camera_frame = k + 1,
		};

		if (!output)
			output = output_fmp4.create(&request, &packet, &error);
		if (!output || !output_fmp4.write(output, &packet, &error))
			errx(1, "%s", error.text);
	}
	if (!output_fmp4.finish(output, NULL, &error))
		errx(1, "%s", error.text);
	output_fmp4.destroy(output);
	free(path);
}

int main(int argc, char **argv)
{
	struct stream stream = { 0 };
	int64_t began_ns;
	int minutes;

	if (argc != 6)
		errx(2, "usage: %s STREAM.h264 WIDTH HEIGHT DIRECTORY MINUTES", argv[0]);
	load(&stream, argv[1]);
	split(&stream);
	/* each file is to begin with a key frame */
	if (FRAMES_PER_FILE % stream.n)
		errx(2, "the stream has %zu pictures, by which %d can't be divided", stream.n, FRAMES_PER_FILE);
	minutes = atoi(argv[5]);
	began_ns = (clock_wall_ns() / NS_PER_S - minutes * 60) * NS_PER_S;
	for (int i = 0; i < minutes; i++)
		write_file(&stream, argv[4], atoi(argv[2]), atoi(argv[3]), began_ns, (uint64_t)i * FRAMES_PER_FILE);
	free(stream.units);
	free(stream.data);
	return 0;
}
