/* What machine this is, by what it tells everybody: nothing is opened that could disturb. One thread. */
#pragma once

#include "camctl/doctor.h"

/* A section of rows: system, board, processor, memory, contiguous memory, temperature, throttling, tools. */
void doctor_machine_examine(struct doctor *doctor);

/* Highest temperature of the machine's zones in degrees; NAN: it tells none. */
double doctor_machine_temperature(void);

/* What a Raspberry Pi says of its power and heat, in bits (0: all is well); -1: it is none, or doesn't tell. */
long doctor_machine_throttled(struct doctor *doctor);

/* The same as a row; during: what was going on, for its name. */
void doctor_machine_row_throttled(struct doctor *doctor, const char *during);
