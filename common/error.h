/*
 * What went wrong, for people and for programs.
 *
 * A fallible function returns bool or a pointer and takes a `struct error *` last. The codes are those of the wire
 * (protocol/errors.c has their names); each layer may add its context once. The struct lives on the caller's stack:
 * nothing to free. Any thread.
 */
#pragma once

#include <stdbool.h>

enum error_code {
	ERR_NONE,
	ERR_BAD_JSON,
	ERR_BAD_UTF8,
	ERR_LINE_TOO_LONG,
	ERR_TOO_DEEP,
	ERR_BAD_REQUEST,
	ERR_UNKNOWN_COMMAND,
	ERR_MISSING_ARGUMENT,
	ERR_BAD_ARGUMENT,
	ERR_UNKNOWN_CAMERA,
	ERR_NO_CAMERAS,
	ERR_CAMERA_BUSY,
	ERR_CAMERA_LOST,
	ERR_ALREADY_RECORDING,
	ERR_NOT_RECORDING,
	ERR_ENCODER_FAILED,
	ERR_UNSUPPORTED,
	ERR_PERMISSION_DENIED,
	ERR_PATH_NOT_ALLOWED,
	ERR_STORAGE_FULL,
	ERR_STORAGE_READONLY,
	ERR_IO,
	ERR_NOT_FOUND,
	ERR_BUSY,
	ERR_TIMEOUT,
	ERR_CANCELLED,
	ERR_INTERNAL,
	N_ERROR_CODES,
};

/* The remedy where there is no permission to open a device of a camera or an encoder, for the end of a text. */
#define ERROR_JOIN_VIDEO "add yourself to group video (sudo usermod -aG video $USER, then log in again)"

struct error {
	enum error_code code;
	char argument[64];	/* the command's argument or the setting that is at fault; empty if none */
	char text[512];
};

/* Sets code and text, clears the argument. Returns false, so that `return error_set(…)` fails a bool function. err may be NULL. */
bool error_set(struct error *err, enum error_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* As error_set(), with the code that belongs to an errno value and its text appended: "FORMAT: strerror". */
bool error_set_errno(struct error *err, int number, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* As error_set() with ERR_BAD_ARGUMENT, naming the argument or setting. */
bool error_set_argument(struct error *err, const char *argument, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "FORMAT: " before the text. Returns false. */
bool error_wrap(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
