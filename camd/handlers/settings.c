#include "camd/handlers/handlers.h"

#include "camd/journal.h"
#include "camd/session.h"

void handle_get_config(struct request *request)
{
	const struct get_config_args *args = request->arguments;
	struct config_values reply = { 0 };
	struct error err;

	if (!options_to_json(request_options(request), &args->names, &reply.values, &err)) {
		request_fail(request, &err);
		return;
	}
	request_reply(request, &reply);
	options_free_json(reply.values);
}

void handle_set_config(struct request *request)
{
	const struct set_config_args *args = request->arguments;
	struct config_values reply = { .values = args->values };
	struct error err;

	if (!options_from_json(request_options(request), args->values, &reply.restart_needed, &err)) {
		request_fail(request, &err);
		return;
	}
	journal_configure(session_config(request->session));
	session_config_changed(request->session);
	request_reply(request, &reply);
	fields_free_texts(&reply.restart_needed);
}
