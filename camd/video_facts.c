#include "camd/video_facts.h"

#include "camd/framelog.h"
#include "camd/video_name.h"
#include "common/field.h"
#include "common/mp4box.h"
#include "common/util.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROWS_BYTES 4096
#define MAX_BOXES 64
#define LARGEST (INT64_C(1) << 60)	/* differences and sums stay numbers */

static int open_regular(int directory, const char *name, int64_t *bytes)
{
	int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat status;

	if (fd >= 0 && !fstat(fd, &status) && S_ISREG(status.st_mode)) {
		*bytes = status.st_size;
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

/* A box of that type between two places; *from and *to become those of what is in it. */
static bool find_box(int fd, const char *type, int64_t *from, int64_t *to)
{
	int64_t at = *from;
	uint8_t head[16];

	for (int n = 0; n < MAX_BOXES && *to - at >= 8 && pread(fd, head, sizeof(head), at) >= 8; n++) {
		bool large = mp4box_get32(head) == 1;
		int64_t bytes = large ? (int64_t)mp4box_get64(head + 8) : mp4box_get32(head), head_bytes = large ? 16 : 8;

		if (bytes < head_bytes || bytes > *to - at)
			return false;
		if (!memcmp(head + 4, type, 4)) {
			*from = at + head_bytes;
			*to = at + bytes;
			return true;
		}
		at += bytes;
	}
	return false;
}

/* What is in a box that lies in others, by their types, outermost first. */
static bool read_inside(int fd, int64_t file_bytes, const char *const *types, uint8_t *data, size_t bytes)
{
	int64_t from = 0, to = file_bytes;

	for (; *types; types++)
		if (!find_box(fd, *types, &from, &to))
			return false;
	return to - from >= (int64_t)bytes && pread(fd, data, bytes, from) == (ssize_t)bytes;
}

static void read_index(int fd, int64_t file_bytes, struct video_facts *facts)
{
	static const char *const sizes[] = { "moov", "trak", "mdia", "minf", "stbl", "stsz", NULL };
	static const char *const media[] = { "moov", "trak", "mdia", "mdhd", NULL };
	uint8_t data[32];
	double units_per_s, units;

	if (read_inside(fd, file_bytes, sizes, data, 12))
		facts->frames = mp4box_get32(data + 8);
	if (!read_inside(fd, file_bytes, media, data, sizeof(data)))
		return;
	/* by its version: two times, the scale, the duration */
	units_per_s = mp4box_get32(data + (data[0] ? 20 : 12));
	units = data[0] ? (double)mp4box_get64(data + 24) : mp4box_get32(data + 16);
	if (units_per_s > 0 && units / units_per_s < 9e9)
		facts->duration_ns = llround(units / units_per_s * 1e9);
}

/* A row of the timing table, as far as it is needed here. */
struct row {
	int64_t number, sensor_ns, lost;
	double wall_s;
};

static bool read_row(const char *text, struct row *row)
{
	long long facts[6];	/* number, sensor time, what was lost to each cause */

	if (sscanf(text, "%lld,%lf,%lld,%*d,%*d,%*d,%lld,%lld,%lld,%lld", &facts[0], &row->wall_s, &facts[1], &facts[2], &facts[3],
		   &facts[4], &facts[5]) != 7)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(facts); i++)
		if (facts[i] < 0 || facts[i] > LARGEST)
			return false;
	row->number = facts[0];
	row->sensor_ns = facts[1];
	row->lost = facts[2] + facts[3] + facts[4] + facts[5];
	return true;
}

static bool read_first_row(int fd, struct row *row)
{
	char text[ROWS_BYTES];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	char *head;

	text[MAX(n, 0)] = '\0';
	head = strchr(text, '\n');
	return head && strchr(head + 1, '\n') && read_row(head + 1, row);
}

static bool read_last_row(int fd, int64_t bytes, struct row *row)
{
	char text[ROWS_BYTES], *last;
	ssize_t n = pread(fd, text, sizeof(text) - 1, MAX(bytes - (int64_t)sizeof(text) + 1, 0));

	text[MAX(n, 0)] = '\0';
	last = strrchr(text, '\n');
	if (!last)
		return false;
	*last = '\0';
	last = strrchr(text, '\n');
	return last && read_row(last + 1, row);
}

/* Between two rows, each number is a row or a loss. */
static void count_rows(const struct row *first, const struct row *last, struct video_facts *facts)
{
	int64_t frames = last->number - first->number + 1 - (last->lost - first->lost), span_ns = last->sensor_ns - first->sensor_ns;

	if (frames < 1 || span_ns < 0)
		return;
	facts->frames = frames;
	/* the last one lasts as long as the others do */
	facts->duration_ns = span_ns + (frames > 1 ? span_ns / (frames - 1) : 0);
}

static void read_table(int directory, const char *name, bool raw, struct video_facts *facts)
{
	char *table = framelog_path_of(name);
	int64_t bytes;
	int fd = open_regular(directory, table, &bytes);
	struct row first, last;

	free(table);
	if (fd < 0)
		return;
	if (read_first_row(fd, &first)) {
		if (first.wall_s > 0 && first.wall_s < 9e9)
			facts->from_ns = llround(first.wall_s * 1e6) * 1000;
		if (raw && read_last_row(fd, bytes, &last))
			count_rows(&first, &last, facts);
	}
	close(fd);
}

void video_facts_read(int directory, const char *name, struct video_facts *facts)
{
	struct video_name called;
	int64_t bytes;
	int fd;

	*facts = (struct video_facts){ FIELD_UNSET, FIELD_UNSET, FIELD_UNSET };
	if (!video_name_read(name, &called))
		return;
	read_table(directory, name, called.raw, facts);
	fd = called.raw ? -1 : open_regular(directory, name, &bytes);
	if (fd < 0)
		return;
	read_index(fd, bytes, facts);
	close(fd);
}
