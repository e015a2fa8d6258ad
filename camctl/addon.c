#include "camctl/addon.h"

#include "common/module.h"

#include <dlfcn.h>
#include <limits.h>
#include <unistd.h>

const void *addon_load(const char *file, const char *symbol, unsigned abi, const char *library, struct error *err)
{
	char path[PATH_MAX];
	void *handle;
	const unsigned *module;

	module_find(CAMCTL_MODULE_DIR, file, path, sizeof(path));
	if (access(path, F_OK)) {
		error_set(err, ERR_UNSUPPORTED, "%s is not there; install %s and build again, or the package that has this file",
			  path, library);
		return NULL;
	}
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	module = handle ? dlsym(handle, symbol) : NULL;
	if (!module) {
		error_set(err, ERR_UNSUPPORTED, "%s; the package of that library is missing", dlerror());
		return NULL;
	}
	if (*module == abi)
		return module;
	error_set(err, ERR_UNSUPPORTED, "%s belongs to another version of camctl: build it again", path);
	return NULL;
}
