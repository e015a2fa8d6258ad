/* The event loop of a program. */
#pragma once

#include <uv.h>

/* Begins one. A system that refuses it ends the program, with exit status 1 and the reason on stderr: there is no way on without. */
void xloop(uv_loop_t *loop);
