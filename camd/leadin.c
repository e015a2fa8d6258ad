#include "camd/leadin.h"

#include "camd/child.h"
#include "camd/mp4times.h"
#include "camd/stsd.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FEED_BYTES ((size_t)1 << 16)
#define MAX_FFMPEG_GAP_NS (INT32_MAX * NS_PER_US)
#define MDAT_HEAD_BYTES 16

/* The first frame behind it: a key frame, or the end. */
static size_t leadin_end(const struct movie *movie)
{
	size_t k = movie->first_shown;

	while (k < movie->n && !movie->samples[k].key)
		k++;
	return k;
}

static uint64_t sum_bytes(const struct movie *movie, size_t end)
{
	uint64_t bytes = 0;

	for (size_t k = 0; k < end; k++)
		bytes += movie->samples[k].bytes;
	return bytes;
}

uint64_t leadin_bytes(const struct gathered *gathered)
{
	size_t end = leadin_end(&gathered->movie);

	return end > gathered->movie.first_shown ? sum_bytes(&gathered->movie, end) : 0;
}

/* ---- feeding the program ---- */

/* What stands before the data of a movie of the frames up to end. */
static void write_front(struct mp4box *front, const struct movie *movie, size_t end)
{
	struct movie part = *movie;
	uint64_t bytes = sum_bytes(movie, end), at;

	part.n = end;
	part.udta = (struct mp4box){ 0 };
	part.samples = xcalloc(end, sizeof(*part.samples));
	memcpy(part.samples, movie->samples, end * sizeof(*part.samples));
	/* how long it is doesn't depend on where the samples will be */
	movie_write_front(&part, front);
	at = front->bytes + MDAT_HEAD_BYTES;
	for (size_t k = 0; k < end; k++) {
		part.samples[k].offset = at;
		at += part.samples[k].bytes;
	}
	movie_write_front(&part, front);
	mp4box_u32(front, 1);
	mp4box_bytes(front, "mdat", 4);
	mp4box_u64(front, bytes + MDAT_HEAD_BYTES);
	free(part.samples);
}

static bool feed_sample(const struct gathered_file *file, const struct movie_sample *sample, struct child *child, uint8_t *data, struct error *err)
{
	off_t at = (off_t)sample->offset;

	for (size_t left = sample->bytes; left;) {
		ssize_t n = pread(file->fd, data, MIN(left, FEED_BYTES), at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(err, errno, "cannot read %s", file->path);
		if (!n)
			return error_set(err, ERR_IO, "%s: the file has become shorter", file->path);
		if (!child_write(child, data, (size_t)n, err))
			return false;
		at += n;
		left -= (size_t)n;
	}
	return true;
}

static bool feed(const struct gathered *gathered, size_t end, const struct leadin_request *request, struct child *child, struct error *err)
{
	struct mp4box front = { 0 };
	uint8_t *data = xcalloc(FEED_BYTES, 1);
	size_t run = 0;
	bool good;

	write_front(&front, &gathered->movie, end);
	good = child_write(child, front.data, front.bytes, err);
	for (size_t k = 0; good && k < end; k++) {
		while (k >= gathered->runs[run].first_sample + gathered->runs[run].n_samples)
			run++;
		good = feed_sample(&gathered->files[gathered->runs[run].file], &gathered->movie.samples[k], child, data, err);
		request->on_progress(request->user, (double)k / (double)end);
	}
	mp4box_finish(&front);
	free(data);
	return good;
}

/* ---- encoding ---- */

/* Its times; returns in how many units a second ffmpeg can write these into an MP4. */
static int take_times(const struct movie *movie, size_t end, int64_t *times)
{
	int64_t longest_ns = 0;

	for (size_t k = movie->first_shown; k < end; k++) {
		times[k - movie->first_shown] = (int64_t)movie->samples[k].time_ns;
		if (k > movie->first_shown)
			longest_ns = MAX(longest_ns, (int64_t)(movie->samples[k].time_ns - movie->samples[k - 1].time_ns));
	}
	return longest_ns < MAX_FFMPEG_GAP_NS ? 1000000 : 1000;
}

/* Without our lock, which a child that outlives us would hold for a while longer. */
static int open_unlocked(int fd)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDWR | O_CLOEXEC);
}

static bool encode(const struct gathered *gathered, size_t end, const struct leadin_request *request, int units_per_s, struct error *err)
{
	char units[16], sets[24];
	const char *const argv[] = {
		"ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-y", "-f", "mp4", "-i", "pipe:0", "-c:v", "libx264", "-preset",
		"veryfast", "-crf", "17", "-bf", "0", "-x264-params", sets, "-fps_mode", "passthrough", "-enc_time_base", units,
		"-video_track_timescale", units + 2, "-f", "mp4", "file:" CHILD_OUTPUT, NULL,
	};
	struct child_request program = {
		.argv = argv, .remedy = "apt install ffmpeg", .output_fd = -1, .cancel_fd = request->cancel_fd,
	};
	int id = stsd_free_id(&gathered->movie.stsd);
	struct child *child;
	bool good;

	if (id < 0)
		return error_set(err, ERR_UNSUPPORTED, "%s: the footage has more parameter sets than an exact cut can add to; export it without `precise`",
				 request->path);
	program.output_fd = open_unlocked(request->fd);
	if (program.output_fd < 0)
		return error_set_errno(err, errno, "%s", request->path);
	snprintf(units, sizeof(units), "1/%d", units_per_s);
	snprintf(sets, sizeof(sets), "sps-id=%d", id);
	child = child_start(&program, err);
	close(program.output_fd);
	good = child && feed(gathered, end, request, child, err) && child_finish(child, err);
	child_destroy(child);
	return good;
}

/* ---- taking it over ---- */

/* What was encoded anew is as many runs as it takes; then come those of before, from frame `end` on. */
static void replace_runs(struct gathered *gathered, size_t end, const struct mp4places *places)
{
	size_t file = gathered->n_files - 1, n = 0;
	struct gathered_run *runs = xcalloc(places->n + gathered->n_runs, sizeof(*runs));

	for (size_t k = 0; k < places->n; k++) {
		const struct mp4place *place = &places->items[k];

		if (!k || runs[n - 1].end != place->offset)
			runs[n++] = (struct gathered_run){ .file = file, .start = place->offset, .first_sample = k };
		runs[n - 1].end = place->offset + place->bytes;
		runs[n - 1].n_samples++;
	}
	for (size_t i = 0; i < gathered->n_runs; i++) {
		struct gathered_run run = gathered->runs[i];
		size_t behind = run.first_sample + run.n_samples, first = MAX(run.first_sample, end);

		if (behind <= end)
			continue;
		if (first > run.first_sample)
			run.start = gathered->movie.samples[first].offset;
		run.n_samples = behind - first;
		run.first_sample = first - end + places->n;
		runs[n++] = run;
	}
	free(gathered->runs);
	gathered->runs = runs;
	gathered->n_runs = n;
}

static void replace_samples(struct movie *movie, size_t end, const struct mp4places *places)
{
	size_t first = movie->first_shown;
	uint32_t entry = movie->samples[end < movie->n ? end : first].entry;

	for (size_t k = 0; k < places->n; k++) {
		const struct mp4place *place = &places->items[k];

		movie->samples[k] = (struct movie_sample){
			.offset = place->offset, .time_ns = movie->samples[first + k].time_ns, .bytes = place->bytes, .key = place->key, .entry = entry,
		};
	}
	memmove(movie->samples + places->n, movie->samples + end, (movie->n - end) * sizeof(*movie->samples));
	movie->n -= first;
	movie->first_shown = 0;
}

static bool take_over(struct gathered *gathered, size_t end, const struct leadin_request *request, const struct mp4places *places,
		      struct error *err)
{
	int fd = fcntl(request->fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return error_set_errno(err, errno, "%s", request->path);
	gathered->files = xrealloc(gathered->files, gathered->n_files + 1, sizeof(*gathered->files));
	gathered->files[gathered->n_files++] = (struct gathered_file){ .path = xstrdup(request->path), .fd = fd };
	if (!places->items[0].key || !stsd_add_sets(&gathered->movie.stsd, places->avcc.data, places->avcc.bytes))
		return error_set(err, ERR_INTERNAL, "%s: ffmpeg made no H.264 of it that can be used", request->path);
	replace_runs(gathered, end, places);
	replace_samples(&gathered->movie, end, places);
	return true;
}

bool leadin_make(struct gathered *gathered, const struct leadin_request *request, struct error *err)
{
	const struct movie *movie = &gathered->movie;
	size_t end = leadin_end(movie), n = end - movie->first_shown;
	int64_t *times = xcalloc(n, sizeof(*times));
	int units_per_s = take_times(movie, end, times);
	struct mp4places places = { 0 };
	bool good = encode(gathered, end, request, units_per_s, err) && mp4times_check(request->fd, times, n, units_per_s, &places, err) &&
		    take_over(gathered, end, request, &places, err);

	mp4places_finish(&places);
	free(times);
	return good;
}
