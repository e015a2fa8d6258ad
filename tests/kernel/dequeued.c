/*
 * For LD_PRELOAD: writes down what a driver said of each buffer that a program took from it, one line each:
 * "DEVICE SEQUENCE NANOSECONDS", DEVICE being the minor number of the video node. The file is named by CAMD_DEQUEUED.
 */
#include <dlfcn.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static void write_down(int fd, const struct v4l2_buffer *buffer)
{
	const char *path = getenv("CAMD_DEQUEUED");
	FILE *file = path ? fopen(path, "ae") : NULL;
	struct stat status;

	if (!file)
		return;
	if (!fstat(fd, &status))
		fprintf(file, "%u %u %lld\n", minor(status.st_rdev), buffer->sequence,
			buffer->timestamp.tv_sec * 1000000000LL + buffer->timestamp.tv_usec * 1000LL);
	fclose(file);
}

int ioctl(int fd, unsigned long request, ...)
{
	int (*next)(int, unsigned long, ...);
	void *symbol = dlsym(RTLD_NEXT, "ioctl");
	va_list arguments;
	void *argument;
	int rc;

	memcpy(&next, &symbol, sizeof(next));
	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	rc = next(fd, request, argument);
	if (!rc && request == VIDIOC_DQBUF)
		write_down(fd, argument);
	return rc;
}
