#include "camd/v4l2_node.h"

#include "camd/v4l2_identity.h"
#include "camd/v4l2_mode.h"
#include "common/util.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Parts of image pipelines that look like cameras, but give nothing without libcamera. */
static const char *const pipeline_drivers[] = { "bcm2835-isp", "unicam", "rp1-cfe", "pispbe", "rkisp1", NULL };

/* The cameras that are there, in the order of their places on the bus. */
struct candidates {
	struct v4l2_identity *items;
	bool *usable;			/* camd can use its pictures */
	size_t n;
	char refused[48];		/* what camd has no right to open: a /dev/videoN, or how many; empty: none */
	size_t n_refused;
};

int v4l2_node_ioctl(int fd, unsigned long request, void *argument)
{
	int rc;

	do
		rc = ioctl(fd, request, argument);
	while (rc < 0 && errno == EINTR);
	return rc;
}

bool v4l2_node_is_multiplanar(const struct v4l2_node *node)
{
	return node->type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
}

static bool is_pipeline(const char *driver)
{
	for (const char *const *name = pipeline_drivers; *name; name++)
		if (!strcmp(driver, *name))
			return true;
	return false;
}

/* Asks what an open node is. NULL: a camera; otherwise why it is none. */
static const char *query(struct v4l2_node *node)
{
	struct v4l2_capability cap = { 0 };
	unsigned caps;

	if (v4l2_node_ioctl(node->fd, VIDIOC_QUERYCAP, &cap))
		return errno == ENODEV ? "it has been unplugged" : "not a video device";
	caps = cap.capabilities & V4L2_CAP_DEVICE_CAPS ? cap.device_caps : cap.capabilities;
	v4l2_identity_copy(node->driver, sizeof(node->driver), (const char *)cap.driver);
	v4l2_identity_copy(node->bus, sizeof(node->bus), (const char *)cap.bus_info);
	v4l2_identity_copy(node->card, sizeof(node->card), (const char *)cap.card);
	if (caps & (V4L2_CAP_VIDEO_M2M | V4L2_CAP_VIDEO_M2M_MPLANE))
		return "a codec or converter, not a camera";
	if (caps & V4L2_CAP_IO_MC || is_pipeline(node->driver))
		return "part of an image pipeline that only libcamera can drive";
	if (!(caps & (V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_VIDEO_CAPTURE_MPLANE)) || !(caps & V4L2_CAP_STREAMING))
		return "it doesn't capture video";
	node->type = caps & V4L2_CAP_VIDEO_CAPTURE ? V4L2_BUF_TYPE_VIDEO_CAPTURE : V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
	return NULL;
}

static bool open_path(struct v4l2_node *node, const char *path)
{
	*node = (struct v4l2_node){ .fd = -1 };
	snprintf(node->path, sizeof(node->path), "%s", path);
	node->fd = open(node->path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	return node->fd >= 0;
}

/* A USB camera's serial number; empty: it has none. */
static void read_serial(int fd, char *serial, size_t bytes)
{
	char path[64], line[128] = "";
	struct stat status;
	FILE *file;

	*serial = '\0';
	if (fstat(fd, &status))
		return;
	/* device is the interface, of which the USB device is the parent */
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device/../serial", major(status.st_rdev), minor(status.st_rdev));
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(line, sizeof(line), file))
		line[strcspn(line, "\n")] = '\0';
	v4l2_identity_copy(serial, bytes, line);
	fclose(file);
}

static struct v4l2_identity identify_node(const struct v4l2_node *node, int number)
{
	struct v4l2_identity identity = { .number = number };

	memcpy(identity.bus, node->bus, sizeof(identity.bus));
	memcpy(identity.card, node->card, sizeof(identity.card));
	read_serial(node->fd, identity.serial, sizeof(identity.serial));
	return identity;
}

static void write_path(int number, char *path, size_t bytes)
{
	snprintf(path, bytes, "/dev/video%d", number);
}

static bool comes_before(const struct v4l2_identity *a, const struct v4l2_identity *b)
{
	int order = strcmp(a->bus, b->bus);

	return order ? order < 0 : a->number < b->number;
}

static void insert(struct candidates *found, const struct v4l2_identity *identity, bool usable)
{
	size_t at = found->n++;

	found->items = xrealloc(found->items, found->n, sizeof(*found->items));
	found->usable = xrealloc(found->usable, found->n, sizeof(*found->usable));
	for (; at && comes_before(identity, &found->items[at - 1]); at--) {
		found->items[at] = found->items[at - 1];
		found->usable[at] = found->usable[at - 1];
	}
	found->items[at] = *identity;
	found->usable[at] = usable;
}

static void note_refused(struct candidates *found, const char *path)
{
	if (++found->n_refused == 1)
		snprintf(found->refused, sizeof(found->refused), "%s", path);
	else
		snprintf(found->refused, sizeof(found->refused), "%zu of /dev/video*", found->n_refused);
}

/* Adds what is behind a name in /dev, if it is a camera. */
static void try_candidate(struct candidates *found, const char *name)
{
	struct v4l2_identity identity;
	struct v4l2_node node;
	char path[32];

	if (strncmp(name, "video", 5) || !name[5] || strspn(name + 5, "0123456789") != strlen(name + 5) || strlen(name) > 12)
		return;
	write_path(atoi(name + 5), path, sizeof(path));
	if (!open_path(&node, path)) {
		if (errno == EACCES || errno == EPERM)
			note_refused(found, path);
		return;
	}
	if (!query(&node)) {
		identity = identify_node(&node, atoi(name + 5));
		insert(found, &identity, v4l2_mode_is_usable(&node));
	}
	close(node.fd);
}

static struct candidates find_candidates(void)
{
	struct candidates found = { 0 };
	DIR *directory = opendir("/dev");
	struct dirent *entry;

	if (!directory)
		return found;
	while ((entry = readdir(directory)))
		try_candidate(&found, entry->d_name);
	closedir(directory);
	return found;
}

static void free_candidates(struct candidates *candidates)
{
	free(candidates->items);
	free(candidates->usable);
}

size_t v4l2_node_discover(char ***found)
{
	struct candidates candidates = find_candidates();
	char name[V4L2_IDENTITY_MAX];
	size_t n = 0;

	*found = xcalloc(MAX(candidates.n, 1), sizeof(**found));
	for (size_t i = 0; i < candidates.n; i++) {
		if (!candidates.usable[i])
			continue;
		v4l2_identity_name(candidates.items, candidates.n, i, name);
		(*found)[n++] = xstrdup(name);
	}
	free_candidates(&candidates);
	return n;
}

static void identify(struct v4l2_node *node)
{
	struct candidates candidates = find_candidates();
	char name[V4L2_IDENTITY_MAX], path[32];
	struct stat own, other;

	snprintf(node->id, sizeof(node->id), "v4l2:%s/%s", node->bus, node->card);
	for (size_t i = 0; i < candidates.n && !fstat(node->fd, &own); i++) {
		write_path(candidates.items[i].number, path, sizeof(path));
		if (stat(path, &other) || own.st_rdev != other.st_rdev)
			continue;
		v4l2_identity_name(candidates.items, candidates.n, i, name);
		snprintf(node->id, sizeof(node->id), "v4l2:%s", name);
	}
	free_candidates(&candidates);
}

static bool resolve_first(char *path, size_t bytes, struct error *err)
{
	struct candidates candidates = find_candidates();
	bool found = false;

	for (size_t i = 0; i < candidates.n && !found; i++) {
		found = candidates.usable[i];
		if (found)
			write_path(candidates.items[i].number, path, bytes);
	}
	free_candidates(&candidates);
	if (!found && *candidates.refused)
		return error_set(err, ERR_NO_CAMERAS, "no V4L2 camera found; there is no permission to open %s: " ERROR_JOIN_VIDEO, candidates.refused);
	return found || error_set(err, ERR_NO_CAMERAS, "no V4L2 camera found: none at /dev/video*");
}

/* From an id with or without its kind. */
static bool resolve_id(const char *what, char *path, size_t bytes, struct error *err)
{
	struct candidates candidates = find_candidates();
	bool ambiguous;
	int found = v4l2_identity_find(candidates.items, candidates.n, what, &ambiguous);

	if (found >= 0)
		write_path(candidates.items[found].number, path, bytes);
	free_candidates(&candidates);
	if (!strncmp(what, "v4l2:", 5))
		what += 5;
	if (ambiguous)
		return error_set(err, ERR_NOT_FOUND, "camera 'v4l2:%s': several have this serial number; list_cameras shows them by "
				 "their places", what);
	if (found < 0 && *candidates.refused)
		return error_set(err, ERR_NOT_FOUND, "camera 'v4l2:%s' is not there, or is %s%s, which there is no permission to open: " ERROR_JOIN_VIDEO,
				 what, candidates.n_refused > 1 ? "one of " : "", candidates.refused);
	return found >= 0 || error_set(err, ERR_NOT_FOUND, "camera 'v4l2:%s' is not there; list_cameras shows those that are", what);
}

static bool resolve(const char *what, char *path, size_t bytes, struct error *err)
{
	size_t length = strlen(what);

	if (length && strspn(what, "0123456789") == length)
		snprintf(path, bytes, "/dev/video%s", what);
	else if (length > 5 && !strncmp(what, "video", 5) && strspn(what + 5, "0123456789") == length - 5)
		snprintf(path, bytes, "/dev/%s", what);
	else if (*what == '/')
		snprintf(path, bytes, "%s", what);
	else
		return *what ? resolve_id(what, path, bytes, err) : resolve_first(path, bytes, err);
	return true;
}

static void command_of(int pid, char *name, size_t bytes)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	*name = '\0';
	if (!file)
		return;
	if (!fgets(name, (int)bytes, file))
		*name = '\0';
	fclose(file);
	name[strcspn(name, "\n")] = '\0';
}

static bool busy_with(const struct v4l2_node *node, int pid, struct error *err)
{
	char name[64];

	if (pid == getpid())
		return error_set(err, ERR_CAMERA_BUSY, "camera %s: this camd (pid %d) has it open already", node->path, pid);
	if (pid <= 0)
		return error_set(err, ERR_CAMERA_BUSY, "camera %s: in use by another process", node->path);
	command_of(pid, name, sizeof(name));
	return error_set(err, ERR_CAMERA_BUSY, "camera %s: in use by process %d%s%s%s", node->path, pid, *name ? " (" : "", name,
			 *name ? ")" : "");
}

/* Who holds the flock on an open file, by the kernel's list of locks; 0: not to be found, as from within a container. */
static int find_locker(int fd)
{
	FILE *locks = fopen("/proc/locks", "re");
	unsigned long inode;
	unsigned high, low;
	struct stat status;
	char line[256];
	int pid, found = 0;

	if (!locks)
		return 0;
	while (!fstat(fd, &status) && !found && fgets(line, sizeof(line), locks))
		if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%lu", &pid, &high, &low, &inode) == 4 &&
		    makedev(high, low) == status.st_dev && inode == status.st_ino)
			found = pid;
	fclose(locks);
	return found;
}

static bool process_has_open(const char *pid, dev_t device)
{
	char path[300];
	struct dirent *entry;
	struct stat status;
	bool found = false;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	fds = opendir(path);
	if (!fds)
		return false;
	while (!found && (entry = readdir(fds)))
		found = !fstatat(dirfd(fds), entry->d_name, &status, 0) && S_ISCHR(status.st_mode) && status.st_rdev == device;
	closedir(fds);
	return found;
}

/* Another process that has the device open; 0: none that we may look into. */
static int find_opener(int fd)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	struct stat status;
	int found = 0;

	if (!processes)
		return 0;
	while (!fstat(fd, &status) && !found && (entry = readdir(processes)))
		if (isdigit((unsigned char)*entry->d_name) && atoi(entry->d_name) != getpid() &&
		    process_has_open(entry->d_name, status.st_rdev))
			found = atoi(entry->d_name);
	closedir(processes);
	return found;
}

bool v4l2_node_busy(const struct v4l2_node *node, struct error *err)
{
	return busy_with(node, find_opener(node->fd), err);
}

static bool fail_open(const struct v4l2_node *node, int number, struct error *err)
{
	switch (number) {
	case EACCES:
	case EPERM:
		return error_set(err, ERR_PERMISSION_DENIED, "camera %s: no permission: " ERROR_JOIN_VIDEO, node->path);
	case ENOENT:
	case ENOTDIR:
	case ENXIO:
	case ENODEV:
		return error_set(err, ERR_NOT_FOUND, "camera %s: there is no such device; is it plugged in?", node->path);
	case EBUSY:
		return error_set(err, ERR_CAMERA_BUSY, "camera %s: in use by another process", node->path);
	default:
		return error_set_errno(err, number, "camera %s", node->path);
	}
}

static bool lock(const struct v4l2_node *node, struct error *err)
{
	if (!flock(node->fd, LOCK_EX | LOCK_NB))
		return true;
	if (errno == EWOULDBLOCK)
		return busy_with(node, find_locker(node->fd), err);
	return error_set_errno(err, errno, "camera %s: can't be locked", node->path);
}

bool v4l2_node_open(struct v4l2_node *node, const char *what, const char *id, struct error *err)
{
	char path[sizeof(node->path)];
	struct stat status;
	const char *reason;

	*node = (struct v4l2_node){ .fd = -1 };
	if (!(id ? resolve_id(id, path, sizeof(path), err) : resolve(what, path, sizeof(path), err)))
		return false;
	snprintf(node->path, sizeof(node->path), "%s", path);
	if (!stat(path, &status) && !S_ISCHR(status.st_mode))
		return error_set(err, ERR_UNSUPPORTED, "camera %s: not a device; a video file is 'file:PATH'", path);
	if (!open_path(node, path))
		return fail_open(node, errno, err);
	reason = query(node);
	if (reason) {
		error_set(err, ERR_UNSUPPORTED, "camera %s: %s", path, reason);
		goto fail;
	}
	if (!lock(node, err))
		goto fail;
	identify(node);
	return true;

fail:
	close(node->fd);
	node->fd = -1;
	return false;
}

void v4l2_node_close(struct v4l2_node *node)
{
	if (node->fd < 0)
		return;
	/* Mapped buffers keep the open file, and with it the lock, beyond close(). */
	flock(node->fd, LOCK_UN);
	close(node->fd);
	node->fd = -1;
}
