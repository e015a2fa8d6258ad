/*
 * The sockets that camd was handed: takes the clients that come, and looks who they are (SO_PEERCRED). root, camd's own user
 * and members of the socket's group may speak: the group that its file has (systemd's SocketGroup=), or camd's own where there
 * is no file. Others get one line, `error`, and are disconnected. Main thread.
 */
#pragma once

#include "camd/control.h"
#include "camd/handed.h"

struct listener;

/* Takes the sockets over. */
struct listener *listener_create(uv_loop_t *loop, struct control *control, const struct handed *handed);
void listener_stop(struct listener *listener);		/* closes them */
void listener_destroy(struct listener *listener);	/* NULL is allowed; freed when the loop has run once more */
