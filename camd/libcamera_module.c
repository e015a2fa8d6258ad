#include "camd/libcamera_module.h"

#include "common/log.h"
#include "common/module.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "camd_libcamera.so"

/* Of the process, because libcamera's manager is. */
struct loaded {
	pthread_mutex_t lock;
	bool tried;
	struct libcamera libcamera;
	struct error error;
};

/* The path of the module, or of where it is expected. */
static void find_file(char *path, size_t bytes)
{
	const char *wanted = getenv("CAMD_LIBCAMERA");

	if (wanted && *wanted)
		snprintf(path, bytes, "%s", wanted);
	else
		module_find(CAMD_MODULE_DIR, FILE_NAME, path, bytes);
}

/* NULL: err says why. A module that doesn't fit stays loaded: its libraries may have started threads. */
static const struct libcamera_module *load(const char *path, struct error *err)
{
	const struct libcamera_module *module;
	libcamera_entry_fn entry;
	void *handle, *symbol;

	if (access(path, F_OK)) {
		error_set(err, ERR_UNSUPPORTED, "this camd has no libcamera: %s is not there; install libcamera-dev and "
			  "g++ (Debian), then build camd again, or install the package that has this file", path);
		return NULL;
	}
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	symbol = handle ? dlsym(handle, LIBCAMERA_ENTRY) : NULL;
	if (!symbol) {
		error_set(err, ERR_UNSUPPORTED, "libcamera can't be loaded: %s; the package of that library is missing, "
			  "or camd was built for another version of it: build it again", dlerror());
		return NULL;
	}
	memcpy(&entry, &symbol, sizeof(entry));
	module = entry();
	if (module->abi == LIBCAMERA_ABI)
		return module;
	error_set(err, ERR_UNSUPPORTED, "%s belongs to another version of camd (its ABI is %u, %d is needed): build it "
		  "again", path,
		  module->abi, LIBCAMERA_ABI);
	return NULL;
}

static bool start(struct libcamera *libcamera, struct error *err)
{
	char path[PATH_MAX];
	const struct libcamera_module *module;
	int rc;

	find_file(path, sizeof(path));
	module = load(path, err);
	if (!module)
		return false;
	rc = module->start_manager(&libcamera->manager);
	if (rc < 0)
		return error_set(err, ERR_UNSUPPORTED, "libcamera %s doesn't start: %s", module->version, strerror(-rc));
	libcamera->module = module;
	log_info("libcamera %s is there (%s)", module->version, path);
	return true;
}

const struct libcamera *libcamera_get(struct error *err)
{
	static struct loaded loaded = { .lock = PTHREAD_MUTEX_INITIALIZER };
	bool good;

	pthread_mutex_lock(&loaded.lock);
	if (!loaded.tried && !start(&loaded.libcamera, &loaded.error))
		log_info("no libcamera cameras: %s", loaded.error.text);
	loaded.tried = true;
	good = loaded.libcamera.module;
	pthread_mutex_unlock(&loaded.lock);
	/* neither changes any more */
	if (!good && err)
		*err = loaded.error;
	return good ? &loaded.libcamera : NULL;
}
