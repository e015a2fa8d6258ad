#include "camd/tell.h"

#include "common/log.h"
#include "common/util.h"
#include "protocol/errors.h"

#include <math.h>
#include <stdlib.h>

void tell_warning(struct control *control, const struct error *err)
{
	struct warning data = { .message = (char *)err->text, .code = (char *)error_code_name(err->code) };

	control_notice(control, MSG_WARNING, &data);
	control_event(control, EVENT_WARNING, &data);
}

void tell_camera(struct control *control, const struct camera *camera)
{
	const struct error *err = camera_error(camera);
	struct camera_event data = {
		.camera_id = camera_id(camera), .id = (char *)camera_name(camera), .model = (char *)camera_model(camera),
		.code = (char *)error_code_name(err->code), .message = (char *)err->text,
	};

	if (camera_state(camera) == CAMERA_RUNNING)
		control_event(control, EVENT_CAMERA_FOUND, &data);
	else if (err->code)
		control_event(control, EVENT_CAMERA_LOST, &data);
}

void tell_trouble(struct control *control, const struct error *err)
{
	log_warning("%s", err->text);
	tell_warning(control, err);
}

static char *describe_fading(const struct camera *camera, const struct fading_news *news)
{
	int id = camera_id(camera);

	if (!news->degraded)
		return xasprintf("camera %d: well again (%s) after %.0f s", id, fading_reason_names[news->reason], news->seconds);
	switch (news->reason) {
	case FADING_RATE:
		return xasprintf("camera %d: %.4g frames/s instead of %.4g for %.0f s", id, news->measured, news->expected, news->seconds);
	case FADING_FROZEN:
		return xasprintf("camera %d: the same picture for %.0f s", id, news->seconds);
	case FADING_BLACK:
		return xasprintf("camera %d: a black picture for %.0f s", id, news->seconds);
	default:
		return xasprintf("camera %d: the video takes %.0f bit/s instead of %.0f for %.0f s", id, news->measured, news->expected,
				 news->seconds);
	}
}

void tell_fading(struct control *control, const struct camera *camera, const struct fading_news *news)
{
	struct camera_degraded data = {
		.camera_id = camera_id(camera), .reason = (char *)fading_reason_names[news->reason], .degraded = news->degraded,
		.seconds = news->seconds, .measured = news->measured, .expected = news->expected,
		.message = describe_fading(camera, news),
	};

	log_warning("%s", data.message);
	control_event(control, EVENT_CAMERA_DEGRADED, &data);
	free(data.message);
}

static double rounded(double number, double parts)
{
	return round(number * parts) / parts;
}

static double seconds_of(const struct analyzer_news *finding)
{
	return rounded((double)(finding->until_ns - finding->since_ns) / 1e9, 1e6);
}

static void tell_motion(struct control *control, int camera_id, const struct analyzer_news *finding)
{
	const struct region *at = &finding->box;
	const struct motion_box box = { rounded(at->x, 1e4), rounded(at->y, 1e4), rounded(at->width, 1e4), rounded(at->height, 1e4) };
	struct motion_event data = {
		.camera_id = camera_id, .box = box, .area = rounded(finding->area, 100),
		.sensor_timestamp_ns = finding->begun ? finding->since_ns : finding->until_ns, .duration = seconds_of(finding),
	};

	log_info("camera %d: motion %s, in %g,%g,%g,%g, %g %% of the picture", camera_id, finding->begun ? "started" : "ended", box.x, box.y,
		 box.width, box.height, data.area);
	control_event(control, finding->begun ? EVENT_MOTION_STARTED : EVENT_MOTION_ENDED, &data);
}

static void tell_night(struct control *control, int camera_id, const struct analyzer_news *finding)
{
	struct night_event data = {
		.camera_id = camera_id, .score = rounded(finding->score, 10), .sensor_timestamp_ns = finding->until_ns,
		.duration = seconds_of(finding),
	};

	log_info("camera %d: night %s, at a brightness of %g", camera_id, finding->begun ? "started" : "ended", data.score);
	control_event(control, finding->begun ? EVENT_NIGHT_STARTED : EVENT_NIGHT_ENDED, &data);
}

void tell_finding(struct control *control, const struct camera *camera, enum analyzer_kind kind, const struct analyzer_news *finding)
{
	if (kind == ANALYZER_MOTION)
		tell_motion(control, camera_id(camera), finding);
	else
		tell_night(control, camera_id(camera), finding);
}

void tell_encoder_changed(struct control *control, const struct camera *camera, const char *before, const char *now)
{
	struct encoder_changed data = { .camera_id = camera_id(camera), .encoder = (char *)now, .before = (char *)before };

	log_info("camera %d: %s encodes from now on, %s no longer", camera_id(camera), now, before);
	control_event(control, EVENT_ENCODER_CHANGED, &data);
}
