#include "camd/handlers/handlers.h"

void handle_remux(struct request *request)
{
	struct error err;

	error_set(&err, ERR_UNSUPPORTED, "remux is not there yet");
	request_fail(request, &err);
}
