#include "camd/config.h"

#include "camd/analyze/analyzer.h"
#include "camd/encoding_settings.h"
#include "camd/gpio.h"
#include "camd/hook_line.h"
#include "camd/share.h"
#include "common/log.h"
#include "protocol/commands.h"
#include "protocol/messages.h"

static const char *const modes[] = { "slave", "headless", "interactive", NULL };
static const char *const containers[] = { "mp4", "h264", NULL };
static const char *const encoders[] = {
	[ENCODER_AUTO] = "auto", [ENCODER_M2M] = "m2m", [ENCODER_SOFTWARE] = "software", NULL,
};
/* As Python and C libraries name them; camd has nothing worse than an error. */
static const char *const log_levels_elsewhere[][2] = {
	{ "critical", "error" }, { "fatal", "error" }, { "warn", "warning" }, { NULL, NULL },
};
static const char *const timezones[] = { "local", "utc", NULL };
static const char *const keep_choices[] = { "always", "used", NULL };

static const char *const profiles[] = {
	[H264_PROFILE_AUTO] = "auto", [H264_PROFILE_BASELINE] = "baseline", [H264_PROFILE_MAIN] = "main", [H264_PROFILE_HIGH] = "high", NULL,
};
static const char *const levels[] = {
	"auto", "1", "1.1", "1.2", "1.3", "2", "2.1", "2.2", "3", "3.1", "3.2", "4", "4.1", "4.2", "5", "5.1", "5.2", "6", "6.1", "6.2", NULL,
};
const int config_levels[] = { 0, 10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52, 60, 61, 62 };
static const char *const whole_levels[][2] = {
	{ "1.0", "1" }, { "2.0", "2" }, { "3.0", "3" }, { "4.0", "4" }, { "5.0", "5" }, { "6.0", "6" }, { NULL, NULL },
};
static const char *const libcamera_log_levels_elsewhere[][2] = {
	{ "warning", "WARN" }, { "critical", "FATAL" }, { NULL, NULL },
};
const char *const config_libcamera_log_levels[] = { "DEBUG", "INFO", "WARN", "ERROR", "FATAL", NULL };

const char *const config_presets[] = {
	"ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", NULL,
};

static const char *const gpio_edges[] = {
	[GPIO_EDGE_RISING] = "rising", [GPIO_EDGE_FALLING] = "falling", [GPIO_EDGE_BOTH] = "both", NULL,
};
static const char *const gpio_biases[] = {
	[GPIO_BIAS_AS_IS] = "as_is", [GPIO_BIAS_PULL_UP] = "pull_up", [GPIO_BIAS_PULL_DOWN] = "pull_down", [GPIO_BIAS_DISABLED] = "disabled", NULL,
};
static const char *const rotations[] = { "0", "180", NULL };
static const char *const lights[] = {
	[AWB_DEFAULT] = "default", [AWB_AUTO] = "auto", [AWB_INCANDESCENT] = "incandescent", [AWB_TUNGSTEN] = "tungsten",
	[AWB_FLUORESCENT] = "fluorescent", [AWB_INDOOR] = "indoor", [AWB_DAYLIGHT] = "daylight", [AWB_CLOUDY] = "cloudy",
	[AWB_CUSTOM] = "custom", NULL,
};
static const char *const denoises[] = {
	[DENOISE_AUTO] = "auto", [DENOISE_OFF] = "off", [DENOISE_CDN_OFF] = "cdn_off", [DENOISE_CDN_FAST] = "cdn_fast",
	[DENOISE_CDN_HQ] = "cdn_hq", NULL,
};
static const char *const focuses[] = {
	[FOCUS_DEFAULT] = "default", [FOCUS_MANUAL] = "manual", [FOCUS_AUTO] = "auto", [FOCUS_CONTINUOUS] = "continuous", NULL,
};

static const char *check_roi(const char *text)
{
	return *text ? picture_parse_roi(text, NULL) : NULL;
}

static const char *check_hook(const char *text)
{
	return hook_line_read(text, NULL);
}

static const char *check_storage_cap(const char *text)
{
	return share_read(text, NULL);
}

static const char *const dark_stackings[] = {
	[DARK_STACKING_OFF] = "off", [DARK_STACKING_MEAN] = "mean", [DARK_STACKING_SUM] = "sum", NULL,
};
/* Where others have a switch, brighter is what is meant. */
static const char *const dark_stackings_elsewhere[][2] = { { "true", "sum" }, { "false", "off" }, { NULL, NULL } };
static const char *const nights[] = { [NIGHT_OFF] = "off", [NIGHT_STILL] = "still", [NIGHT_SLOW_VIDEO] = "slow_video", NULL };

static const char *check_mask(const char *text)
{
	int n;

	return regions_parse(text, NULL, &n);
}

#define AT(member) .at = offsetof(struct config, member)

const struct field config_fields[] = {
	{ .name = "camera", .type = FIELD_LIST, .of = FIELD_TEXT, AT(camera), .flags = FIELD_OPTIONAL,
	  .help = "A camera as KIND:WHAT, such as `synthetic`, `v4l2:/dev/video0`, `file:clip.mp4?loop`; give it again for more; all that are found if absent." },
	{ .name = "resolution", .type = FIELD_SIZE, AT(resolution), .fallback = "0", .flags = FIELD_PER_CAMERA,
	  .help = "Size of the frames, WxH or a preset: 0 1456x1088, 1 1280x960, 2 1280x720, 3 1024x768, 4 800x600, 5 640x480, 6 480x360, 7 320x240; a camera takes the nearest it has, a file keeps its own unless this is set." },
	{ .name = "target_fps", .type = FIELD_REAL, AT(target_fps), .min = 0.1, .max = 1000, .unit = "frames/s", .fallback = "30",
	  .flags = FIELD_PER_CAMERA,
	  .help = "Frame rate asked of the sensor; if the sensor is faster, frames are left out by timestamp; a file keeps its own unless this is set." },
	{ .name = "output_dir", .type = FIELD_PATH, AT(output_dir), .max = 3800, .fallback = "recordings",
	  .help = "Directory that holds the session folders." },
	{ .name = "session_prefix", .type = FIELD_TEXT, AT(session_prefix), .max = 100, .fallback = "session",
	  .help = "First part of a session folder's name." },
	{ .name = "keep_session", .type = FIELD_ENUM, AT(keep_session), .choices = keep_choices, .fallback = "always",
	  .help = "Whether a session folder that holds nothing but its log is kept at the end." },
	{ .name = "mode", .type = FIELD_ENUM, AT(mode), .choices = modes, .fallback = "slave",
	  .help = "slave obeys stdin; headless ignores it and records at once; interactive is what camctl does with the same flags, and camd refuses." },
	{ .name = "greeting", .type = FIELD_BOOL, AT(greeting), .fallback = "false",
	  .help = "Say initializing, initialized, warning and shutdown without being asked." },
	{ .name = "auto_start_recording", .type = FIELD_BOOL, AT(auto_start_recording), .fallback = "false",
	  .help = "Start recording as soon as the cameras run." },
	{ .name = "config", .type = FIELD_PATH, AT(config), .max = 4095, .flags = FIELD_NOT_IN_FILE | FIELD_OPTIONAL,
	  .help = "File of settings, which flags override; without it ./config.txt, else ~/.config/camd/camd.conf, else /etc/camd/camd.conf is read; --no-config reads none." },
	{ .name = "container", .type = FIELD_ENUM, AT(container), .choices = containers, .fallback = "mp4", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "mp4 plays at every moment and has exact times; h264 is the raw stream, with its times in the CSV." },
	{ .name = "bitrate", .type = FIELD_AMOUNT, AT(bitrate_bps), .min = 50000, .max = 500e6, .unit = "bit/s", .fallback = "10M",
	  .flags = FIELD_LIVE | FIELD_PER_CAMERA, .help = "Rate that the encoder aims at; a change takes effect at once where the encoder can do that." },
	{ .name = "intra", .type = FIELD_DURATION, AT(intra_ns), .min = 0, .max = 60, .unit = "s", .fallback = "1", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "Longest time between key frames; 0 makes every frame one." },
	{ .name = "encoder", .type = FIELD_ENUM, AT(encoder), .choices = encoders, .fallback = "auto", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "What encodes: m2m is the board's hardware (V4L2), software the processor; auto takes hardware where there is one, and software where there is none or it fails; with m2m alone a recording fails instead." },
	{ .name = "profile", .type = FIELD_ENUM, AT(profile), .choices = profiles, .fallback = "auto", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "Profile of H.264: what players must understand; auto is the best that the encoder has." },
	{ .name = "level", .type = FIELD_ENUM, AT(level), .choices = levels, .synonyms = whole_levels, .fallback = "auto",
	  .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "Level of H.264, the bounds of size and rate that players must bear; auto is what the stream needs." },
	{ .name = "preset", .type = FIELD_ENUM, AT(preset), .choices = config_presets, .fallback = "superfast", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "What the software encoder trades of size for speed." },
	{ .name = "threads", .type = FIELD_INT, AT(threads), .min = 0, .max = 64, .fallback = "0", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "Threads of a software encoder; 0: as many as fit the machine." },
	{ .name = "enable_csv_timing_log", .type = FIELD_BOOL, AT(enable_csv_timing_log), .fallback = "true", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "Write the timing CSV beside each video." },
	{ .name = "segment_length", .type = FIELD_DURATION, AT(segment_length_ns), .min = 0, .max = 604800, .unit = "s", .fallback = "0",
	  .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "A recording goes on in another file after so long, such as 60s, at a key frame and without a frame lost; 0: never, but at 1,048,576 frames, and at 3.75 GiB where a file system (FAT) has room for 4 in a file." },
	{ .name = "segment_size", .type = FIELD_AMOUNT, AT(segment_size_bytes), .min = 0, .max = 1e15, .unit = "bytes", .fallback = "0",
	  .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "A recording goes on in another file at the first key frame behind so many bytes, such as 100M; 0: never." },
	{ .name = "prebuffer", .type = FIELD_DURATION, AT(prebuffer_ns), .min = 0, .max = 3600, .unit = "s", .fallback = "0",
	  .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "So much of what was last seen is kept, encoded, in memory, for the begin of a trigger's clip; 0: none, and no triggers." },
	{ .name = "prebuffer_size", .type = FIELD_AMOUNT, AT(prebuffer_size_bytes), .min = 100000, .max = 1e12, .unit = "bytes", .fallback = "64M",
	  .flags = FIELD_LIVE | FIELD_PER_CAMERA, .help = "What the prebuffer of a camera may take of memory, however many seconds that are." },
	{ .name = "trigger_before", .type = FIELD_DURATION, AT(trigger_before_ns), .min = 0, .max = 3600, .unit = "s", .fallback = "10", .flags = FIELD_LIVE,
	  .help = "What a trigger keeps of the time before, if it does not say so itself." },
	{ .name = "trigger_after", .type = FIELD_DURATION, AT(trigger_after_ns), .min = 0, .max = 86400, .unit = "s", .fallback = "10", .flags = FIELD_LIVE,
	  .help = "And of the time after." },
	{ .name = "stills", .type = FIELD_ENUM, AT(stills), .choices = trigger_stills_formats, .fallback = "none", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "Pictures of the frames of a trigger's clip, for all triggers that don't say so themselves, those of motion and GPIO lines, too; formats as of take_snapshot." },
	{ .name = "stills_every", .type = FIELD_INT, AT(stills_every), .min = 1, .max = 1e9, .fallback = "1", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "Of those frames, the first and each so-many-th after it." },
	{ .name = "stills_from", .type = FIELD_ENUM, AT(stills_from), .choices = stills_from_names, .fallback = "clip", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "What they are made of: the clip, with the codec's losses and the overlay; or the ring of raw frames (`frame_ring`), of those of the clip's time that it had at the trigger and at its end." },
	{ .name = "stack_dark_frames", .type = FIELD_ENUM, AT(stack_dark_frames), .choices = dark_stackings, .synonyms = dark_stackings_elsewhere,
	  .fallback = "off", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "Of a trigger's pictures, those that are dark (their score is below dark_threshold, or it is night) are made of stack_count consecutive frames: mean has less noise, sum is brighter, too, both as take_snapshot has them; true is sum." },
	{ .name = "stack_count", .type = FIELD_INT, AT(stack_count), .min = 1, .max = 64, .unit = "frames", .fallback = "8", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "How many dark frames become one picture; fewer, where they end." },
	{ .name = "recovery_point", .type = FIELD_DURATION, AT(recovery_point_ns), .min = 0.02, .max = 60, .unit = "s", .fallback = "0.5",
	  .help = "How often what was recorded is pushed to the disk: a power cut takes about that much." },
	{ .name = "export_keep", .type = FIELD_INT, AT(export_keep), .min = 0, .max = 100000, .fallback = "1", .flags = FIELD_LIVE,
	  .help = "How many exports of each camera are kept: a new one replaces the oldest that is not protected; 0: all." },
	{ .name = "storage_cap", .type = FIELD_TEXT, AT(storage_cap), .max = 40, .check = check_storage_cap, .fallback = "0", .flags = FIELD_LIVE,
	  .help = "What the recordings of all sessions may take, in bytes (20G) or percent of the disk (80%): the oldest that are finished and not protected are deleted before the room is needed. A file that is being written is never deleted, so that one long recording without `segment_length` may pass it; 0: no limit." },
	{ .name = "storage_reserve", .type = FIELD_AMOUNT, AT(storage_reserve_bytes), .min = 0, .max = 1e15, .unit = "bytes", .fallback = "0", .flags = FIELD_LIVE,
	  .help = "What is kept free on the disk, by deleting the oldest recordings likewise, whoever fills it; when nothing is left that may be deleted, recording ends; 0: nothing." },
	{ .name = "keep_for", .type = FIELD_DURATION, AT(keep_for_ns), .min = 0, .max = 36500, .unit = "d", .fallback = "0", .flags = FIELD_LIVE,
	  .help = "How long recordings that are not protected are kept, in days (30) or otherwise (12h); 0: as long as there is room." },
	{ .name = "hflip", .type = FIELD_BOOL, AT(hflip), .fallback = "false", .flags = FIELD_PER_CAMERA,
	  .help = "Mirror the picture, where the camera can." },
	{ .name = "vflip", .type = FIELD_BOOL, AT(vflip), .fallback = "false", .flags = FIELD_PER_CAMERA,
	  .help = "Turn the picture upside down by mirroring, where the camera can." },
	{ .name = "rotation", .type = FIELD_ENUM, AT(rotation), .choices = rotations, .fallback = "0", .unit = "degrees", .flags = FIELD_PER_CAMERA,
	  .help = "180 turns the picture by half a turn: hflip and vflip at once." },
	{ .name = "roi", .type = FIELD_TEXT, AT(roi), .max = 200, .check = check_roi, .flags = FIELD_OPTIONAL | FIELD_PER_CAMERA,
	  .help = "Part of the sensor that makes the picture (libcamera), x,y,width,height as fractions of the whole, such as 0.25,0.25,0.5,0.5." },
	{ .name = "shutter", .type = FIELD_DURATION, AT(picture.shutter_ns), .min = 0, .max = 1e9, .unit = "us", .flags = FIELD_OPTIONAL | FIELD_PER_CAMERA,
	  .help = "Exposure time, by hand; 0 makes it automatic; a bare number is microseconds." },
	{ .name = "gain", .type = FIELD_REAL, AT(picture.gain), .min = 0, .max = 65535, .flags = FIELD_OPTIONAL | FIELD_PER_CAMERA,
	  .help = "Analogue gain, by hand: a factor; for V4L2 cameras the driver's own number; 0 leaves it as it is." },
	{ .name = "ev", .type = FIELD_REAL, AT(picture.ev), .min = -10, .max = 10, .unit = "stops", .flags = FIELD_OPTIONAL | FIELD_PER_CAMERA,
	  .help = "How much brighter automatic exposure makes the picture (libcamera)." },
	{ .name = "awb", .type = FIELD_ENUM, AT(picture.awb), .choices = lights, .fallback = "default", .flags = FIELD_PER_CAMERA,
	  .help = "White balance: automatic, or for a kind of light; default leaves it as it is." },
	{ .name = "brightness", .type = FIELD_REAL, AT(picture.brightness), .min = -1, .max = 1, .flags = FIELD_OPTIONAL | FIELD_PER_CAMERA,
	  .help = "Brightness, 0 is the camera's own; of V4L2 cameras, -1 and 1 are the ends of the driver's range." },
	{ .name = "contrast", .type = FIELD_REAL, AT(picture.contrast), .min = 0, .max = 32, .flags = FIELD_OPTIONAL | FIELD_PER_CAMERA,
	  .help = "Contrast, 1 is the camera's own; of V4L2 cameras, 0 and 2 are the ends of the driver's range." },
	{ .name = "saturation", .type = FIELD_REAL, AT(picture.saturation), .min = 0, .max = 32, .flags = FIELD_OPTIONAL | FIELD_PER_CAMERA,
	  .help = "Saturation of colours, 1 is the camera's own; of V4L2 cameras, 0 and 2 are the ends of the driver's range." },
	{ .name = "sharpness", .type = FIELD_REAL, AT(picture.sharpness), .min = 0, .max = 16, .flags = FIELD_OPTIONAL | FIELD_PER_CAMERA,
	  .help = "Sharpness, 1 is the camera's own; of V4L2 cameras, 0 and 2 are the ends of the driver's range." },
	{ .name = "denoise", .type = FIELD_ENUM, AT(picture.denoise), .choices = denoises, .fallback = "auto", .flags = FIELD_PER_CAMERA,
	  .help = "Noise reduction (libcamera); auto leaves it as it is." },
	{ .name = "autofocus_mode", .type = FIELD_ENUM, AT(picture.autofocus_mode), .choices = focuses, .fallback = "default", .flags = FIELD_PER_CAMERA,
	  .help = "Focus: manual, auto (once, at the start), continuous; default leaves it as it is." },
	{ .name = "lens_position", .type = FIELD_REAL, AT(picture.lens_position), .min = 0, .max = 65535, .flags = FIELD_OPTIONAL | FIELD_PER_CAMERA,
	  .help = "Focus by hand, in dioptres: 0 is infinity, 2 half a metre; for V4L2 cameras the driver's own number." },
	{ .name = "tuning_file", .type = FIELD_PATH, AT(tuning_file), .max = 4095, .flags = FIELD_OPTIONAL,
	  .help = "Tuning file of a Raspberry Pi's camera, for libcamera." },
	{ .name = "preview_size", .type = FIELD_SIZE, AT(preview_size), .fallback = "7", .flags = FIELD_LIVE,
	  .help = "Preview pictures fit into this size (WxH or a preset)." },
	{ .name = "preview_fps", .type = FIELD_REAL, AT(preview_fps), .min = 0.1, .max = 60, .unit = "frames/s", .fallback = "30",
	  .flags = FIELD_LIVE, .help = "Highest rate of preview pictures." },
	{ .name = "show_preview", .type = FIELD_BOOL, AT(show_preview), .fallback = "true", .flags = FIELD_LIVE,
	  .help = "Whether clients that can show previews, as camctl in windows or a terminal, do so unasked; camd itself shows nothing." },
	{ .name = "jpeg_quality", .type = FIELD_INT, AT(jpeg_quality), .min = 1, .max = 100, .fallback = "92", .flags = FIELD_LIVE,
	  .help = "Quality of snapshots; previews have 80 at most." },
	{ .name = "frame_ring", .type = FIELD_INT, AT(frame_ring), .min = 0, .max = 1000, .unit = "frames", .fallback = "0", .flags = FIELD_PER_CAMERA,
	  .help = "So many raw frames are kept, the last ones, for take_snapshot with ring and for stills_from: copies without the overlay, 1.5 bytes a pixel as a rule (a frame of 1456x1088 2.4 MB), of MJPEG the JPEGs; at most a quarter of the machine's memory for a camera, else none." },
	{ .name = "show_frame_number", .type = FIELD_BOOL, AT(show_frame_number), .fallback = "true", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "Whether overlay_text is drawn into what is recorded, into snapshots and previews (which show time and rates besides); it needs a font, such as those of Debian's package fonts-dejavu-core." },
	{ .name = "overlay_text", .type = FIELD_TEXT, AT(overlay_text), .max = 511, .fallback = "Frame: %frame", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "What is drawn: %frame is the frame's number in the recording (as in the CSV), %fps the rate, %dropped frames lost so far, %camera the camera's number, %exposure (ms), %gain and %temp (Celsius) what the sensor says, %f microseconds, everything else as in strftime(3), for the wall time at which the frame was exposed; \\n begins a new line." },
	{ .name = "overlay_position", .type = FIELD_ENUM, AT(overlay_position), .choices = overlay_positions, .fallback = "top_left",
	  .flags = FIELD_LIVE | FIELD_PER_CAMERA, .help = "Where the overlay stands." },
	{ .name = "overlay_size", .type = FIELD_INT, AT(overlay_size), .min = 0, .max = 200, .unit = "pixels", .fallback = "0",
	  .flags = FIELD_LIVE | FIELD_PER_CAMERA, .help = "Height of the overlay's capital letters; 0: a 34th of the picture's height, but 10 at least." },
	{ .name = "font_scale_base", .type = FIELD_REAL, AT(font_scale_base), .min = 0.1, .max = 9, .flags = FIELD_OPTIONAL | FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "The same as OpenCV's font scale, of which 1 makes capital letters 22 pixels high; overlay_size goes first." },
	{ .name = "thickness_base", .type = FIELD_INT, AT(thickness_base), .min = 1, .max = 20, .fallback = "1", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "Strength of the overlay's strokes: 1 is the font's own, each further one makes them a pixel wider." },
	{ .name = "overlay_color", .type = FIELD_COLOUR, AT(overlay_color), .flags = FIELD_OPTIONAL | FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "Colour of the overlay, by name or in hexadecimal (ff8000); text_color_r, text_color_g and text_color_b if absent." },
	{ .name = "text_color_b", .type = FIELD_INT, AT(text_color_b), .min = 0, .max = 255, .fallback = "255", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "Blue of the overlay's colour." },
	{ .name = "text_color_g", .type = FIELD_INT, AT(text_color_g), .min = 0, .max = 255, .fallback = "255", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "Green of the overlay's colour." },
	{ .name = "text_color_r", .type = FIELD_INT, AT(text_color_r), .min = 0, .max = 255, .fallback = "255", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "Red of the overlay's colour." },
	{ .name = "overlay_background", .type = FIELD_COLOUR, AT(overlay_background), .fallback = "none", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "Colour of a box behind the overlay, such as 00000080 (half transparent black); with none, letters have a thin edge." },
	{ .name = "margin_left", .type = FIELD_INT, AT(margin_left), .min = 0, .max = 16384, .unit = "pixels",
	  .flags = FIELD_OPTIONAL | FIELD_LIVE | FIELD_PER_CAMERA, .help = "From the picture's side to the overlay, rounded down to an even number; half a capital letter if absent." },
	{ .name = "line_start_y", .type = FIELD_INT, AT(line_start_y), .min = 0, .max = 16384, .unit = "pixels",
	  .flags = FIELD_OPTIONAL | FIELD_LIVE | FIELD_PER_CAMERA, .help = "From the picture's upper edge to the foot of the overlay's first line; if the overlay stands below, from the lower edge to that of the last; by its size if absent." },
	{ .name = "overlay_font", .type = FIELD_PATH, AT(overlay_font), .max = 1000, .flags = FIELD_OPTIONAL | FIELD_LIVE,
	  .help = "File of the overlay's font, of any kind that FreeType draws at any size; one of those that distributions install if absent." },
	{ .name = "discovery_timeout", .type = FIELD_DURATION, AT(discovery_timeout_ns), .min = 0, .max = 3600, .unit = "s", .fallback = "5",
	  .help = "How long after the start commands wait for the first camera." },
	{ .name = "discovery_retry", .type = FIELD_DURATION, AT(discovery_retry_ns), .min = 0.1, .max = 3600, .unit = "s", .fallback = "3",
	  .help = "How often new cameras are looked for when none is named; one that is lost is tried again after 1, 2, 5, then every 10 s." },
	{ .name = "start_timeout", .type = FIELD_DURATION, AT(start_timeout_ns), .min = 0.1, .max = 3600, .unit = "s", .fallback = "5",
	  .flags = FIELD_LIVE, .help = "How long a recording or snapshot waits for a camera's first frame." },
	{ .name = "stop_timeout", .type = FIELD_DURATION, AT(stop_timeout_ns), .min = 1, .max = 3600, .unit = "s", .fallback = "30",
	  .help = "How long the end may take for finishing the files, if a disk or a driver hangs; then camd leaves, with exit status 3, and the next start finishes them." },
	{ .name = "degraded_after", .type = FIELD_DURATION, AT(degraded_after_ns), .min = 0, .max = 86400, .unit = "s", .fallback = "60",
	  .flags = FIELD_LIVE, .help = "How long a camera must give too few frames, the same picture, a black one, or a video far smaller than before, until camera_degraded says so; 0: never." },
	{ .name = "analyze_fps", .type = FIELD_REAL, AT(analyze_fps), .min = 0.1, .max = 60, .unit = "pictures/s", .fallback = "10", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "How many pictures of a camera are looked at for motion and night, at most." },
	{ .name = "motion", .type = FIELD_BOOL, AT(motion), .fallback = "false", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "Look for motion, and say motion_started and motion_ended." },
	{ .name = "motion_sensitivity", .type = FIELD_REAL, AT(motion_sensitivity), .min = 0, .max = 100, .unit = "%", .fallback = "60", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "How little a pixel must change to count, beyond its noise: 0 is 42 grey levels of 255, 100 is 6." },
	{ .name = "motion_min_area", .type = FIELD_REAL, AT(motion_min_area), .min = 0, .max = 100, .unit = "%", .fallback = "0.3", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "Part of the picture that must change, in one piece; it is counted in squares, of which there are about 1000." },
	{ .name = "motion_mask", .type = FIELD_TEXT, AT(motion_mask), .max = 2000, .check = check_mask,
	  .flags = FIELD_OPTIONAL | FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "Where to look for motion: regions x,y,width,height as parts of the picture, spaces between them, a - before those to ignore, such as `0,0.5,1,0.5 -0.8,0.5,0.2,0.5`; everywhere if absent." },
	{ .name = "motion_hold", .type = FIELD_DURATION, AT(motion_hold_ns), .min = 0, .max = 3600, .unit = "s", .fallback = "3", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "How long nothing must move until motion is over." },
	{ .name = "motion_trigger", .type = FIELD_BOOL, AT(motion_trigger), .fallback = "false", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "Write a clip of motion, as the command trigger does, as long as it lasts; the camera needs a prebuffer." },
	{ .name = "motion_before", .type = FIELD_DURATION, AT(motion_before_ns), .min = 0, .max = 3600, .unit = "s", .fallback = "5", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "How long before motion starts its clip begins." },
	{ .name = "motion_after", .type = FIELD_DURATION, AT(motion_after_ns), .min = 0, .max = 3600, .unit = "s", .fallback = "5", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "How long behind motion_ended its clip ends, which is motion_hold behind the motion; motion that starts again meanwhile makes it longer." },
	{ .name = "motion_longest", .type = FIELD_DURATION, AT(motion_longest_ns), .min = 1, .max = 86400, .unit = "s", .fallback = "300", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "Motion that lasts longer goes on in another clip, and no frame is missing between." },
	{ .name = "night_mode", .type = FIELD_ENUM, AT(night_mode), .choices = nights, .fallback = "off", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "What happens by night: off looks for none; still sets night_exposure and night_gain; slow_video lets frames last longer, too, as long as night_exposure." },
	{ .name = "dark_threshold", .type = FIELD_REAL, AT(dark_threshold), .min = 0, .max = 255, .fallback = "40", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "It is dark when a picture's mean brightness, 0 to 255, is less." },
	{ .name = "bright_threshold", .type = FIELD_REAL, AT(bright_threshold), .min = 0, .max = 255, .fallback = "60", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "Night ends when it is more; lifted by what night_exposure and night_gain have brightened the picture." },
	{ .name = "min_dark_frames", .type = FIELD_INT, AT(min_dark_frames), .min = 1, .max = 100000, .fallback = "30", .flags = FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "Dark pictures on end, of those that are looked at, until it is night." },
	{ .name = "night_exposure", .type = FIELD_DURATION, AT(night_exposure_ns), .min = 1, .max = 2e6, .unit = "us", .flags = FIELD_OPTIONAL | FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "Exposure time by night; a bare number is microseconds; as by day if absent." },
	{ .name = "night_gain", .type = FIELD_REAL, AT(night_gain), .min = 0, .max = 65535, .flags = FIELD_OPTIONAL | FIELD_LIVE | FIELD_PER_CAMERA,
	  .help = "Gain by night, as `gain`; as by day if absent." },
	{ .name = "timezone", .type = FIELD_ENUM, AT(timezone), .choices = timezones, .fallback = "local",
	  .help = "What wall times are written in." },
	{ .name = "log_level", .type = FIELD_ENUM, AT(log_level), .choices = log_level_names, .synonyms = log_levels_elsewhere, .fallback = "info", .flags = FIELD_LIVE,
	  .help = "What stands in session.log; critical is taken for error." },
	{ .name = "libcamera_log_level", .type = FIELD_ENUM, AT(libcamera_log_level), .choices = config_libcamera_log_levels,
	  .synonyms = libcamera_log_levels_elsewhere, .fallback = "WARN",
	  .help = "What libcamera has to say, in session.log; LIBCAMERA_LOG_LEVELS in the environment overrules it." },
	{ .name = "log_max_size", .type = FIELD_AMOUNT, AT(log_max_size_bytes), .min = 0, .max = 1e12, .unit = "bytes", .fallback = "10M",
	  .flags = FIELD_LIVE, .help = "How large session.log grows before it becomes session.log.1, and a new one begins; 0: there is no end." },
	{ .name = "log_keep", .type = FIELD_INT, AT(log_keep), .min = 0, .max = 1000, .fallback = "5", .flags = FIELD_LIVE,
	  .help = "How many older ones are kept: session.log.1, the youngest, to session.log.5." },
	{ .name = "console_output", .type = FIELD_BOOL, AT(console_output), .fallback = "false",
	  .help = "Write camd's own log lines to stderr, too." },
	{ .name = "on_event", .type = FIELD_LIST, .of = FIELD_TEXT, AT(on_event), .check = check_hook, .flags = FIELD_OPTIONAL,
	  .help = "A program that is run at events, as EVENTS: PROGRAM ARGUMENTS: names of events with commas between them, or *, and words, with quotes as in a shell, of which none sees them; it has the event's JSON on its stdin, and CAMD_EVENT, CAMD_CAMERA and CAMD_SESSION (the folder) in its environment; give it again for more." },
	{ .name = "hook_limit", .type = FIELD_INT, AT(hook_limit), .min = 1, .max = 64, .fallback = "4", .flags = FIELD_LIVE,
	  .help = "How many programs of on_event run at a time; 64 more events wait, what exceeds that is dropped, and a warning says how many." },
	{ .name = "hook_timeout", .type = FIELD_DURATION, AT(hook_timeout_ns), .min = 0.1, .max = 86400, .unit = "s", .fallback = "30", .flags = FIELD_LIVE,
	  .help = "How long a program of on_event may run until it, and what it has started, gets SIGTERM, and a second later SIGKILL." },
	{ .name = "gpio_trigger", .type = FIELD_LIST, .of = FIELD_TEXT, AT(gpio_trigger), .check = gpio_check, .flags = FIELD_OPTIONAL,
	  .help = "A GPIO line, such as that of a presence sensor, whose edges are the event presence: CHIP:LINE, the chip by name, label or path, the line by number or name, such as gpiochip0:17; give it again for more." },
	{ .name = "gpio_edge", .type = FIELD_ENUM, AT(gpio_edge), .choices = gpio_edges, .fallback = "rising", .flags = FIELD_LIVE,
	  .help = "Which edges of the lines count." },
	{ .name = "gpio_bias", .type = FIELD_ENUM, AT(gpio_bias), .choices = gpio_biases, .fallback = "as_is",
	  .help = "The resistor that holds a line that nothing drives." },
	{ .name = "gpio_debounce", .type = FIELD_DURATION, AT(gpio_debounce_ns), .min = 0, .max = 60, .unit = "s", .fallback = "0.05", .flags = FIELD_LIVE,
	  .help = "How long a line must stay at its new level for the edge to count." },
	{ .name = "gpio_holdoff", .type = FIELD_DURATION, AT(gpio_holdoff_ns), .min = 0, .max = 86400, .unit = "s", .fallback = "5", .flags = FIELD_LIVE,
	  .help = "How long after an edge of a line that counted no other one of it does." },
	{ .name = "gpio_before", .type = FIELD_DURATION, AT(gpio_before_ns), .min = 0, .max = 3600, .unit = "s", .fallback = "10", .flags = FIELD_LIVE,
	  .help = "An edge that counts is a trigger for the cameras that have a `prebuffer`: their clips have so much of the time before it." },
	{ .name = "gpio_after", .type = FIELD_DURATION, AT(gpio_after_ns), .min = 0, .max = 86400, .unit = "s", .fallback = "10", .flags = FIELD_LIVE,
	  .help = "And so much of the time after." },
	{ 0 },
};

static const char *const conversion_disabled[][2] = {
	{ "true", "h264" }, { "yes", "h264" }, { "1", "h264" }, { "on", "h264" },
	{ "false", "mp4" }, { "no", "mp4" }, { "0", "mp4" }, { "off", "mp4" }, { NULL, NULL },
};

/* Spellings of the program that camd replaces, and of rpicam-apps. */
const struct option_alias config_aliases[] = {
	{ .name = "disable_mp4_conversion", .setting = "container", .values = conversion_disabled },
	{ .name = "resolution_preset", .setting = "resolution" },
	{ .name = "slave", .setting = "mode", .implied = "slave" },
	{ .name = "slave", .setting = "greeting", .implied = "true" },
	{ .name = "headless", .setting = "mode", .implied = "headless" },
	{ .name = "console", .setting = "console_output", .implied = "true" },
	{ .name = "no_console", .setting = "console_output", .implied = "false" },
	{ .name = "no_config", .setting = "config", .implied = "" },
	{ .name = "fps", .setting = "target_fps" },
	{ .name = "framerate", .setting = "target_fps" },
	{ .name = "width", .setting = "resolution", .part = OPTION_WIDTH },
	{ .name = "height", .setting = "resolution", .part = OPTION_HEIGHT },
	{ .name = "output", .setting = "output_dir" },
	{ .name = "preview_preset", .setting = "preview_size" },
	{ .name = "preview", .setting = "show_preview", .implied = "true" },
	{ .name = "no_preview", .setting = "show_preview", .implied = "false" },
	{ 0 },
};
