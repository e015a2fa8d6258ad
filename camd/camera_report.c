#include "camd/camera_private.h"

#include "common/clock.h"
#include "common/util.h"

#include <math.h>
#include <stdlib.h>

void camera_list_controls(struct camera *camera, const struct source *source)
{
	static const char *const types[] = {
		[CONTROL_BOOL] = "bool", [CONTROL_INT] = "int", [CONTROL_REAL] = "real", [CONTROL_CHOICE] = "choice",
	};

	free(camera->controls);
	camera->controls = xcalloc(source->n_controls + 1, sizeof(*camera->controls));
	for (size_t i = 0; i < source->n_controls; i++) {
		const struct source_control *control = &source->controls[i];
		bool ranged = control->type == CONTROL_INT || control->type == CONTROL_REAL;

		camera->controls[i] = (struct camera_control){
			.name = (char *)control->name, .type = (char *)types[control->type], .count = control->n,
			.min = ranged ? control->min : NAN, .max = ranged ? control->max : NAN,
			.step = ranged && control->step > 0 ? control->step : NAN, .fallback = control->fallback,
			.choices = control->choices,
		};
	}
}

void camera_fill_status(struct camera *camera, struct camera_status *status)
{
	const struct source *source = keeper_source(camera->keeper);
	double score;
	bool alive = camera->state == CAMERA_RUNNING && !timing_silence_ns(&camera->timing, 0, clock_now_ns());

	*status = (struct camera_status){
		.cam_num = camera->id, .camera_id = camera->id, .id = (char *)camera->name, .kind = (char *)keeper_kind(camera->keeper),
		.model = (char *)camera->model, .state = (char *)camera_state_names[camera->state],
		.error = camera->error.code ? (char *)camera->error.text : NULL,
		.hardware_fps = alive ? atomic_load(&camera->timing.hardware_mfps) / 1000.0 : 0,
		.capture_fps = alive ? atomic_load(&camera->timing.capture_mfps) / 1000.0 : 0,
		.collation_fps = alive ? atomic_load(&camera->timing.collation_mfps) / 1000.0 : 0,
		.target_fps = camera_nominal_fps(camera),
		.camera_frames = atomic_load(&camera->timing.produced), .camera_lost = atomic_load(&camera->timing.lost),
		.preview = camera_has_preview(camera),
		.durable_frame = FIELD_UNSET, .durable_sensor_timestamp_ns = FIELD_UNSET, .durable_lag_ms = FIELD_UNSET,
	};
	if (source)
		status->size = (struct size){ source->format.width, source->format.height };
	status->captured_frames = status->camera_frames;
	status->collated_frames = status->camera_frames - status->camera_lost;
	encoding_get_name(camera->encoding, camera->encoder);
	status->encoder = camera->encoder[0] ? camera->encoder : NULL;
	status->degraded = (char *)fading_reason(&camera->fading);
	status->copied_bytes = (int64_t)(encoding_copied_bytes(camera->encoding) + atomic_load(&camera->drawing.copied_bytes) +
					 atomic_load(&camera->bare.copied_bytes));
	status->motion = analysis_state(camera->analysis, ANALYZER_MOTION, &score);
	status->night = analysis_state(camera->analysis, ANALYZER_DARKNESS, &score);
	status->dark_score = camera->night_settings.wanted ? round(score * 10) / 10 : NAN;
	if (camera->recording)
		recording_fill_status(camera->recording, status);
}

void camera_fill_info(const struct camera *camera, struct camera_info *info)
{
	const struct source *source = keeper_source(camera->keeper);

	*info = (struct camera_info){
		.camera_id = camera->id, .id = (char *)camera->name, .kind = (char *)keeper_kind(camera->keeper),
		.model = (char *)camera->model, .state = (char *)camera_state_names[camera->state],
	};
	_Static_assert(sizeof(struct source_mode) == sizeof(struct camera_mode), "a mode is a mode");
	if (!source)
		return;
	info->modes = (struct list){ source->n_modes, (void *)source->modes };
	info->controls = (struct list){ source->n_controls, camera->controls };
}
