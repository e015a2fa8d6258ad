/*
 * Lines to requests, messages to lines: the only place besides common/field that knows JSON. camd uses one half, camctl the
 * other. Pure functions; any thread.
 */
#pragma once

#include "protocol/commands.h"
#include "protocol/messages.h"

struct cJSON;

/* ---- camd's half ---- */

struct wire_request {
	const struct command *command;	/* NULL if unknown */
	char *command_name;		/* as given, NULL if none */
	struct cJSON *id;		/* NULL if none */
	void *arguments;		/* the command's argument struct */
	struct list ignored;		/* of texts: members that the command doesn't know */
};

/*
 * Parses one line (without newline). On failure, err says why, and command_name and id are set as far as they could be read,
 * so that the error's reply can name them. Either way the request must be cleared.
 */
bool wire_parse_request(const char *line, size_t bytes, struct wire_request *request, struct error *err);
void wire_clear_request(struct wire_request *request);

/* One line with its newline, allocated. data: the message's struct, or NULL. id, ignored: may be NULL. */
char *wire_print_message(enum message_id message, const void *data, const struct cJSON *id, const struct list *ignored);

/* The reply `error`; command may be NULL. */
char *wire_print_error(const struct error *error, const char *command, const struct cJSON *id);

/* ---- the client's half ---- */

/* A request as a line with its newline, allocated. arguments: the command's struct, or NULL; id < 0: none. */
char *wire_print_request(const struct command *command, const void *arguments, int64_t id);

struct wire_message {
	enum message_id message;
	struct cJSON *json;
};

/* Parses a line that camd sent, and checks it against the message table. */
bool wire_parse_message(const char *line, size_t bytes, struct wire_message *message, struct error *err);
void wire_clear_message(struct wire_message *message);

/*
 * Looks into a message by a path of member names and indexes: "data.cameras.0.frames"; "#" is the length of a list.
 * Texts are borrowed. Absent or of another type: NULL, or the fallback.
 */
const char *wire_text(const struct wire_message *message, const char *path);
double wire_number(const struct wire_message *message, const char *path, double fallback);
int64_t wire_integer(const struct wire_message *message, const char *path, int64_t fallback);
bool wire_bool(const struct wire_message *message, const char *path, bool fallback);

/* The name of the index-th member of the object at the path, borrowed; NULL: there is none. For objects that no table describes. */
const char *wire_member_name(const struct wire_message *message, const char *path, int index);

/* What stands at the path as JSON text, allocated; NULL if nothing does. Strings without quotes. */
char *wire_value_text(const struct wire_message *message, const char *path);

/* The whole data, indented, for people; allocated. */
char *wire_pretty(const struct wire_message *message);
