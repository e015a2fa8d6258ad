/* What the settings ask of one camera: those of all, and over them what is set for it alone (`camera0.KEY`). Main thread. */
#pragma once

#include "camd/camera.h"

/* Borrowed; it stays where it is, and set_config changes it in place. */
const struct config *camera_config(const struct options *options, int camera_id);

/* Of an encoder; fps is left to the camera. */
struct encoding_settings camera_config_encoding(const struct options *options, int camera_id);

void camera_config_prebuffer(const struct options *options, struct camera *camera);
void camera_config_analysis(const struct options *options, struct camera *camera);

/*
 * Of the camera, into a request that has its id and spec: a file keeps its size and rate, and no named rate is thinned out,
 * unless the user said so.
 */
void camera_config_ask(const struct options *options, struct camera_request *request);
