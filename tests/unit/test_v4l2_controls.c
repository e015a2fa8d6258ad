/*
 * Controls of a webcam, whose driver is played by this test: names, types, automatics, refusals, what is set at the opening.
 * The real vivid's are set by test_v4l2.
 */
#include "camd/v4l2_controls.h"
#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_ITEMS 32

struct item {
	uint32_t id, type, flags;
	const char *name;
	int64_t min, max, step, fallback, value;
	const char *choices[5];
	uint32_t master;		/* it is inactive unless that is .free */
	int64_t free;
};

/* The driver. */
static struct {
	struct item items[MAX_ITEMS];
	int n;
	bool one_at_a_time;		/* refuses several at once */
	bool forgets;			/* takes what is inactive, and forgets it */
	uint32_t broken_id;		/* setting that one fails with broken_errno */
	int broken_errno;
	int n_writes;
	uint32_t written[64];
} driver;

static const struct item webcam[] = {
	{ V4L2_CID_USER_CLASS, V4L2_CTRL_TYPE_CTRL_CLASS, V4L2_CTRL_FLAG_READ_ONLY, "User Controls" },
	{ V4L2_CID_BRIGHTNESS, V4L2_CTRL_TYPE_INTEGER, 0, "Brightness", -64, 64, 2, 0, 0 },
	{ V4L2_CID_AUTO_WHITE_BALANCE, V4L2_CTRL_TYPE_BOOLEAN, 0, "White Balance, Automatic", 0, 1, 1, 1, 1 },
	{ V4L2_CID_POWER_LINE_FREQUENCY, V4L2_CTRL_TYPE_MENU, 0, "Power Line Frequency", 0, 2, 1, 1, 1,
	  { "Disabled", "50 Hz", "60 Hz" } },
	{ V4L2_CID_WHITE_BALANCE_TEMPERATURE, V4L2_CTRL_TYPE_INTEGER, 0, "White Balance Temperature", 2800, 6500, 1, 4600, 4600,
	  .master = V4L2_CID_AUTO_WHITE_BALANCE, .free = 0 },
	{ V4L2_CID_MIN_BUFFERS_FOR_CAPTURE, V4L2_CTRL_TYPE_INTEGER, V4L2_CTRL_FLAG_READ_ONLY, "Min Buffers", 1, 8, 1, 1, 1 },
	{ V4L2_CID_EXPOSURE_AUTO, V4L2_CTRL_TYPE_MENU, 0, "Auto Exposure", 1, 3, 1, 3, 3,
	  { NULL, "Manual Mode", NULL, "Aperture Priority Mode" } },
	{ V4L2_CID_EXPOSURE_ABSOLUTE, V4L2_CTRL_TYPE_INTEGER, 0, "Exposure Time, Absolute", 3, 2047, 1, 250, 250,
	  .master = V4L2_CID_EXPOSURE_AUTO, .free = 1 },
	{ V4L2_CID_EXPOSURE_AUTO_PRIORITY, V4L2_CTRL_TYPE_BOOLEAN, 0, "Exposure, Dynamic Framerate", 0, 1, 1, 0, 1 },
	{ V4L2_CID_PRIVACY, V4L2_CTRL_TYPE_BOOLEAN, V4L2_CTRL_FLAG_DISABLED, "Privacy", 0, 1, 1, 0, 0 },
	{ 0x00f00001, V4L2_CTRL_TYPE_BUTTON, V4L2_CTRL_FLAG_WRITE_ONLY, "Calibrate!", 0, 0, 0, 0, 0 },
	{ 0x00f00002, V4L2_CTRL_TYPE_STRING, V4L2_CTRL_FLAG_HAS_PAYLOAD, "Label", 0, 16, 1, 0, 0 },
	{ 0x00f00003, V4L2_CTRL_TYPE_INTEGER64, 0, "Pixel  Rate", 0, INT64_MAX, 1, 5, 5 },
	{ 0x00f00004, V4L2_CTRL_TYPE_BITMASK, 0, "LEDs", 0, 0xf0000001, 0, 1, 1 },
	{ 0x00f00005, V4L2_CTRL_TYPE_U8, V4L2_CTRL_FLAG_HAS_PAYLOAD, "Matrix", 0, 255, 1, 0, 0 },
	{ 0x00f00006, V4L2_CTRL_TYPE_INTEGER_MENU, 0, "Link", 1, 2, 1, 1, 1, { NULL, "100", "200" } },
	{ 0x00f00007, V4L2_CTRL_TYPE_INTEGER, 0, "(brightness)", 0, 9, 1, 0, 0 },
	{ 0x00f00008, V4L2_CTRL_TYPE_INTEGER, 0, "\xc3\x9f", 0, 9, 1, 0, 0 },
};

static struct item *find_item(uint32_t id)
{
	for (int i = 0; i < driver.n; i++)
		if (driver.items[i].id == id)
			return &driver.items[i];
	return NULL;
}

static bool is_inactive(const struct item *item)
{
	return item->master && find_item(item->master)->value != item->free;
}

static int answer_query(struct v4l2_query_ext_ctrl *about)
{
	const struct item *item = NULL;
	uint32_t id = about->id & ~V4L2_CTRL_FLAG_NEXT_CTRL;

	for (int i = 0; i < driver.n && !item; i++)
		if (about->id & V4L2_CTRL_FLAG_NEXT_CTRL ? driver.items[i].id > id : driver.items[i].id == id)
			item = &driver.items[i];
	if (!item)
		return EINVAL;
	*about = (struct v4l2_query_ext_ctrl){
		.id = item->id, .type = item->type, .flags = item->flags | (is_inactive(item) ? V4L2_CTRL_FLAG_INACTIVE : 0),
		.minimum = item->min, .maximum = item->max, .step = (uint64_t)item->step, .default_value = item->fallback,
	};
	memcpy(about->name, item->name, strlen(item->name));
	return 0;
}

static int answer_menu(struct v4l2_querymenu *entry)
{
	const struct item *item = find_item(entry->id);

	if (!item || entry->index > 4 || !item->choices[entry->index])
		return EINVAL;
	if (item->type == V4L2_CTRL_TYPE_INTEGER_MENU)
		entry->value = atoi(item->choices[entry->index]);
	else
		memcpy(entry->name, item->choices[entry->index], strlen(item->choices[entry->index]) + 1);
	return 0;
}

static int write_one(const struct v4l2_ext_control *control)
{
	struct item *item = find_item(control->id);
	int64_t value;

	if (!item)
		return EINVAL;
	if (item->id == driver.broken_id)
		return driver.broken_errno;
	if (is_inactive(item))
		return driver.forgets ? 0 : EACCES;
	value = item->type == V4L2_CTRL_TYPE_INTEGER64 ? control->value64 : control->value;
	if (item->type == V4L2_CTRL_TYPE_BITMASK)
		value = (uint32_t)value;
	if (item->type != V4L2_CTRL_TYPE_BUTTON && (value < item->min || value > item->max))
		return ERANGE;
	item->value = value;
	driver.written[driver.n_writes++ % 64] = item->id;
	return 0;
}

static int answer_controls(struct v4l2_ext_controls *request, bool set)
{
	if (set && driver.one_at_a_time && request->count > 1)
		return EINVAL;
	for (uint32_t i = 0; i < request->count; i++) {
		struct v4l2_ext_control *control = &request->controls[i];
		struct item *item = find_item(control->id);
		int number = !item ? EINVAL : set ? write_one(control) : 0;

		if (number)
			return number;
		if (!set && item->type == V4L2_CTRL_TYPE_INTEGER64)
			control->value64 = item->value;
		else if (!set)
			control->value = (int32_t)item->value;
	}
	return 0;
}

int __wrap_v4l2_node_ioctl(int fd, unsigned long request, void *argument);

int __wrap_v4l2_node_ioctl(int fd, unsigned long request, void *argument)
{
	int number = ENOTTY;

	(void)fd;
	if (request == VIDIOC_QUERY_EXT_CTRL)
		number = answer_query(argument);
	else if (request == VIDIOC_QUERYMENU)
		number = answer_menu(argument);
	else if (request == VIDIOC_S_EXT_CTRLS || request == VIDIOC_G_EXT_CTRLS)
		number = answer_controls(argument, request == VIDIOC_S_EXT_CTRLS);
	errno = number;
	return number ? -1 : 0;
}

static const struct v4l2_node node = { .fd = -1, .path = "/dev/video9" };
static struct v4l2_controls *controls;

static int plug_in(void **state)
{
	(void)state;
	memset(&driver, 0, sizeof(driver));
	driver.n = ARRAY_LEN(webcam);
	memcpy(driver.items, webcam, sizeof(webcam));
	/* a driver's list is in the order of its ids */
	for (int i = 0; i < driver.n; i++)
		for (int k = i; k && driver.items[k - 1].id > driver.items[k].id; k--) {
			struct item item = driver.items[k];

			driver.items[k] = driver.items[k - 1];
			driver.items[k - 1] = item;
		}
	controls = v4l2_controls_create(&node);
	return 0;
}

static int unplug(void **state)
{
	(void)state;
	v4l2_controls_destroy(controls);
	controls = NULL;
	return 0;
}

static struct control_setting setting(const char *name, double value)
{
	struct control_setting result = { .n = 1, .numbers = { value } };

	strncpy(result.name, name, sizeof(result.name) - 1);
	return result;
}

static int64_t value_of(uint32_t id)
{
	return find_item(id)->value;
}

static void set(const struct control_setting *settings, size_t n)
{
	struct error err = { 0 };

	if (!v4l2_controls_set(controls, settings, n, &err))
		fail_msg("%s", err.text);
}

/* Refused, with these words in the message, and nothing has changed. */
static void refuse(const struct control_setting *settings, size_t n, enum error_code code, const char *word, const char *word2)
{
	struct error err = { 0 };
	struct item before[MAX_ITEMS];

	memcpy(before, driver.items, sizeof(before));
	assert_false(v4l2_controls_set(controls, settings, n, &err));
	print_message("%s\n", err.text);
	assert_int_equal(err.code, code);
	assert_non_null(strstr(err.text, word));
	assert_non_null(strstr(err.text, word2));
	assert_memory_equal(before, driver.items, sizeof(before));
}

static const struct source_control *find(const struct source *source, const char *name)
{
	for (size_t i = 0; i < source->n_controls; i++)
		if (!strcmp(source->controls[i].name, name))
			return &source->controls[i];
	return NULL;
}

static const char *choice(const struct source_control *control, size_t i)
{
	return i < control->choices.n ? ((char **)control->choices.items)[i] : NULL;
}

static void test_list(void **state)
{
	static const char *const names[] = {
		"brightness", "white_balance_automatic", "power_line_frequency", "white_balance_temperature", "auto_exposure",
		"exposure_time_absolute", "exposure_dynamic_framerate", "calibrate", "pixel_rate", "leds", "link", "brightness_2",
		"control_00f00008",
	};
	struct source source = { 0 };

	(void)state;
	v4l2_controls_describe(controls, &source);
	for (size_t i = 0; i < source.n_controls; i++)
		print_message("%s\n", source.controls[i].name);
	assert_int_equal(source.n_controls, ARRAY_LEN(names));
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_non_null(find(&source, names[i]));
	source_free_controls(&source);
	assert_null(source.controls);
}

static void test_ranges(void **state)
{
	struct source source = { 0 };
	const struct source_control *is;

	(void)state;
	v4l2_controls_describe(controls, &source);
	is = find(&source, "brightness");
	assert_true(is->type == CONTROL_INT && is->n == 1 && is->min == -64 && is->max == 64 && is->step == 2 && is->fallback == 0);
	is = find(&source, "auto_exposure");
	assert_true(is->type == CONTROL_CHOICE && is->min == 1 && is->max == 3 && is->fallback == 3 && is->choices.n == 4);
	assert_string_equal(choice(is, 0), "");
	assert_string_equal(choice(is, 1), "Manual Mode");
	assert_string_equal(choice(is, 2), "");
	assert_string_equal(choice(is, 3), "Aperture Priority Mode");
	is = find(&source, "link");
	assert_true(is->type == CONTROL_CHOICE);
	assert_string_equal(choice(is, 2), "200");
	is = find(&source, "white_balance_automatic");
	assert_true(is->type == CONTROL_BOOL && is->min == 0 && is->max == 1 && is->fallback == 1);
	is = find(&source, "calibrate");
	assert_true(is->type == CONTROL_BOOL && is->max == 1 && isnan(is->fallback));
	is = find(&source, "pixel_rate");
	assert_true(is->type == CONTROL_INT && is->max == 9007199254740992.0);
	is = find(&source, "leds");
	assert_true(is->type == CONTROL_INT && is->max == 4026531841.0);
	source_free_controls(&source);
}

static void test_set(void **state)
{
	const struct control_setting several[] = {
		setting("brightness", -10), setting("leds", 0x80000001), setting("pixel_rate", 9007199254740991.0),
		setting("power_line_frequency", 2), setting("link", 2),
	};
	const struct control_setting others[] = { setting("Exposure, Dynamic Framerate", 0), setting("CALIBRATE", 1) };
	const struct control_setting unpushed = setting("calibrate", 0);

	(void)state;
	set(several, ARRAY_LEN(several));
	assert_int_equal(value_of(V4L2_CID_BRIGHTNESS), -10);
	assert_int_equal(value_of(0x00f00004), 0x80000001);
	assert_int_equal(value_of(0x00f00003), 9007199254740991);
	assert_int_equal(value_of(V4L2_CID_POWER_LINE_FREQUENCY), 2);
	assert_int_equal(value_of(0x00f00006), 2);
	set(others, ARRAY_LEN(others));
	assert_int_equal(value_of(V4L2_CID_EXPOSURE_AUTO_PRIORITY), 0);
	assert_int_equal(driver.written[driver.n_writes - 1], 0x00f00001);
	driver.n_writes = 0;
	set(&unpushed, 1);
	set(NULL, 0);
	assert_int_equal(driver.n_writes, 0);
}

static void test_automatic(void **state)
{
	const struct control_setting alone = setting("exposure_time_absolute", 100);
	const struct control_setting together[] = { setting("exposure_time_absolute", 100), setting("auto_exposure", 1) };
	const struct control_setting against[] = { setting("exposure_time_absolute", 200), setting("auto_exposure", 3) };
	const struct control_setting temperature[] = { setting("brightness", 6), setting("white_balance_temperature", 3000) };

	(void)state;
	for (int forgets = 0; forgets < 2; forgets++) {
		unplug(state);
		plug_in(state);
		driver.forgets = forgets;
		refuse(&alone, 1, ERR_BAD_ARGUMENT, "exposure_time_absolute is in the hands of auto_exposure", "'Manual Mode'");
		refuse(temperature, 2, ERR_BAD_ARGUMENT, "white_balance_temperature", "white_balance_automatic: set that to 'false'");
		refuse(against, 2, ERR_BAD_ARGUMENT, "exposure_time_absolute", "auto_exposure");
		set(together, 2);
		assert_int_equal(value_of(V4L2_CID_EXPOSURE_AUTO), 1);
		assert_int_equal(value_of(V4L2_CID_EXPOSURE_ABSOLUTE), 100);
		/* switched on again by a request that sets the value, too: as it was, then */
		refuse(against, 2, ERR_BAD_ARGUMENT, "exposure_time_absolute", "auto_exposure");
	}
}

static void test_one_at_a_time(void **state)
{
	const struct control_setting several[] = {
		setting("exposure_time_absolute", 77), setting("brightness", 4), setting("auto_exposure", 1),
	};

	(void)state;
	driver.one_at_a_time = true;
	set(several, ARRAY_LEN(several));
	assert_int_equal(value_of(V4L2_CID_EXPOSURE_ABSOLUTE), 77);
	assert_int_equal(value_of(V4L2_CID_BRIGHTNESS), 4);
	assert_int_equal(driver.written[0], V4L2_CID_EXPOSURE_AUTO);
}

/* All or none, and the one that is at fault is named. */
static void test_refused_by_the_driver(void **state)
{
	static const struct {
		int number;
		enum error_code code;
		const char *word;
	} cases[] = {
		{ ERANGE, ERR_BAD_ARGUMENT, "doesn't take 2" }, { EBUSY, ERR_BUSY, "while the camera streams" },
		{ EIO, ERR_IO, "Input/output error" }, { ENODEV, ERR_CAMERA_LOST, "unplugged" },
		{ EACCES, ERR_PERMISSION_DENIED, "can't be set to 2" },
	};
	const struct control_setting several[] = { setting("brightness", 10), setting("auto_exposure", 1), setting("link", 2) };

	(void)state;
	driver.broken_id = 0x00f00006;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		driver.broken_errno = cases[i].number;
		refuse(several, ARRAY_LEN(several), cases[i].code, cases[i].number == ENODEV ? "/dev/video9" : "link",
		       cases[i].word);
	}
}

static void test_unknown(void **state)
{
	const struct control_setting unknown[] = { setting("brightness", 10), setting("exposure_time", 1) };
	struct control_setting rectangle = setting("brightness", 1);

	(void)state;
	refuse(unknown, 2, ERR_BAD_ARGUMENT, "'exposure_time'", "/dev/video9");
	rectangle.n = 4;
	refuse(&rectangle, 1, ERR_BAD_ARGUMENT, "brightness", "not 4");
}

static void test_opening(void **state)
{
	const struct control_setting before[] = { setting("exposure_time_absolute", 9), setting("brightness", 8) };
	const struct control_setting given[] = { setting("exposure_dynamic_framerate", 1), setting("power_line_frequency", 0) };

	(void)state;
	v4l2_controls_prepare(controls, NULL, 0);
	assert_int_equal(value_of(V4L2_CID_EXPOSURE_AUTO_PRIORITY), 0);
	assert_int_equal(value_of(V4L2_CID_POWER_LINE_FREQUENCY), 1);

	/* what is refused doesn't keep the rest from being set */
	v4l2_controls_prepare(controls, before, 2);
	assert_int_equal(value_of(V4L2_CID_EXPOSURE_ABSOLUTE), 250);
	assert_int_equal(value_of(V4L2_CID_BRIGHTNESS), 8);

	v4l2_controls_prepare(controls, given, 2);
	assert_int_equal(value_of(V4L2_CID_EXPOSURE_AUTO_PRIORITY), 1);
	assert_int_equal(value_of(V4L2_CID_POWER_LINE_FREQUENCY), 0);
}

/* A camera that can find out the frequency of the mains may, unless somebody chose one. */
static void test_mains(void **state)
{
	struct item *item = find_item(V4L2_CID_POWER_LINE_FREQUENCY);

	item->max = 3;
	item->choices[3] = "Auto";
	unplug(state);
	controls = v4l2_controls_create(&node);
	item->value = 2;
	v4l2_controls_prepare(controls, NULL, 0);
	assert_int_equal(item->value, 2);
	item->value = 1;
	v4l2_controls_prepare(controls, NULL, 0);
	assert_int_equal(item->value, 3);
	driver.n_writes = 0;
	v4l2_controls_prepare(controls, NULL, 0);
	assert_int_equal(driver.n_writes, 0);
}

/* None, and a list without end. */
static void test_odd_drivers(void **state)
{
	struct source source = { 0 };

	driver.n = 0;
	unplug(state);
	controls = v4l2_controls_create(&node);
	v4l2_controls_describe(controls, &source);
	assert_int_equal(source.n_controls, 0);
	v4l2_controls_prepare(controls, NULL, 0);
	source_free_controls(&source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_list, plug_in, unplug),
		cmocka_unit_test_setup_teardown(test_ranges, plug_in, unplug),
		cmocka_unit_test_setup_teardown(test_set, plug_in, unplug),
		cmocka_unit_test_setup_teardown(test_automatic, plug_in, unplug),
		cmocka_unit_test_setup_teardown(test_one_at_a_time, plug_in, unplug),
		cmocka_unit_test_setup_teardown(test_refused_by_the_driver, plug_in, unplug),
		cmocka_unit_test_setup_teardown(test_unknown, plug_in, unplug),
		cmocka_unit_test_setup_teardown(test_opening, plug_in, unplug),
		cmocka_unit_test_setup_teardown(test_mains, plug_in, unplug),
		cmocka_unit_test_setup_teardown(test_odd_drivers, plug_in, unplug),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
