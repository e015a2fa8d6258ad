/*
 * What of a V4L2 camera can be set, by the driver's own names in the spelling that v4l2-ctl has for them: "Exposure Time,
 * Absolute" is exposure_time_absolute. Worker threads, one at a time; streaming may go on meanwhile.
 */
#pragma once

#include "camd/source/source.h"
#include "camd/v4l2_node.h"

struct v4l2_controls;

/* Asks the driver; never NULL. The node is borrowed until v4l2_controls_destroy(). */
struct v4l2_controls *v4l2_controls_create(const struct v4l2_node *node);
void v4l2_controls_destroy(struct v4l2_controls *controls);	/* NULL is allowed */

/* A list of them for struct source, freed by source_free_controls(). */
void v4l2_controls_describe(const struct v4l2_controls *controls, struct source *source);

/*
 * Sets all, or, as far as the driver lets it, none. Names may have the driver's own spelling, too. The error names the control;
 * where that is in the hands of an automatic, it says which one to switch off.
 */
bool v4l2_controls_set(const struct v4l2_controls *controls, const struct control_setting *settings, size_t n, struct error *err);

/*
 * At the opening: sets what was set before, and what a recorder wants of a webcam unless that is among it: that its rate
 * doesn't sink in dim light, and no flicker under lamps. What is refused is logged.
 */
void v4l2_controls_prepare(const struct v4l2_controls *controls, const struct control_setting *settings, size_t n);
