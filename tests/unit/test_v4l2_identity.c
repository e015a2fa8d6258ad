/* Names of V4L2 cameras: the same for the same camera, different for different ones, whatever their descriptors say. */
#include "camd/v4l2_identity.h"
#include "common/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PORT_1 "usb-0000:01:00.0-1.1"
#define PORT_2 "usb-0000:01:00.0-1.2"
#define PORT_3 "usb-0000:01:00.0-1.3"

static void assert_name(const struct v4l2_identity *all, size_t n, size_t i, const char *expected)
{
	char name[V4L2_IDENTITY_MAX];
	bool ambiguous;

	v4l2_identity_name(all, n, i, name);
	assert_string_equal(name, expected);
	assert_int_equal(v4l2_identity_find(all, n, name, &ambiguous), i);
	assert_false(ambiguous);
}

static void test_by_place(void **state)
{
	const struct v4l2_identity all[] = { { PORT_1, "Webcam", "", 0 }, { PORT_2, "Webcam", "", 2 } };
	/* the same two after both were unplugged, the second came back first, and the first on another port */
	const struct v4l2_identity later[] = { { PORT_2, "Webcam", "", 0 }, { PORT_3, "Webcam", "", 2 } };

	(void)state;
	assert_name(all, 2, 0, PORT_1 "/Webcam");
	assert_name(all, 2, 1, PORT_2 "/Webcam");
	assert_name(later, 2, 0, PORT_2 "/Webcam");
	assert_name(later, 2, 1, PORT_3 "/Webcam");
	assert_name(all + 1, 1, 0, PORT_2 "/Webcam");
}

static void test_by_serial(void **state)
{
	const struct v4l2_identity all[] = { { PORT_1, "C920", "AAAA", 0 }, { PORT_2, "C920", "BBBB", 2 } };
	const struct v4l2_identity swapped[] = { { PORT_1, "C920", "BBBB", 2 }, { PORT_2, "C920", "AAAA", 0 } };
	bool ambiguous;

	(void)state;
	assert_name(all, 2, 0, "C920/AAAA");
	assert_name(all, 2, 1, "C920/BBBB");
	assert_name(swapped, 2, 0, "C920/BBBB");
	assert_name(swapped, 2, 1, "C920/AAAA");
	/* by its place, too, and with the kind in front */
	assert_int_equal(v4l2_identity_find(all, 2, PORT_2 "/C920", &ambiguous), 1);
	assert_int_equal(v4l2_identity_find(all, 2, "v4l2:C920/BBBB", &ambiguous), 1);
	assert_int_equal(v4l2_identity_find(all, 2, "C920/CCCC", &ambiguous), -1);
	assert_int_equal(v4l2_identity_find(all, 2, "C920/", &ambiguous), -1);
	assert_int_equal(v4l2_identity_find(all, 2, "", &ambiguous), -1);
	assert_false(ambiguous);
}

/* Cheap cameras have one serial number for all of a kind. */
static void test_same_serial(void **state)
{
	const struct v4l2_identity all[] = {
		{ PORT_1, "Cam", "200901010001", 0 }, { PORT_2, "Cam", "200901010001", 2 }, { PORT_3, "Other", "200901010001", 4 },
	};
	bool ambiguous;

	(void)state;
	assert_name(all, 3, 0, PORT_1 "/Cam");
	assert_name(all, 3, 1, PORT_2 "/Cam");
	assert_name(all, 3, 2, "Other/200901010001");
	assert_int_equal(v4l2_identity_find(all, 3, "Cam/200901010001", &ambiguous), -1);
	assert_true(ambiguous);
	assert_int_equal(v4l2_identity_find(all, 1, "Cam/200901010001", &ambiguous), 0);
	assert_false(ambiguous);
}

/* A camera with two pictures, of colour and of heat, say. */
static void test_two_nodes(void **state)
{
	const struct v4l2_identity all[] = {
		{ PORT_1, "Duo", "A1", 4 }, { PORT_1, "Duo", "A1", 2 }, { PORT_2, "Duo", "", 0 }, { PORT_2, "Duo", "", 7 },
	};

	(void)state;
	assert_name(all, 4, 0, "Duo/A1#2");
	assert_name(all, 4, 1, "Duo/A1");
	assert_name(all, 4, 2, PORT_2 "/Duo");
	assert_name(all, 4, 3, PORT_2 "/Duo#2");
}

static void test_hostile_words(void **state)
{
	struct v4l2_identity all[2] = { { .number = 0 }, { .number = 1 } };
	char copy[8], name[V4L2_IDENTITY_MAX];
	bool ambiguous;

	(void)state;
	v4l2_identity_copy(copy, sizeof(copy), "a?b\n\x80\x01#");
	assert_string_equal(copy, "a_b___#");
	v4l2_identity_copy(copy, sizeof(copy), "longer than that");
	assert_string_equal(copy, "longer ");
	for (int i = 0; i < 2; i++) {
		memset(all[i].bus, 'b' + i, sizeof(all[i].bus) - 1);
		memset(all[i].card, 'c', sizeof(all[i].card) - 1);
		memset(all[i].serial, 's', sizeof(all[i].serial) - 1);
		v4l2_identity_name(all, 2, (size_t)i, name);
		assert_int_equal(v4l2_identity_find(all, 2, name, &ambiguous), i);
	}
	memset(all[1].bus, 'b', sizeof(all[1].bus) - 1);
	all[1].number = 2147483647;
	v4l2_identity_name(all, 2, 1, name);
	assert_string_equal(name + strlen(name) - 2, "#2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_place),
		cmocka_unit_test(test_by_serial),
		cmocka_unit_test(test_same_serial),
		cmocka_unit_test(test_two_nodes),
		cmocka_unit_test(test_hostile_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
