#include "camctl/doctor_devices.h"

#include "camctl/doctor_files.h"
#include "camctl/human.h"
#include "common/util.h"

#include <errno.h>
#include <glob.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LITTLE_BYTES ((int64_t)1 << 30)
#define TOO_LITTLE_BYTES ((int64_t)100 << 20)
#define MAX_GROUPS 256

/* ---- nodes ---- */

/* "bcm2835-codec-encode (bcm2835-codec)" */
static void describe_node(const char *path, char text[DOCTOR_TEXT_BYTES])
{
	char name[DOCTOR_TEXT_BYTES] = "?", target[PATH_MAX];
	char *file = xasprintf("/sys/class/video4linux/%s/name", strrchr(path, '/') + 1);
	char *driver = xasprintf("/sys/class/video4linux/%s/device/driver", strrchr(path, '/') + 1);
	ssize_t n = readlink(driver, target, sizeof(target) - 1);

	doctor_files_line(file, name);
	target[MAX(n, 0)] = '\0';
	snprintf(text, DOCTOR_TEXT_BYTES, "%.120s%s%.60s%s", name, n > 0 ? " (" : "", n > 0 ? strrchr(target, '/') + 1 : "",
		 n > 0 ? ")" : "");
	free(file);
	free(driver);
}

/* Tells those that can't be opened by name; all stand in the file. Returns how many can't. */
static size_t list_nodes(struct findings *report, const glob_t *found)
{
	size_t refused = 0;

	for (size_t i = 0; i < found->gl_pathc; i++) {
		const char *path = found->gl_pathv[i];
		char what[DOCTOR_TEXT_BYTES];
		bool allowed = !access(path, R_OK | W_OK);

		describe_node(path, what);
		findings_line(report, "- `%s` %s%s", path, what, allowed ? "" : ": **not allowed**");
		refused += !allowed;
	}
	return refused;
}

static void row_nodes(struct findings *report)
{
	glob_t found = { 0 };
	size_t refused;

	glob("/dev/video*", 0, NULL, &found);
	refused = list_nodes(report, &found);
	if (refused)
		findings_row(report, VERDICT_PROBLEM, "video devices",
			   "put the user into the group that owns them, which is video on Debian: sudo usermod -aG video "
			   "\"$USER\", then log in again", "%zu of %zu may not be opened", refused, found.gl_pathc);
	else if (!found.gl_pathc)
		findings_row(report, VERDICT_NOTE, "video devices", "a USB camera, or a camera that config.txt or a device "
			   "tree names, makes some",
			   "there is no /dev/video*");
	else
		findings_row(report, VERDICT_OK, "video devices", NULL, "%zu, all may be opened", found.gl_pathc);
	globfree(&found);
}

static bool is_member(gid_t wanted)
{
	gid_t groups[MAX_GROUPS];
	int n = getgroups(MAX_GROUPS, groups);

	for (int i = 0; i < n; i++)
		if (groups[i] == wanted)
			return true;
	return getegid() == wanted;
}

static void row_group(struct findings *report)
{
	const struct group *group = getgrnam("video");
	gid_t video = group ? group->gr_gid : 0;
	const struct passwd *user = getpwuid(geteuid());
	const char *name = user ? user->pw_name : "this user";

	if (!group)
		findings_row(report, VERDICT_OK, "group video", NULL, "this system has no such group");
	else if (!geteuid() || is_member(video))
		findings_row(report, VERDICT_OK, "group video", NULL, "%s %s", name, geteuid() ? "is in it" : "needs no group");
	else
		findings_row(report, VERDICT_NOTE, "group video", "sudo usermod -aG video \"$USER\", then log in again",
			   "%s is not in it", name);
}

void doctor_devices_examine(struct doctor *doctor)
{
	findings_section(doctor->report, "Devices");
	row_nodes(doctor->report);
	row_group(doctor->report);
}

/* ---- the disk ---- */

/* A path of mountinfo, where blanks and backslashes are written as octal numbers. */
static void unescape(char *path)
{
	char *to = path;

	for (const char *from = path; *from; from++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] && from[3]) {
			*to++ = (char)strtol((char[]){ from[1], from[2], from[3], '\0' }, NULL, 8);
			from += 3;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

static bool lies_below(const char *path, const char *mount)
{
	size_t n = strlen(mount);

	return !strcmp(mount, "/") || (!strncmp(path, mount, n) && (path[n] == '/' || !path[n]));
}

/* Type and device of the file system that holds the path: the mount that reaches farthest, the last of them. */
static void find_mount(const char *path, char type[64], char device[DOCTOR_TEXT_BYTES])
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, mount[PATH_MAX], this_type[64], this_device[DOCTOR_TEXT_BYTES];
	size_t room = 0, longest = 0;

	while (file && getline(&line, &room, file) > 0) {
		const char *rest = strstr(line, " - ");

		if (!rest || sscanf(line, "%*s %*s %*s %*s %4095s", mount) != 1 ||
		    sscanf(rest, " - %63s %199s", this_type, this_device) != 2)
			continue;
		unescape(mount);
		if (!lies_below(path, mount) || strlen(mount) < longest)
			continue;
		longest = strlen(mount);
		memcpy(type, this_type, sizeof(this_type));
		memcpy(device, this_device, sizeof(this_device));
	}
	free(line);
	if (file)
		fclose(file);
}

/* What is to be known of a file system that holds recordings; NULL: nothing. */
static const char *advice_on(const char *type)
{
	if (!strcmp(type, "vfat") || !strcmp(type, "msdos"))
		return "a file on FAT ends at 4 GB, and FAT has no journal: ext4 is safer";
	if (!strcmp(type, "tmpfs") || !strcmp(type, "ramfs") || !strcmp(type, "overlay"))
		return "what is recorded there may be gone with the power, or when it is unmounted";
	if (!strncmp(type, "nfs", 3) || !strcmp(type, "cifs") || !strncmp(type, "fuse", 4))
		return "a disk behind a network or a program can be slow or away: lost frames would be counted as storage";
	return NULL;
}

int64_t doctor_devices_free_bytes(const char *directory)
{
	struct statvfs fs;

	if (statvfs(directory, &fs))
		return -1;
	return (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
}

void doctor_devices_row_disk(struct doctor *doctor, const char *directory, int64_t bits_per_s)
{
	char type[64] = "unknown file system", device[DOCTOR_TEXT_BYTES] = "?", size[HUMAN_BYTES], lasting[HUMAN_BYTES];
	int64_t left = doctor_devices_free_bytes(directory);
	const char *advice;

	if (left < 0 || access(directory, W_OK)) {
		findings_row(doctor->report, VERDICT_PROBLEM, "disk", "make the directory writable, or choose another with "
			   "--output-dir",
			   "%s: %s", directory, strerror(errno));
		return;
	}
	find_mount(directory, type, device);
	advice = left < LITTLE_BYTES ? "make room, or choose another directory with --output-dir" : advice_on(type);
	findings_row(doctor->report, left < TOO_LITTLE_BYTES ? VERDICT_PROBLEM : advice ? VERDICT_NOTE : VERDICT_OK, "disk",
		   advice,
		   "%s: %s on %s, %s free, enough for %s at %.1f Mb/s", directory, type, device, human_size(left, size),
		   human_duration(left / MAX(bits_per_s / 8, 1) * NS_PER_S, lasting), (double)bits_per_s / 1e6);
}
