/*
 * Preview windows beside a camd that a master program commands: a process and a client of their own, so that what the master sends
 * and gets is none of their affair. They only look: no key does anything, and closing them ends nothing. One thread.
 */
#pragma once

#include "camctl/previews.h"

/*
 * Starts the process. Returns the socket that camd is to be given for it; -1: err says why. It ends with camd. Nothing else may
 * have been begun in this process, which is forked.
 */
int onlooker_start(enum preview_place place, struct error *err);
