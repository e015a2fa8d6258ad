#include "camctl/import.h"

#include <stddef.h>

const struct import_rule import_rules[] = {
	/* Dash of Pi */
	{ "camera_device", IMPORT_DEVICE },
	{ "video_res_width", IMPORT_WIDTH },
	{ "video_res_height", IMPORT_HEIGHT },
	{ "video_fps", IMPORT_RATE },
	{ "segment_length_s", IMPORT_NUMBER, "segment_length", "auto_start_recording = true\t# the service records as soon as it runs" },
	{ "storage_cap_gb", IMPORT_GIGABYTES, "storage_cap" },
	{ "embed_timestamp", IMPORT_STAMP },
	{ "mjpeg_quality", IMPORT_NOTHING, .why = "camd records H.264, not MJPEG: the setting bitrate rules its size and quality" },
	{ "video_bitrate", IMPORT_NOTHING, .why = "the service did not use it; camd's is the setting bitrate, 10M unless it is set" },
	{ "port", IMPORT_NOTHING, .why = "camd opens no port: it is commanded on stdin or a socket that it is handed (camctl --socket)" },
	{ "auth_token", IMPORT_NOTHING, .why = "camd opens no port: who may command it, the mode and group of its socket say" },

	/* Pi Cam Service */
	{ "camera.width", IMPORT_WIDTH },
	{ "camera.height", IMPORT_HEIGHT },
	{ "camera.framerate", IMPORT_RATE },
	{ "camera.codec", IMPORT_NOTHING, .why = "the rings hold both, H.264 (prebuffer) and the camera's raw frames (frame_ring)" },
	{ "camera.video_mode", IMPORT_NOTHING, .why = "a camera gives one stream; recordings, snapshots and previews are all made of it" },
	{ "ring", IMPORT_FRAMES },
	{ "ring.size", IMPORT_FRAMES },
	{ "night.enable", IMPORT_NIGHT },
	{ "night.mode", IMPORT_NIGHT_MODE },
	{ "night.dark_threshold", IMPORT_NUMBER, "dark_threshold" },
	{ "night.bright_threshold", IMPORT_NUMBER, "bright_threshold" },
	{ "night.min_dark_frames", IMPORT_NUMBER, "min_dark_frames" },
	{ "night.exposure_us", IMPORT_NUMBER, "night_exposure" },
	{ "night.gain", IMPORT_NUMBER, "night_gain" },
	{ "export.base_dir", IMPORT_TEXT, "output_dir" },
	{ "export.save_before_s", IMPORT_BEFORE, "trigger_before" },
	{ "export.save_after_s", IMPORT_NUMBER, "trigger_after" },
	{ "export.formats", IMPORT_FORMATS },
	{ "export.stack_dark_frames", IMPORT_SWITCH, "stack_dark_frames" },
	{ "export.stack_count", IMPORT_NUMBER, "stack_count" },
	{ "network.port", IMPORT_NOTHING, .why = "camd opens no port: `camctl --socket PATH trigger` is what `nc` was" },
	{ "network.trigger_port", IMPORT_NOTHING, .why = "camd opens no port: `camctl --socket PATH trigger` is what `nc` was" },
	{ "logging.level", IMPORT_LEVEL, "log_level" },
	{ NULL },
};
