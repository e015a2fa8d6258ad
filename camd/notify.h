/*
 * What camd says to the service manager that started it, by systemd's protocol: a datagram to the UNIX socket that $NOTIFY_SOCKET
 * names. (As with handed.h, that is all of libsystemd that camd would need.) Nothing is said where nobody asked. Main thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
	int fd;				/* -1: nobody listens */
	struct sockaddr_un address;
	socklen_t address_bytes;
	int64_t watchdog_ns;		/* it must hear from camd within so long; 0: it does not mind */
};

/* Takes what concerns this process off the environment, before there are threads: no child speaks for camd. */
void notify_take(struct notify *notify);

/* "READY=1\nSTATUS=…". Never waits. False: it was not taken, and may be said again. */
bool notify_say(const struct notify *notify, const char *format, ...) __attribute__((format(printf, 2, 3)));
