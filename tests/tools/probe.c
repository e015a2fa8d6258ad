/*
 * probe VIDEO [CSV] [--number-pattern] [--no-decode] [--json] [--part] [--excerpt]
 *
 * Asks libavformat and libavcodec what is in a recording and compares it with its timing table: as many frames as rows,
 * the k-th time that of the k-th row to the nanosecond (to the rounding of the track's own units), each frame decodes
 * without damage, what is missing is accounted for. With --number-pattern the number that each picture shows must be
 * its row's camera_frame. With --part the table may begin, and begin anew, with any number. With --excerpt the rows are some of one
 * recording or several, and what is before the beginning of an edit list is no frame of the video. Prints one line of what was
 * found. Exit status: 0 all right, 1 something is wrong, 2 it could
 * not be looked at.
 */
#include "camd/pattern.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum column {
	FRAME_NUMBER, WRITE_TIME_UNIX, SENSOR_NS, DROPPED_SINCE_LAST, TOTAL_HARDWARE_DROPS, CAMERA_FRAME, LOST_SENSOR, LOST_STARVED,
	LOST_ENCODER, LOST_STORAGE, N_COLUMNS
};

static const char *const column_names[N_COLUMNS] = {
	"frame_number", "write_time_unix", "sensor_timestamp_ns", "dropped_since_last", "total_hardware_drops", "camera_frame",
	"lost_sensor", "lost_starved", "lost_encoder", "lost_storage",
};

struct row {
	int64_t values[N_COLUMNS];	/* of write_time_unix: whole seconds */
};

struct probe {
	const char *video, *csv;
	bool number_pattern, no_decode, json, part, excerpt;
	int64_t elsewhere;	/* part: how many of the frames that the numbers count have rows in other files */

	struct row *rows;
	size_t n_rows;
	bool torn_row;

	AVFormatContext *format;
	AVCodecContext *decoder;
	AVRational units;
	bool has_times;
	int64_t *times;			/* of packets, in units */
	bool begun;
	size_t n_packets, n_keys, n_decoded, n_numbers;
	size_t next;			/* packet, whose picture is expected */
	int64_t max_error_ns;
	size_t n_wrong;
};

static void complain(struct probe *probe, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The first few things that are wrong are told, the others counted; a program is told all. */
static void complain(struct probe *probe, const char *format, ...)
{
	va_list args;

	if (probe->n_wrong++ >= 10 && !probe->json)
		return;
	va_start(args, format);
	fprintf(stderr, "%s: ", probe->video);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

static void give_up(const char *path, const char *why)
{
	fprintf(stderr, "%s: %s\n", path, why);
	exit(2);
}

/* ---- the table ---- */

static int find_column(const char *name, size_t bytes)
{
	for (int i = 0; i < N_COLUMNS; i++)
		if (strlen(column_names[i]) == bytes && !strncmp(column_names[i], name, bytes))
			return i;
	return -1;
}

/* Which column of ours each field of a line is; returns how many fields there are. */
static size_t read_header(const struct probe *probe, const char *line, int *columns, size_t max)
{
	bool seen[N_COLUMNS] = { false };
	size_t n = 0;

	for (const char *at = line; n < max; at++) {
		size_t bytes = strcspn(at, ",\n");

		columns[n] = find_column(at, bytes);
		if (columns[n] >= 0)
			seen[columns[n]] = true;
		n++;
		at += bytes;
		if (*at != ',')
			break;
	}
	for (int i = 0; i < N_COLUMNS; i++)
		if (!seen[i]) {
			fprintf(stderr, "%s: no column %s\n", probe->csv, column_names[i]);
			exit(2);
		}
	return n;
}

static void read_row(struct probe *probe, const char *line, const int *columns, size_t n)
{
	struct row *row;
	size_t i = 0;

	probe->rows = xrealloc(probe->rows, probe->n_rows + 1, sizeof(*probe->rows));
	row = &probe->rows[probe->n_rows++];
	*row = (struct row){ 0 };
	for (const char *at = line; i < n; at++, i++) {
		size_t bytes = strcspn(at, i + 1 == n && *at == '"' ? "\n" : ",\n");	/* a mark in quotes may hold commas */
		char *end;
		long long value = strtoll(at, &end, 10);

		if (columns[i] >= 0)
			row->values[columns[i]] = value;
		if (columns[i] >= 0 && columns[i] != WRITE_TIME_UNIX && (!bytes || end != at + bytes))
			complain(probe, "row %zu: %s is not a number", probe->n_rows, column_names[columns[i]]);
		at += bytes;
		if (*at != ',')
			break;
	}
	if (i + 1 != n)
		complain(probe, "row %zu has %zu fields, the header %zu", probe->n_rows, i + 1, n);
}

static void read_table(struct probe *probe)
{
	FILE *file = fopen(probe->csv, "r");
	char *line = NULL;
	size_t room = 0, n = 0;
	ssize_t bytes;
	int columns[64];

	if (!file)
		give_up(probe->csv, strerror(errno));
	while ((bytes = getline(&line, &room, file)) > 0) {
		if (line[bytes - 1] != '\n')
			probe->torn_row = true;
		else if (!n)
			n = read_header(probe, line, columns, ARRAY_LEN(columns));
		else
			read_row(probe, line, columns, n);
	}
	free(line);
	fclose(file);
	if (!n)
		give_up(probe->csv, "no header");
}

static int64_t lost(const struct row *row)
{
	return row->values[LOST_SENSOR] + row->values[LOST_STARVED] + row->values[LOST_ENCODER] + row->values[LOST_STORAGE];
}

/* What a row must be, given the one before it. */
static void check_row(struct probe *probe, size_t i)
{
	static const struct row nothing;
	const struct row *row = &probe->rows[i], *before = i ? row - 1 : &nothing;
	int64_t number = row->values[FRAME_NUMBER], last = before->values[FRAME_NUMBER];
	bool anew = probe->part && (!i || number <= last);

	if (anew) {
		/* a file in the middle of a recording, or in a clip a new one begins: only from here on there is something to add up */
		probe->elsewhere = number - (int64_t)i - 1 - lost(row);
		last = number - 1 - row->values[DROPPED_SINCE_LAST];
	}

	if (i && row->values[SENSOR_NS] <= before->values[SENSOR_NS])
		complain(probe, "row %zu: sensor_timestamp_ns does not rise", i + 1);
	if (probe->excerpt)
		return;
	if (row->values[DROPPED_SINCE_LAST] != number - last - 1)
		complain(probe, "row %zu: frame number %" PRId64 " comes after %" PRId64 ", but dropped_since_last is %" PRId64,
			 i + 1, number, last, row->values[DROPPED_SINCE_LAST]);
	if (number != probe->elsewhere + (int64_t)i + 1 + lost(row))
		complain(probe, "row %zu: %zu recorded and %" PRId64 " lost do not make frame number %" PRId64,
			 i + 1, i + 1, lost(row), number);
	if (row->values[TOTAL_HARDWARE_DROPS] != row->values[LOST_SENSOR])
		complain(probe, "row %zu: total_hardware_drops is not lost_sensor", i + 1);
	for (int column = LOST_SENSOR; column <= LOST_STORAGE; column++)
		if (!anew && row->values[column] < before->values[column])
			complain(probe, "row %zu: %s falls", i + 1, column_names[column]);
	if (i && row->values[CAMERA_FRAME] <= before->values[CAMERA_FRAME])
		complain(probe, "row %zu: camera_frame does not rise", i + 1);
}

/* ---- the video ---- */

static void open_video(struct probe *probe)
{
	const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_H264);
	int status = avformat_open_input(&probe->format, probe->video, NULL, NULL);

	if (status < 0)
		give_up(probe->video, av_err2str(status));
	if (avformat_find_stream_info(probe->format, NULL) < 0 || probe->format->nb_streams != 1 ||
	    probe->format->streams[0]->codecpar->codec_id != AV_CODEC_ID_H264)
		give_up(probe->video, "not one H.264 stream");
	probe->units = probe->format->streams[0]->time_base;
	probe->has_times = strcmp(probe->format->iformat->name, "h264") != 0;
	probe->decoder = avcodec_alloc_context3(codec);
	avcodec_parameters_to_context(probe->decoder, probe->format->streams[0]->codecpar);
	probe->decoder->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER;
	if (avcodec_open2(probe->decoder, codec, NULL) < 0)
		give_up(probe->video, "cannot open the H.264 decoder");
}

static void check_number(struct probe *probe, const AVFrame *frame, size_t i)
{
	uint64_t number, expected;

	if (!pattern_read(frame->data[0], frame->linesize[0], frame->width, frame->height, &number)) {
		complain(probe, "frame %zu shows no number", i + 1);
		return;
	}
	probe->n_numbers++;
	if (i >= probe->n_rows)
		return;
	expected = (uint64_t)probe->rows[i].values[CAMERA_FRAME] & PATTERN_MAX;
	if (number != expected)
		complain(probe, "frame %zu shows number %" PRIu64 ", its row says camera_frame %" PRIu64, i + 1, number, expected);
}

/* The packet that a picture is of, by its time, which those that are passed over have none of; without times the next one. */
static size_t packet_of(struct probe *probe, const AVFrame *frame)
{
	for (; probe->has_times && probe->next < probe->n_packets && probe->times[probe->next] < frame->pts; probe->next++)
		complain(probe, "packet %zu shows no picture", probe->next + 1);
	return probe->next++;
}

static void check_pictures(struct probe *probe, AVFrame *frame)
{
	while (avcodec_receive_frame(probe->decoder, frame) >= 0) {
		size_t i = packet_of(probe, frame);

		probe->n_decoded++;
		if (frame->decode_error_flags || frame->flags & AV_FRAME_FLAG_CORRUPT)
			complain(probe, "frame %zu is damaged", i + 1);
		if (probe->has_times && (i >= probe->n_packets || frame->pts != probe->times[i]))
			complain(probe, "decoded frame %zu is not that of packet %zu", i + 1, i + 1);
		if (probe->number_pattern)
			check_number(probe, frame, i);
	}
}

static void check_time(struct probe *probe, size_t i)
{
	int64_t unit = av_rescale(NS_PER_S, probe->units.num, probe->units.den), expected, found, error;

	if (probe->times[i] == AV_NOPTS_VALUE) {
		complain(probe, "packet %zu has no time", i + 1);
		return;
	}
	if (i >= probe->n_rows)
		return;
	expected = probe->rows[i].values[SENSOR_NS] - probe->rows[0].values[SENSOR_NS];
	found = (probe->times[i] - probe->times[0]) * unit;
	error = llabs(found - expected);
	probe->max_error_ns = MAX(probe->max_error_ns, error);
	/* an excerpt's first time is rounded, too */
	if (probe->excerpt ? error > (unit == 1 ? 0 : unit) : found != (expected + unit / 2) / unit * unit)
		complain(probe, "packet %zu is at %" PRId64 " ns, its row says %" PRId64, i + 1, found, expected);
}

static void take_packet(struct probe *probe, const AVPacket *packet)
{
	bool key = packet->flags & AV_PKT_FLAG_KEY;
	size_t i;

	if (!probe->begun && !key)
		complain(probe, "the first packet is not a key frame");
	probe->begun = true;
	if (probe->excerpt && packet->flags & AV_PKT_FLAG_DISCARD)
		return;
	i = probe->n_packets++;

	if (!(i & (i - 1)))
		probe->times = xrealloc(probe->times, MAX(2 * i, (size_t)1), sizeof(*probe->times));
	probe->times[i] = packet->pts;
	probe->n_keys += key;
	if (probe->has_times)
		check_time(probe, i);
}

static void check_video(struct probe *probe)
{
	AVPacket *packet = av_packet_alloc();
	AVFrame *frame = av_frame_alloc();

	while (av_read_frame(probe->format, packet) >= 0) {
		take_packet(probe, packet);
		if (!probe->no_decode && avcodec_send_packet(probe->decoder, packet) < 0)
			complain(probe, "packet %zu does not decode", probe->n_packets);
		if (!probe->no_decode)
			check_pictures(probe, frame);
		av_packet_unref(packet);
	}
	if (!probe->no_decode) {
		avcodec_send_packet(probe->decoder, NULL);
		check_pictures(probe, frame);
	}
	av_packet_free(&packet);
	av_frame_free(&frame);
}

/* ---- the report ---- */

static void print_value(const struct probe *probe, bool *first, const char *name, int64_t value)
{
	printf(probe->json ? "%s\"%s\":%" PRId64 : "%s%s=%" PRId64, *first ? "" : probe->json ? "," : " ", name, value);
	*first = false;
}

static void print_summary(const struct probe *probe)
{
	int64_t unit = av_rescale(NS_PER_S, probe->units.num, probe->units.den);
	const struct row *last = probe->n_rows ? &probe->rows[probe->n_rows - 1] : NULL;
	bool first = true, timed = probe->has_times && probe->n_packets;

	fputs(probe->json ? "{" : "", stdout);
	print_value(probe, &first, "frames", (int64_t)probe->n_packets);
	print_value(probe, &first, "decoded", (int64_t)probe->n_decoded);
	print_value(probe, &first, "keys", (int64_t)probe->n_keys);
	if (timed) {
		print_value(probe, &first, "first_pts_ns", probe->times[0] * unit);
		print_value(probe, &first, "last_pts_ns", probe->times[probe->n_packets - 1] * unit);
		print_value(probe, &first, "unit_ns", unit);
	}
	if (probe->csv) {
		print_value(probe, &first, "rows", (int64_t)probe->n_rows);
		print_value(probe, &first, "torn_row", probe->torn_row);
	}
	if (probe->csv && timed)
		print_value(probe, &first, "max_pts_error_ns", probe->max_error_ns);
	if (last) {
		print_value(probe, &first, "last_number", last->values[FRAME_NUMBER]);
		for (int column = LOST_SENSOR; column <= LOST_STORAGE; column++)
			print_value(probe, &first, column_names[column], last->values[column]);
	}
	if (probe->number_pattern)
		print_value(probe, &first, "numbers_read", (int64_t)probe->n_numbers);
	print_value(probe, &first, "wrong", (int64_t)probe->n_wrong);
	puts(probe->json ? "}" : "");
}

static void read_arguments(struct probe *probe, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--number-pattern"))
			probe->number_pattern = true;
		else if (!strcmp(argv[i], "--no-decode"))
			probe->no_decode = true;
		else if (!strcmp(argv[i], "--part"))
			probe->part = true;
		else if (!strcmp(argv[i], "--json"))
			probe->json = true;
		else if (!strcmp(argv[i], "--excerpt"))
			probe->excerpt = true;
		else if (argv[i][0] != '-' && !probe->video)
			probe->video = argv[i];
		else if (argv[i][0] != '-' && !probe->csv)
			probe->csv = argv[i];
		else
			goto usage;
	}
	if (probe->video)
		return;
usage:
	fprintf(stderr, "usage: %s VIDEO [CSV] [--number-pattern] [--no-decode] [--json] [--part] [--excerpt]\n", argv[0]);
	exit(2);
}

int main(int argc, char **argv)
{
	struct probe probe = { 0 };

	read_arguments(&probe, argc, argv);
	av_log_set_level(AV_LOG_FATAL);
	if (probe.csv)
		read_table(&probe);
	open_video(&probe);
	check_video(&probe);
	for (size_t i = 0; i < probe.n_rows; i++)
		check_row(&probe, i);
	if (probe.csv && probe.n_packets != probe.n_rows)
		complain(&probe, "%zu frames, but %zu rows", probe.n_packets, probe.n_rows);
	if (!probe.no_decode && probe.n_decoded != probe.n_packets)
		complain(&probe, "%zu packets, but %zu decoded frames", probe.n_packets, probe.n_decoded);
	if (!probe.n_packets)
		complain(&probe, "no frames");
	print_summary(&probe);
	avformat_close_input(&probe.format);
	avcodec_free_context(&probe.decoder);
	free(probe.rows);
	free(probe.times);
	return probe.n_wrong ? 1 : 0;
}
