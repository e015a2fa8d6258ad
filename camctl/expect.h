/* What a script expects of camd: `< REPLY`, `<event EVENT`, `no event EVENT`, `silence TIME`. One thread. */
#pragma once

#include "camctl/step.h"

bool expect_line(struct step *step);
bool expect_no_event(struct step *step);
bool expect_silence(struct step *step);
