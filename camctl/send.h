/* What a script sends to camd: `> LINE`, `>COMMAND argument=value`, `>> BYTES`. One thread. */
#pragma once

#include "camctl/step.h"

bool send_statement(struct step *step);
