/*
 * THE SETTINGS TABLE. Config file, flags, --help, get_config/set_config, `describe`, docs/config.md and the derived tests are
 * read off it. A new setting is a row, a member, and its use.
 *
 * struct config is read by all threads and written by the main thread before they exist; what set_config changes later
 * (FIELD_LIVE) is read by the main thread only.
 */
#pragma once

#include "camd/picture.h"
#include "common/field.h"
#include "common/options.h"

enum mode { MODE_SLAVE, MODE_HEADLESS, MODE_INTERACTIVE };
enum container { CONTAINER_MP4, CONTAINER_H264 };
enum timezone_choice { TIMEZONE_LOCAL, TIMEZONE_UTC };
enum gpio_edge_choice { GPIO_EDGE_RISING, GPIO_EDGE_FALLING, GPIO_EDGE_BOTH };
enum dark_stacking { DARK_STACKING_OFF, DARK_STACKING_MEAN, DARK_STACKING_SUM };
enum keep_session { KEEP_ALWAYS, KEEP_USED };

struct config {
	struct list camera;		/* of texts KIND:WHAT */
	struct size resolution;
	double target_fps;
	char *output_dir;
	char *session_prefix;
	int keep_session;		/* enum keep_session */
	int mode;			/* enum mode */
	bool greeting;
	bool auto_start_recording;
	char *config;
	int container;			/* enum container */
	int64_t bitrate_bps;
	int64_t intra_ns;
	int encoder;			/* enum encoder_choice */
	int profile;			/* enum h264_profile */
	int level;			/* index in config_levels */
	int preset;			/* index in config_presets */
	int64_t threads;
	bool enable_csv_timing_log;
	int64_t segment_length_ns, segment_size_bytes;	/* 0: unbounded */
	int64_t prebuffer_ns, prebuffer_size_bytes;	/* prebuffer_ns 0: none */
	int64_t trigger_before_ns, trigger_after_ns;
	int stills;			/* enum trigger_stills_format */
	int64_t stills_every;
	int stills_from;		/* enum stills_from */
	int stack_dark_frames;		/* enum dark_stacking */
	int64_t stack_count;
	int64_t recovery_point_ns;
	int64_t export_keep;
	char *storage_cap;		/* see share.h; "0": none */
	int64_t storage_reserve_bytes;	/* 0: none */
	int64_t keep_for_ns;		/* 0: for ever */
	struct picture_settings picture;	/* but its flips and its roi */
	bool hflip, vflip;
	int rotation;			/* 0: none, 1: by half a turn */
	char *roi;
	char *tuning_file;
	struct size preview_size;
	double preview_fps;
	bool show_preview;
	int64_t jpeg_quality;
	int64_t frame_ring;
	bool show_frame_number;
	char *overlay_text;
	int overlay_position;		/* index in overlay_positions */
	int64_t overlay_size;
	double font_scale_base;		/* NAN: not given */
	int64_t thickness_base;
	struct rgba overlay_color, overlay_background;
	int64_t text_color_b, text_color_g, text_color_r;
	int64_t margin_left, line_start_y;	/* FIELD_UNSET: as the text's size suggests */
	char *overlay_font;
	int64_t discovery_timeout_ns;
	int64_t discovery_retry_ns;
	int64_t start_timeout_ns;
	int64_t stop_timeout_ns;
	int64_t degraded_after_ns;
	double analyze_fps;
	bool motion;
	double motion_sensitivity, motion_min_area;
	char *motion_mask;
	int64_t motion_hold_ns;
	bool motion_trigger;
	int64_t motion_before_ns, motion_after_ns, motion_longest_ns;
	int night_mode;			/* enum night_mode */
	double dark_threshold, bright_threshold;
	int64_t min_dark_frames;
	int64_t night_exposure_ns;
	double night_gain;
	int timezone;			/* enum timezone_choice */
	int log_level;			/* enum log_level */
	int libcamera_log_level;	/* index in config_libcamera_log_levels */
	int64_t log_max_size_bytes;	/* 0: no end */
	int64_t log_keep;
	bool console_output;
	struct list on_event;		/* of texts, see camd/hook_line.h */
	int64_t hook_limit;
	int64_t hook_timeout_ns;
	struct list gpio_trigger;	/* of texts CHIP:LINE */
	int gpio_edge;			/* enum gpio_edge_choice */
	int gpio_bias;			/* enum gpio_bias */
	int64_t gpio_debounce_ns;
	int64_t gpio_holdoff_ns;
	int64_t gpio_before_ns, gpio_after_ns;
};

extern const struct field config_fields[];
extern const struct option_alias config_aliases[];
extern const int config_levels[];		/* times ten; 0: auto */
extern const char *const config_libcamera_log_levels[];	/* as libcamera calls them, NULL-terminated */
extern const char *const config_presets[];	/* names of the software encoder's presets, NULL-terminated */
