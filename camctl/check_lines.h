/*
 * `camctl check-lines`: for tests that speak with camd themselves. Holds every line against the message table, and notes in
 * $CAMD_SEEN what it sees; a line that is a request counts as a command sent. One thread.
 */
#pragma once

/* path NULL or "-": stdin. The exit status. */
int check_lines(const char *path);
