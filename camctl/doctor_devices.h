/* The video devices of the machine, and whether this user may open them; and the disk that is recorded to. One thread. */
#pragma once

#include "camctl/doctor.h"

void doctor_devices_examine(struct doctor *doctor);

/* A row: file system and free space of a directory, at so many bits a second. */
void doctor_devices_row_disk(struct doctor *doctor, const char *directory, int64_t bits_per_s);

/* Bytes that are free there for this user; -1: unknown. */
int64_t doctor_devices_free_bytes(const char *directory);
