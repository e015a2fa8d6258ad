#include "camd/notify.h"

#include "common/util.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A path, or '@' and a name that has no file. False: no such thing, or too long. */
static bool read_address(struct notify *notify, const char *name)
{
	size_t bytes = name ? strlen(name) : 0;

	if (bytes < 2 || bytes >= sizeof(notify->address.sun_path) || (*name != '/' && *name != '@'))
		return false;
	notify->address.sun_family = AF_UNIX;
	memcpy(notify->address.sun_path, name, bytes);
	if (*name == '@')
		notify->address.sun_path[0] = '\0';
	notify->address_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes + (*name == '/'));
	return true;
}

/* Of the variable; 0: there is none that makes sense. */
static int64_t read_watchdog_ns(void)
{
	const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	long long interval_us = us ? strtoll(us, NULL, 10) : 0;

	if ((pid && strtol(pid, NULL, 10) != getpid()) || interval_us <= 0 || interval_us > INT64_MAX / NS_PER_US)
		return 0;
	return interval_us * NS_PER_US;
}

void notify_take(struct notify *notify)
{
	*notify = (struct notify){ .fd = -1 };
	if (read_address(notify, getenv("NOTIFY_SOCKET"))) {
		notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		notify->watchdog_ns = notify->fd < 0 ? 0 : read_watchdog_ns();
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

bool notify_say(const struct notify *notify, const char *format, ...)
{
	char text[512];
	va_list arguments;
	int bytes;

	if (notify->fd < 0)
		return true;
	va_start(arguments, format);
	bytes = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return sendto(notify->fd, text, (size_t)MIN(bytes, (int)sizeof(text) - 1), MSG_DONTWAIT | MSG_NOSIGNAL,
		      (const struct sockaddr *)&notify->address, notify->address_bytes) >= 0;
}
