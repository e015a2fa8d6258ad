/* What camctl doctor reads out of timing tables, held against tables whose figures are known. */
#include "camctl/doctor_csv.h"

#include "common/util.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HEAD "frame_number,write_time_unix,sensor_timestamp_ns,dropped_since_last,total_hardware_drops,camera_frame,exposure_us\n"
#define BASE_NS INT64_C(14123805803724)
#define PERIOD_NS INT64_C(40000000)

static char path[] = "/tmp/doctor-csv-XXXXXX";

static void write_table(const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static struct doctor_csv read_table(void)
{
	struct doctor_csv csv;
	struct error err;

	assert_true(doctor_csv_read(path, &csv, &err));
	return csv;
}

/* n frames at 25/s of a sensor whose clock runs ppm fast; each lose-th is lost; late-th is 30 ms late. */
static void make_table(int n, double ppm, int lose, int late)
{
	FILE *file = fopen(path, "we");
	int lost = 0, before = 0;

	assert_non_null(file);
	fputs(HEAD, file);
	for (int i = 1; i <= n; i++) {
		int64_t ns = BASE_NS + (int64_t)((i - 1) * (double)PERIOD_NS / (1 + ppm / 1e6)) + (i == late ? 30000000 : 0);

		if (lose && i % lose == 0) {
			lost++;
			continue;
		}
		fprintf(file, "%d,1795200111.870792,%lld,%d,%d,%d,%d\n", i, (long long)ns, i - before - 1, lost, i, i * 10);
		before = i;
	}
	assert_int_equal(fclose(file), 0);
}

static void test_exact(void **state)
{
	struct doctor_csv csv;

	(void)state;
	make_table(1000, 0, 0, 0);
	csv = read_table();
	assert_int_equal(csv.rows, 1000);
	assert_int_equal(csv.last_number, 1000);
	assert_int_equal(csv.intervals, 999);
	assert_int_equal(csv.first_ns, BASE_NS);
	assert_int_equal(csv.gaps + csv.disordered + csv.late, 0);
	assert_float_equal(csv.mean_ms, 40, 1e-9);
	assert_float_equal(csv.spread_ms, 0, 1e-9);
	assert_float_equal(csv.fps, 25, 1e-9);
	assert_float_equal(csv.worst_ms, 0, 1e-5);
}

/* Lost frames bend neither the intervals nor the slope. */
static void test_lost(void **state)
{
	struct doctor_csv csv;

	(void)state;
	make_table(1000, 0, 10, 0);
	csv = read_table();
	assert_int_equal(csv.rows, 900);
	assert_int_equal(csv.last_number, 999);
	assert_int_equal(csv.gaps, 99);
	assert_int_equal(csv.intervals, 900 - 1 - 99);
	assert_int_equal(csv.late, 0);
	assert_float_equal(csv.longest_ms, 40, 1e-9);
	assert_float_equal(csv.fps, 25, 1e-9);
}

static void test_slope(void **state)
{
	struct doctor_csv csv;

	(void)state;
	make_table(5000, 300, 0, 0);
	csv = read_table();
	assert_float_equal((csv.fps / 25 - 1) * 1e6, 300, 0.01);
}

/* One late frame: two intervals are off, one of them is late; the farthest from the line is that frame. */
static void test_late(void **state)
{
	struct doctor_csv csv;

	(void)state;
	make_table(1001, 0, 0, 501);
	csv = read_table();
	assert_int_equal(csv.late, 1);
	assert_float_equal(csv.longest_ms, 70, 1e-9);
	assert_float_equal(csv.shortest_ms, 10, 1e-9);
	assert_float_equal(csv.spread_ms, sqrt(2 * 30.0 * 30.0 / 1000), 1e-6);
	assert_float_equal(csv.worst_ms, 30 - 30.0 / 1001, 1e-6);
	assert_float_equal(csv.fps, 25, 1e-6);
}

static void test_hostile(void **state)
{
	struct doctor_csv csv;
	struct error err;

	(void)state;
	write_table(HEAD "1,,100,0,0,1,\n2,,200,0,0,2,\n3,,300,0,0,3,\n4,,400,0");	/* a last line without its end does not count */
	csv = read_table();
	assert_int_equal(csv.rows, 3);
	assert_int_equal(csv.intervals, 2);
	write_table(HEAD "1,1.5,300,0,0,1,\n2,1.5,200,0,0,2,\n2,1.5,400,0,0,2,\n");
	assert_int_equal(read_table().disordered, 2);
	write_table(HEAD "1,1.5,100,0,0,1,\nnonsense\n3,1.5,300,0,0,3,\n");
	assert_int_equal(read_table().rows, 2);	/* what is no row is left out */
	write_table(HEAD);
	csv = read_table();
	assert_int_equal(csv.rows, 0);
	assert_true(csv.fps == 0 && csv.mean_ms == 0);
	write_table("number,time\n1,2\n");
	assert_false(doctor_csv_read(path, &csv, &err));
	assert_non_null(strstr(err.text, "no timing table"));
	assert_false(doctor_csv_read("/nowhere/x.csv", &csv, &err));
}

static void test_columns(void **state)
{
	char name[64];
	double *values;
	size_t n;

	(void)state;
	make_table(3, 0, 0, 0);
	values = doctor_csv_column(path, "exposure", name, &n);
	assert_non_null(values);
	assert_int_equal(n, 3);
	assert_string_equal(name, "exposure_us");
	assert_true(values[0] == 10 && values[2] == 30);
	free(values);
	assert_null(doctor_csv_column(path, "gain", name, &n));
	write_table(HEAD "1,1.5,100,0,0,1,\n2,1.5,200,0,0,2\n3,1.5,300,0,0,3,7.5\n");
	values = doctor_csv_column(path, "exposure", name, &n);
	assert_int_equal(n, 3);
	assert_true(isnan(values[0]) && isnan(values[1]) && values[2] == 7.5);
	free(values);
}

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact), cmocka_unit_test(test_lost), cmocka_unit_test(test_slope), cmocka_unit_test(test_late),
		cmocka_unit_test(test_hostile), cmocka_unit_test(test_columns),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
