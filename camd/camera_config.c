#include "camd/camera_config.h"

#include <string.h>

const struct config *camera_config(const struct options *options, int camera_id)
{
	return options_for(options, camera_id);
}

struct encoding_settings camera_config_encoding(const struct options *options, int camera_id)
{
	const struct config *config = camera_config(options, camera_id);

	return (struct encoding_settings){
		.choice = config->encoder, .bitrate_bps = config->bitrate_bps, .intra_ns = config->intra_ns,
		.profile = config->profile, .level = config_levels[config->level],
		.preset = config_presets[config->preset], .threads = config->threads,
	};
}

void camera_config_prebuffer(const struct options *options, struct camera *camera)
{
	const struct config *config = camera_config(options, camera_id(camera));

	camera_set_prebuffer(camera, config->prebuffer_ns, config->prebuffer_size_bytes);
}

static struct picture_settings picture_of(const struct config *config)
{
	struct picture_settings picture = config->picture;

	picture.hflip = config->hflip != (config->rotation != 0);
	picture.vflip = config->vflip != (config->rotation != 0);
	if (config->roi)
		picture_parse_roi(config->roi, picture.roi);
	return picture;
}

static void read_analysis(const struct options *options, int camera_id, struct analyzer_settings *analysis, struct night_settings *night)
{
	const struct config *config = camera_config(options, camera_id);

	*analysis = (struct analyzer_settings){
		.fps = config->analyze_fps, .motion = config->motion, .sensitivity = config->motion_sensitivity, .min_area = config->motion_min_area,
		.hold_ns = config->motion_hold_ns, .night_mode = config->night_mode, .dark = config->dark_threshold,
		.bright = config->bright_threshold, .min_dark = config->min_dark_frames,
		.lifts = config->night_exposure_ns != FIELD_UNSET || config->night_gain > 0,
	};
	if (config->motion_mask)
		regions_parse(config->motion_mask, analysis->regions, &analysis->n_regions);
	*night = (struct night_settings){
		.wanted = config->night_mode != NIGHT_OFF, .slow = config->night_mode == NIGHT_SLOW_VIDEO,
		.exposure_ns = config->night_exposure_ns, .gain = config->night_gain,
	};
}

void camera_config_analysis(const struct options *options, struct camera *camera)
{
	struct analyzer_settings analysis;
	struct night_settings night;

	read_analysis(options, camera_id(camera), &analysis, &night);
	camera_set_analysis(camera, &analysis, &night);
}

void camera_config_ask(const struct options *options, struct camera_request *request)
{
	const struct config *config = camera_config(options, request->id);
	bool is_file = !strncmp(request->spec, "file", 4), is_synthetic = !strncmp(request->spec, "synthetic", 9);
	bool rate_given = options_is_given_for(options, request->id, "target_fps");

	request->encoding = camera_config_encoding(options, request->id);
	request->prebuffer_ns = config->prebuffer_ns;
	request->prebuffer_bytes = config->prebuffer_size_bytes;
	request->picture = picture_of(config);
	request->frame_ring = (int)config->frame_ring;
	read_analysis(options, request->id, &request->analysis, &request->night);
	request->wanted.hflip = request->picture.hflip;
	request->wanted.vflip = request->picture.vflip;
	request->wanted.small = config->preview_size;
	if (!is_file || options_is_given_for(options, request->id, "resolution"))
		request->wanted.size = config->resolution;
	if (!is_file || rate_given)
		request->wanted.fps = config->target_fps;
	if (!(is_file || is_synthetic) || rate_given)
		request->thin_to_fps = config->target_fps;
}
