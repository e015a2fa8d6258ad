#include "camd/handlers/handlers.h"

#include "camd/archive.h"

void handle_list_recordings(struct request *request)
{
	archive_list(session_storage(request->session), request->arguments, request_done, request);
}

static void change(struct request *request, enum archive_change what)
{
	const struct files_args *args = request->arguments;

	archive_change(session_storage(request->session), what, &args->file, request_done, request);
}

void handle_protect(struct request *request)
{
	change(request, ARCHIVE_PROTECT);
}

void handle_unprotect(struct request *request)
{
	change(request, ARCHIVE_UNPROTECT);
}

void handle_delete_recording(struct request *request)
{
	change(request, ARCHIVE_DELETE);
}
