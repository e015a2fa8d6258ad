#include "camd/camera_private.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

/* By night or by day, one of the controls is set, or not. */
static void on_set(void *user, const struct error *err)
{
	struct camera *camera = user;
	struct error complaint;

	if (!err)
		return;
	complaint = *err;
	error_wrap(&complaint, "camera %d", camera->id);
	camera->owner.on_trouble(camera->owner.user, camera, &complaint);
}

void camera_apply_night(struct camera *camera)
{
	night_set(&camera->night, camera->keeper, &camera->night_settings, on_set, camera);
}

void camera_on_finding(void *user, enum analyzer_kind kind, const struct analyzer_news *finding)
{
	struct camera *camera = user;

	if (kind == ANALYZER_DARKNESS) {
		camera->night.has_fallen = finding->begun;
		nights_note(&camera->nights, finding->until_ns, finding->begun);
		if (camera->state == CAMERA_RUNNING)
			camera_apply_night(camera);
	}
	camera->owner.on_finding(camera->owner.user, camera, kind, finding);
}

void camera_on_rate(void *user, double fps)
{
	struct camera *camera = user;

	log_info("camera %d: %.5g frames/s from now on", camera->id, fps);
	pthread_mutex_lock(&camera->lock);
	timing_set_period(&camera->timing, (int64_t)((double)NS_PER_S / fps + 0.5));
	pthread_mutex_unlock(&camera->lock);
}

void camera_look_for_night(struct camera *camera)
{
	bool looks = camera->night_settings.wanted, looked = nights_now(&camera->nights) != NIGHT_UNKNOWN;

	if (looks != looked)
		nights_note(&camera->nights, clock_now_ns(), looks ? 0 : NIGHT_UNKNOWN);
}

const struct nights *camera_nights(const struct camera *camera)
{
	return &camera->nights;
}

void camera_set_analysis(struct camera *camera, const struct analyzer_settings *settings, const struct night_settings *night)
{
	camera->night_settings = *night;
	camera_look_for_night(camera);
	analysis_configure(camera->analysis, settings);
	camera_update_wanted(camera);
}
