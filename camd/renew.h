/* new_session: the session goes on in a new folder, while nothing is being written to the old one. Main thread. */
#pragma once

#include "camd/session.h"

/* label (NULL: none) becomes the end of the folder's name. reply: borrows the session's texts. */
bool renew_session(struct session *session, const char *label, struct session_started *reply, struct error *err);
