/*
 * The hardware encoder on vicodec, a driver that nobody here wrote: its codec is FWHT, the rest is V4L2's stateful encoder.
 * What comes out must be what v4l2-ctl gets from the same driver of the same pictures, as vicodec's own decoder shows. Run it
 * in the test kernel, with vicodec.multiplanar=0 and =1.
 */
#include "camd/m2m_device.h"
#include "common/util.h"
#include "tests/kernel/m2m_rig.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define WIDTH 640
#define HEIGHT 368		/* a multiple of 16: vicodec pads others */
#define PICTURE_BYTES (WIDTH * HEIGHT * 3 / 2)
#define N_FRAMES 25
#define GOP 10

static struct rig rig;

/* The node whose name in sysfs holds this; allocated. */
static char *find_node(const char *what)
{
	DIR *nodes = opendir("/sys/class/video4linux");
	struct dirent *entry;
	char *found = NULL;

	assert_non_null(nodes);
	while (!found && (entry = readdir(nodes))) {
		char *path = xasprintf("/sys/class/video4linux/%s/name", entry->d_name), name[64] = "";
		FILE *file = fopen(path, "re");

		if (file && fgets(name, sizeof(name), file) && strstr(name, what))
			found = xasprintf("/dev/%s", entry->d_name);
		if (file)
			fclose(file);
		free(path);
	}
	closedir(nodes);
	if (!found)
		fail_msg("no %s", what);
	return found;
}

static char *path_of(const char *name)
{
	return xasprintf("%s/%s", getenv("CAMD_SCRATCH"), name);
}

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void run(const char *format, ...)
{
	char command[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (system(command))
		fail_msg("%s", command);
}

static uint8_t *read_all(const char *name, size_t *bytes)
{
	char *path = path_of(name);
	FILE *file = fopen(path, "re");
	struct stat status;
	uint8_t *data;

	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &status), 0);
	data = xcalloc((size_t)status.st_size + 1, 1);
	*bytes = fread(data, 1, (size_t)status.st_size, file);
	assert_int_equal(*bytes, status.st_size);
	fclose(file);
	free(path);
	return data;
}

/* As v4l2-ctl --stream-from-hdr reads it. */
static void write_packets(const char *name)
{
	char *path = path_of(name);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	for (int i = 0; i < rig.n_packets; i++) {
		uint32_t header[2] = { htonl(v4l2_fourcc('V', 'h', 'd', 'r')), htonl((uint32_t)rig.packets[i]->bytes) };

		assert_int_equal(fwrite(header, sizeof(header), 1, file), 1);
		assert_int_equal(fwrite(rig.packets[i]->data, rig.packets[i]->bytes, 1, file), 1);
	}
	assert_int_equal(fclose(file), 0);
	free(path);
}

static void write_pictures(const char *name)
{
	char *path = path_of(name);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	for (uint64_t n = 1; n <= rig.n_frames; n++)
		for (int plane = 0; plane < 3; plane++)
			for (int y = 0; y < (plane ? HEIGHT / 2 : HEIGHT); y++)
				for (int x = 0; x < (plane ? WIDTH / 2 : WIDTH); x++)
					fputc(rig_sample(plane, x, y, n), file);
	assert_int_equal(fclose(file), 0);
	free(path);
}

static void encode_with_v4l2_ctl(void)
{
	char *encoder = find_node("stateful-encoder");
	const char *scratch = getenv("CAMD_SCRATCH");

	write_pictures("in.yuv");
	run("v4l2-ctl -d %s -c video_gop_size=%d -x width=%d,height=%d,pixelformat=YU12 -v pixelformat=FWHT "
	    "--stream-mmap --stream-out-mmap --stream-from=%s/in.yuv --stream-to-hdr=%s/theirs.fwht >/dev/null",
	    encoder, GOP, WIDTH, HEIGHT, scratch, scratch);
	free(encoder);
}

static uint8_t *decode(const char *name, size_t *bytes)
{
	char *decoder = find_node("stateful-decoder");
	const char *scratch = getenv("CAMD_SCRATCH");

	run("v4l2-ctl -d %s -x width=%d,height=%d,pixelformat=FWHT -v pixelformat=YU12 --stream-mmap --stream-out-mmap "
	    "--stream-from-hdr=%s/%s --stream-to=%s/out.yuv >/dev/null", decoder, WIDTH, HEIGHT, scratch, name, scratch);
	free(decoder);
	return read_all("out.yuv", bytes);
}

static void open_encoder(void)
{
	rig.request.intra = GOP;
	rig_open(&rig, V4L2_PIX_FMT_FWHT);
}

static double difference(const uint8_t *picture, int rows, uint64_t n)
{
	int64_t sum = 0;

	for (int y = 0; y < rows; y++)
		for (int x = 0; x < WIDTH; x++)
			sum += abs(picture[y * WIDTH + x] - rig_sample(0, x, y, n));
	return (double)sum / (WIDTH * rows);
}

/* Lossy as they are, each is nearer to its own original than to the next. */
static void check_order(const uint8_t *pictures, int rows)
{
	for (int i = 0; i < N_FRAMES; i++) {
		const uint8_t *picture = pictures + (size_t)i * WIDTH * (size_t)rows * 3 / 2;

		assert_true(difference(picture, rows, (uint64_t)i + 1) < difference(picture, rows, (uint64_t)i + 2));
	}
}

static void check_against_v4l2_ctl(void)
{
	size_t ours_bytes, theirs_bytes;
	uint8_t *ours, *theirs;

	assert_int_equal(rig.n_packets, N_FRAMES);
	for (int i = 0; i < N_FRAMES; i++)
		assert_int_equal(rig.packets[i]->camera_frame, i + 1);
	write_packets("ours.fwht");
	encode_with_v4l2_ctl();
	ours = decode("ours.fwht", &ours_bytes);
	theirs = decode("theirs.fwht", &theirs_bytes);
	assert_int_equal(ours_bytes, (size_t)N_FRAMES * PICTURE_BYTES);
	assert_int_equal(theirs_bytes, ours_bytes);
	for (int i = 0; i < N_FRAMES; i++)
		assert_memory_equal(ours + (size_t)i * PICTURE_BYTES, theirs + (size_t)i * PICTURE_BYTES, PICTURE_BYTES);
	check_order(ours, HEIGHT);
	free(ours);
	free(theirs);
}

static int finish(void **state)
{
	(void)state;
	rig_finish(&rig);
	return 0;
}

static void test_copied(void **state)
{
	(void)state;
	rig_init(&rig, PIXEL_I420, WIDTH, HEIGHT, 0);
	open_encoder();
	assert_true(rig.encoder->copies);
	rig_run(&rig, N_FRAMES);
	rig_drain(&rig);
	assert_int_equal(rig.encoder->copied_bytes, N_FRAMES * PICTURE_BYTES);
	check_against_v4l2_ctl();
}

static void test_imported(void **state)
{
	(void)state;
	rig_init(&rig, PIXEL_I420, WIDTH, HEIGHT, 0);
	rig_share(&rig);
	open_encoder();
	assert_false(rig.encoder->copies);
	rig_run(&rig, N_FRAMES);
	rig_drain(&rig);
	assert_int_equal(rig.encoder->copied_bytes, 0);
	assert_int_equal(rig_held(&rig), 0);
	check_against_v4l2_ctl();
}

/* vicodec finds out with the first picture that it can't map it. */
static void test_import_refused(void **state)
{
	(void)state;
	rig_init(&rig, PIXEL_I420, WIDTH, HEIGHT, 0);
	rig_share_unmappable(&rig);
	open_encoder();
	assert_false(rig.encoder->copies);
	rig_run(&rig, N_FRAMES);
	rig_drain(&rig);
	assert_true(rig.encoder->copies);
	assert_int_equal(rig.encoder->copied_bytes, N_FRAMES * PICTURE_BYTES);
	check_against_v4l2_ctl();
}

/* vicodec flags nothing, but FWHT's header tells: its sixth word. */
static bool is_intra(const struct packet *packet)
{
	uint32_t flags;

	assert_true(packet->bytes > 24);
	memcpy(&flags, packet->data + 20, sizeof(flags));
	return ntohl(flags) & V4L2_FWHT_FL_I_FRAME;
}

/* Rows are added, which the encoder is told to leave out: import is impossible, for they are not in the camera's buffers. */
static void test_padded(void **state)
{
	uint8_t *pictures;
	size_t bytes;

	(void)state;
	rig_init(&rig, PIXEL_I420, WIDTH, HEIGHT - 8, 0);
	rig_share(&rig);
	open_encoder();
	assert_true(rig.encoder->copies);
	rig_run(&rig, N_FRAMES);
	rig_drain(&rig);
	assert_int_equal(rig.encoder->copied_bytes, N_FRAMES * WIDTH * (HEIGHT - 8) * 3 / 2);
	assert_int_equal(rig.n_packets, N_FRAMES);
	write_packets("ours.fwht");
	pictures = decode("ours.fwht", &bytes);
	assert_int_equal(bytes, N_FRAMES * WIDTH * (HEIGHT - 8) * 3 / 2);
	check_order(pictures, HEIGHT - 8);
	free(pictures);
}

/* It has no control for that, so that it begins anew. */
static void test_key_on_demand(void **state)
{
	struct error err = { 0 };

	(void)state;
	rig_init(&rig, PIXEL_I420, WIDTH, HEIGHT, 0);
	open_encoder();
	rig_run(&rig, 5);
	assert_true(rig_push(&rig, true, &err));
	rig_run(&rig, 6);
	rig_drain(&rig);
	assert_int_equal(rig.n_packets, 12);
	for (int i = 0; i < 12; i++)
		assert_int_equal(is_intra(rig.packets[i]), i == 0 || i == 5);
}

static void test_is_no_h264_encoder(void **state)
{
	struct list names = { 0 };
	struct error err = { 0 };

	(void)state;
	encoder_list(&names);
	assert_int_equal(names.n, 1);
	assert_string_equal(((char **)names.items)[0], "software");
	fields_free_texts(&names);
	rig_init(&rig, PIXEL_I420, WIDTH, HEIGHT, 0);
	rig.request.format = rig.format;
	assert_null(encoder_m2m.create(&rig.request, NULL, NULL, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

#define CASE(name) cmocka_unit_test_teardown(test_##name, finish)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(copied), CASE(imported), CASE(import_refused), CASE(padded), CASE(key_on_demand), CASE(is_no_h264_encoder),
	};

	return cmocka_run_group_tests_name("vicodec", tests, NULL, NULL);
}
