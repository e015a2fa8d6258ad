#include "protocol/errors.h"

const struct error_description error_descriptions[N_ERROR_CODES] = {
	[ERR_NONE] = { "", "" },
	[ERR_BAD_JSON] = { "bad_json", "The line is not one JSON object." },
	[ERR_BAD_UTF8] = { "bad_utf8", "The line is not UTF-8." },
	[ERR_LINE_TOO_LONG] = { "line_too_long", "The line is longer than 64 KiB; all of it up to the next newline was skipped." },
	[ERR_TOO_DEEP] = { "too_deep", "Arrays and objects are nested more than 16 deep." },
	[ERR_BAD_REQUEST] = { "bad_request", "The object is not a request: `command` or `id` is missing or of a wrong type." },
	[ERR_UNKNOWN_COMMAND] = { "unknown_command", "There is no such command." },
	[ERR_MISSING_ARGUMENT] = { "missing_argument", "An argument that the command needs is not there." },
	[ERR_BAD_ARGUMENT] = { "bad_argument", "An argument or setting has a wrong type or value." },
	[ERR_UNKNOWN_CAMERA] = { "unknown_camera", "There is no camera of that number." },
	[ERR_NO_CAMERAS] = { "no_cameras", "No camera was found." },
	[ERR_CAMERA_BUSY] = { "camera_busy", "Another program uses the camera." },
	[ERR_CAMERA_LOST] = { "camera_lost", "The camera is gone." },
	[ERR_ALREADY_RECORDING] = { "already_recording", "What was asked to start recording already records." },
	[ERR_NOT_RECORDING] = { "not_recording", "Nothing that was asked to stop records." },
	[ERR_ENCODER_FAILED] = { "encoder_failed", "The encoder could not be opened or stopped working." },
	[ERR_UNSUPPORTED] = { "unsupported", "The device, file or system can't do that." },
	[ERR_PERMISSION_DENIED] = { "permission_denied", "The system refuses access." },
	[ERR_PATH_NOT_ALLOWED] = { "path_not_allowed", "The path lies outside of the output directory." },
	[ERR_STORAGE_FULL] = { "storage_full", "There is no space left." },
	[ERR_STORAGE_READONLY] = { "storage_readonly", "The file system is read-only." },
	[ERR_IO] = { "io_error", "Reading or writing failed." },
	[ERR_NOT_FOUND] = { "not_found", "There is no such file, device or thing." },
	[ERR_BUSY] = { "busy", "It is in use, or too much is under way." },
	[ERR_TIMEOUT] = { "timeout", "It did not happen in time." },
	[ERR_CANCELLED] = { "cancelled", "It was given up because camd ends." },
	[ERR_INTERNAL] = { "internal", "A fault in camd itself: please report it." },
};

const char *error_code_name(enum error_code code)
{
	return code > ERR_NONE && code < N_ERROR_CODES ? error_descriptions[code].name : "internal";
}
