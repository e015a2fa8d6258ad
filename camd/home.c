#include "camd/home.h"

#include "common/log.h"
#include "common/util.h"
#include "protocol/describe.h"

#include <unistd.h>

void home_init(struct home *home, const struct config *config)
{
	*home = (struct home){ .config = config, .folder.fd = -1 };
}

static bool make(const struct home *home, struct folder *folder, const char *label, struct error *err)
{
	if (!folder_create(folder, home->config->output_dir, home->config->session_prefix, label, err))
		return false;
	if (!folder_open_log(folder, err)) {
		folder_finish(folder, true);
		return false;
	}
	log_info("camd %s, protocol %d, session %s", CAMD_VERSION, PROTOCOL_VERSION, folder->path);
	return true;
}

bool home_open(struct home *home, struct error *err)
{
	return make(home, &home->folder, NULL, err);
}

const char *home_directory(struct home *home, struct error *err)
{
	/* whoever took it away, or whatever disk it lay on: recordings go on in a new one */
	if (home->folder.path && access(home->folder.path, F_OK)) {
		log_warning("session folder %s is gone", home->folder.path);
		folder_finish(&home->folder, false);
	}
	if (!home->folder.path && !home_open(home, err))
		return NULL;
	return home->folder.path;
}

static void leave(struct home *home)
{
	folder_finish(&home->folder, !home->used && home->config->keep_session == KEEP_USED);
	home->used = false;
}

bool home_move(struct home *home, const char *label, struct error *err)
{
	struct folder folder;

	log_info("a new session was asked for%s%s", label ? ": " : "", label ? label : "");
	if (!make(home, &folder, label, err)) {
		log_error("the session stays: %s", err->text);
		return false;
	}
	if (home->folder.path)
		log_info("the session before was %s", home->folder.path);
	folder.made_parent = home->folder.made_parent;
	leave(home);
	home->folder = folder;
	return true;
}

void home_finish(struct home *home)
{
	leave(home);
}
