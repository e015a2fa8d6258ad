/* What happens to cameras, as events and notices for clients. Main thread. */
#pragma once

#include "camd/camera.h"
#include "camd/control.h"

/* A warning: as an event, and as a notice with --greeting. */
void tell_warning(struct control *control, const struct error *err);

/* camera_found or camera_lost, as its state is. */
void tell_camera(struct control *control, const struct camera *camera);

/* Something went wrong that is looked for in the log, too. */
void tell_trouble(struct control *control, const struct error *err);

/* camera_degraded, and a line in the log. */
void tell_fading(struct control *control, const struct camera *camera, const struct fading_news *news);

/* motion_started, motion_ended, night_started or night_ended, and a line in the log. */
void tell_finding(struct control *control, const struct camera *camera, enum analyzer_kind kind, const struct analyzer_news *finding);

void tell_encoder_changed(struct control *control, const struct camera *camera, const char *before, const char *now);
