/*
 * `camctl doctor --board`: real cameras and the real encoder, by measurement. All trials, one after another, unattended. One
 * thread.
 */
#pragma once

#include "camctl/doctor_camd.h"

/* ns: how long all cameras together are recorded; each alone takes no more than a minute. */
void doctor_board_run(struct doctor *doctor, const struct doctor_camd *camd, int64_t ns);
