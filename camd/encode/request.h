/* What no encoder of H.264 can do, whichever it is. Pure; any thread. */
#pragma once

#include "camd/encode/encoder.h"

/* Errors: bad_argument, with the setting that is at fault. */
bool encoder_request_check(const struct encoder_request *request, struct error *err);
