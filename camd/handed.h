/*
 * The sockets that whoever started camd hands it, by systemd's protocol: descriptors from 3 on, as many as $LISTEN_FDS says,
 * if $LISTEN_PID is this process. (Those are all of libsystemd's words that camd would need; a library and its three
 * compressors for them is too much, and the protocol is promised not to change.)
 *
 * Main thread, before anything else is opened.
 */
#pragma once

#include "common/field.h"

#include <stdbool.h>

#define HANDED_MAX 16

struct handed {
	struct {
		int fd;
		bool listening;		/* else a client is connected to it */
	} sockets[HANDED_MAX];
	size_t n;
};

/*
 * Takes the UNIX stream sockets, so that no child inherits them; whatever else was handed is closed. The environment is
 * cleared of it all. problems: gets a text for each thing that can't be used.
 */
void handed_take(struct handed *handed, struct list *problems);
