#include "common/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void xloop(uv_loop_t *loop)
{
	int status = uv_loop_init(loop);

	if (!status)
		return;
	fprintf(stderr, "%s: no event loop: %s; the limits may be too low (ulimit -n)\n", program_invocation_short_name, uv_strerror(status));
	exit(1);
}
