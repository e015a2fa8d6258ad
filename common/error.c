#include "common/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void set_text(struct error *err, enum error_code code, const char *format, va_list args)
{
	err->code = code;
	err->argument[0] = '\0';
	vsnprintf(err->text, sizeof(err->text), format, args);
}

bool error_set(struct error *err, enum error_code code, const char *format, ...)
{
	va_list args;

	if (!err)
		return false;
	va_start(args, format);
	set_text(err, code, format, args);
	va_end(args);
	return false;
}

static enum error_code code_of_errno(int number)
{
	switch (number) {
	case EACCES:
	case EPERM:
		return ERR_PERMISSION_DENIED;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ERR_STORAGE_FULL;
	case EROFS:
		return ERR_STORAGE_READONLY;
	case ENOENT:
	case ENOTDIR:
	case ENXIO:
		return ERR_NOT_FOUND;
	case ENODEV:
		return ERR_CAMERA_LOST;
	case EBUSY:
		return ERR_BUSY;
	case ETIMEDOUT:
		return ERR_TIMEOUT;
	default:
		return ERR_IO;
	}
}

bool error_set_errno(struct error *err, int number, const char *format, ...)
{
	va_list args;
	size_t used;

	if (!err)
		return false;
	va_start(args, format);
	set_text(err, code_of_errno(number), format, args);
	va_end(args);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerror(number));
	return false;
}

bool error_set_argument(struct error *err, const char *argument, const char *format, ...)
{
	va_list args;

	if (!err)
		return false;
	va_start(args, format);
	set_text(err, ERR_BAD_ARGUMENT, format, args);
	va_end(args);
	snprintf(err->argument, sizeof(err->argument), "%s", argument);
	return false;
}

bool error_wrap(struct error *err, const char *format, ...)
{
	char text[2 * sizeof(err->text)];
	va_list args;
	size_t used;

	if (!err)
		return false;
	va_start(args, format);
	vsnprintf(text, sizeof(err->text) - 2, format, args);
	va_end(args);
	used = strlen(text);
	snprintf(text + used, sizeof(text) - used, ": %s", err->text);
	memcpy(err->text, text, sizeof(err->text) - 1);
	return false;
}
