#include "camd/picture_file.h"

#include "common/util.h"

#include <errno.h>
#include <unistd.h>

bool picture_file_fill(int fd, const char *path, const void *data, size_t bytes, struct error *err)
{
	bool good = fd >= 0 && write_whole(fd, data, bytes) && !fsync(fd);

	if (!good)
		error_set_errno(err, errno, "cannot write %s", path);
	if (!good && fd >= 0)
		unlink(path);		/* what is there already is not ours to remove */
	if (fd >= 0)
		close(fd);
	return good;
}
