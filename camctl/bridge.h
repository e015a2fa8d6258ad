/*
 * stdin and stdout as the two directions of a socket, byte by byte: a master program that knows pipes speaks with a camd that runs
 * already. The end of stdin is passed on; what camd then still answers is waited for. Two threads, one a direction, so that one
 * that is stuck does not hold up the other.
 */
#pragma once

#include "common/error.h"

/* Connects; returns when camd has hung up, or nobody reads stdout. False: there is no camd. */
bool bridge_run(const char *path, struct error *err);
