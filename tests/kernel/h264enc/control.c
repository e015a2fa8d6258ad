// SPDX-License-Identifier: GPL-2.0
#include "h264enc.h"

#include <linux/math64.h>

/* H.264, table A-1: what a level allows, of macroblocks a second and a picture, and of kbit/s (Baseline, Main). */
static const struct level {
	int menu;
	u8 idc;
	u32 rate, size, kbps;
} levels[] = {
	{V4L2_MPEG_VIDEO_H264_LEVEL_1_0, 10, 1485, 99, 64},
	{V4L2_MPEG_VIDEO_H264_LEVEL_1B, 11, 1485, 99, 128},
	{V4L2_MPEG_VIDEO_H264_LEVEL_1_1, 11, 3000, 396, 192},
	{V4L2_MPEG_VIDEO_H264_LEVEL_1_2, 12, 6000, 396, 384},
	{V4L2_MPEG_VIDEO_H264_LEVEL_1_3, 13, 11880, 396, 768},
	{V4L2_MPEG_VIDEO_H264_LEVEL_2_0, 20, 11880, 396, 2000},
	{V4L2_MPEG_VIDEO_H264_LEVEL_2_1, 21, 19800, 792, 4000},
	{V4L2_MPEG_VIDEO_H264_LEVEL_2_2, 22, 20250, 1620, 4000},
	{V4L2_MPEG_VIDEO_H264_LEVEL_3_0, 30, 40500, 1620, 10000},
	{V4L2_MPEG_VIDEO_H264_LEVEL_3_1, 31, 108000, 3600, 14000},
	{V4L2_MPEG_VIDEO_H264_LEVEL_3_2, 32, 216000, 5120, 20000},
	{V4L2_MPEG_VIDEO_H264_LEVEL_4_0, 40, 245760, 8192, 20000},
	{V4L2_MPEG_VIDEO_H264_LEVEL_4_1, 41, 245760, 8192, 50000},
	{V4L2_MPEG_VIDEO_H264_LEVEL_4_2, 42, 522240, 8704, 50000},
	{V4L2_MPEG_VIDEO_H264_LEVEL_5_0, 50, 589824, 22080, 135000},
	{V4L2_MPEG_VIDEO_H264_LEVEL_5_1, 51, 983040, 36864, 240000},
};

/* constraint_set0 is the top bit of the second byte. */
static const struct profile {
	int menu;
	u8 idc, constraints;
} profiles[] = {
	{V4L2_MPEG_VIDEO_H264_PROFILE_BASELINE, 66, 0x80},
	{V4L2_MPEG_VIDEO_H264_PROFILE_CONSTRAINED_BASELINE, 66, 0xc0},
	{V4L2_MPEG_VIDEO_H264_PROFILE_MAIN, 77, 0x40},
	{V4L2_MPEG_VIDEO_H264_PROFILE_HIGH, 100, 0},
};

static const struct level *level_of(const struct h264enc_context *context)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(levels) - 1; i++)
		if (levels[i].menu == READ_ONCE(context->settings.level))
			break;
	return &levels[i];
}

static const struct profile *profile_of(const struct h264enc_context *context)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(profiles) - 1; i++)
		if (profiles[i].menu == READ_ONCE(context->settings.profile))
			break;
	return &profiles[i];
}

bool h264enc_level_suffices(const struct h264enc_context *context)
{
	const struct level *level = level_of(context);
	u32 size = DIV_ROUND_UP(context->crop_width, 16) * DIV_ROUND_UP(context->crop_height, 16);
	u64 rate = div_u64((u64)size * context->interval.denominator, context->interval.numerator);
	u64 bits = level->kbps * 1000ULL;

	if (profile_of(context)->idc == 100)
		bits = bits * 5 / 4;
	return size <= level->size && rate <= level->rate && READ_ONCE(context->settings.bitrate) <= bits;
}

void h264enc_get_parameters(const struct h264enc_context *context, struct h264_parameters *parameters)
{
	const struct profile *profile = profile_of(context);
	const struct level *level = level_of(context);
	bool is_1b = level->menu == V4L2_MPEG_VIDEO_H264_LEVEL_1B;

	*parameters = (struct h264_parameters){
		.width = context->coder.width, .height = context->coder.height,
		.profile_idc = profile->idc, .constraints = profile->constraints, .level_idc = level->idc,
		.interval = context->interval.numerator, .timescale = context->interval.denominator,
	};
	if (is_1b && profile->idc == 100)
		parameters->level_idc = 9;
	else if (is_1b)
		parameters->constraints |= 0x10;
}

static void force_key(struct h264enc_context *context)
{
	spin_lock(&context->state_lock);
	context->key_in = h264enc_fault(context, &h264enc_faults.ignore_force_key);
	spin_unlock(&context->state_lock);
}

static int set_control(struct v4l2_ctrl *control)
{
	struct h264enc_context *context = container_of(control->handler, struct h264enc_context, controls);
	struct h264enc_settings *settings = &context->settings;

	switch (control->id) {
	case V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME:
		force_key(context);
		break;
	case V4L2_CID_MPEG_VIDEO_BITRATE:
		WRITE_ONCE(settings->bitrate, control->val);
		break;
	case V4L2_CID_MPEG_VIDEO_H264_PROFILE:
		WRITE_ONCE(settings->profile, control->val);
		break;
	case V4L2_CID_MPEG_VIDEO_H264_LEVEL:
		WRITE_ONCE(settings->level, control->val);
		break;
	case V4L2_CID_MPEG_VIDEO_H264_I_PERIOD:
	case V4L2_CID_MPEG_VIDEO_GOP_SIZE:
		WRITE_ONCE(settings->period, control->val);
		break;
	case V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER:
		WRITE_ONCE(settings->repeat_headers, control->val);
		break;
	case V4L2_CID_MPEG_VIDEO_HEADER_MODE:
		WRITE_ONCE(settings->joined_headers, control->val == V4L2_MPEG_VIDEO_HEADER_MODE_JOINED_WITH_1ST_FRAME);
		break;
	}
	return 0;		/* the others steer what there is not: bits */
}

static const struct v4l2_ctrl_ops control_ops = {.s_ctrl = set_control};

/* id, minimum, maximum, step, default */
static const struct {
	u32 id;
	s64 minimum, maximum;
	u64 step;
	s64 initial;
} numbers[] = {
	{V4L2_CID_MPEG_VIDEO_BITRATE, 25000, 25000000, 25000, 10000000},
	{V4L2_CID_MPEG_VIDEO_H264_I_PERIOD, 0, INT_MAX, 1, 60},
	{V4L2_CID_MPEG_VIDEO_GOP_SIZE, 0, INT_MAX, 1, 60},
	{V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER, 0, 1, 1, 0},
	{V4L2_CID_MPEG_VIDEO_H264_MIN_QP, 0, 51, 1, 20},
	{V4L2_CID_MPEG_VIDEO_H264_MAX_QP, 0, 51, 1, 51},
	{V4L2_CID_MPEG_VIDEO_B_FRAMES, 0, 0, 1, 0},
	{V4L2_CID_MIN_BUFFERS_FOR_OUTPUT, 1, 1, 1, 1},
};

static void add_menu(struct h264enc_context *context, u32 id, u8 last, u64 offered, u8 initial)
{
	v4l2_ctrl_new_std_menu(&context->controls, &control_ops, id, last, ~offered, initial);
}

static u64 offered_profiles(void)
{
	u64 offered = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(profiles); i++)
		offered |= 1ULL << profiles[i].menu;
	return offered;
}

/* What a faulty device lacks is decided when it is opened. */
int h264enc_add_controls(struct h264enc_context *context)
{
	unsigned int i;

	v4l2_ctrl_handler_init(&context->controls, 16);
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		v4l2_ctrl_new_std(&context->controls, &control_ops, numbers[i].id, numbers[i].minimum,
				  numbers[i].maximum, numbers[i].step, numbers[i].initial);
	add_menu(context, V4L2_CID_MPEG_VIDEO_BITRATE_MODE, V4L2_MPEG_VIDEO_BITRATE_MODE_CBR, ~0ULL,
		 V4L2_MPEG_VIDEO_BITRATE_MODE_VBR);
	add_menu(context, V4L2_CID_MPEG_VIDEO_HEADER_MODE, V4L2_MPEG_VIDEO_HEADER_MODE_JOINED_WITH_1ST_FRAME, ~0ULL,
		 V4L2_MPEG_VIDEO_HEADER_MODE_JOINED_WITH_1ST_FRAME);
	add_menu(context, V4L2_CID_MPEG_VIDEO_H264_PROFILE, V4L2_MPEG_VIDEO_H264_PROFILE_HIGH, offered_profiles(),
		 V4L2_MPEG_VIDEO_H264_PROFILE_HIGH);
	add_menu(context, V4L2_CID_MPEG_VIDEO_H264_LEVEL, V4L2_MPEG_VIDEO_H264_LEVEL_5_1, ~0ULL,
		 V4L2_MPEG_VIDEO_H264_LEVEL_4_0);
	if (!atomic_read(&h264enc_faults.no_force_key))
		v4l2_ctrl_new_std(&context->controls, &control_ops, V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, 0, 0, 0, 0);
	return context->controls.error ?: v4l2_ctrl_handler_setup(&context->controls);
}
