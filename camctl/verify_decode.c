#include "camctl/verify_video.h"

#include "camctl/human.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* What ffmpeg says: NAME=VALUE of its progress, and complaints. */
struct words {
	int64_t frames, complaints;
	char first[200];
};

/* Its words come through a pipe. Returns its process, 0 if there is none. */
static pid_t start(const char *path, FILE **words)
{
	char *input = xasprintf("file:%s", path);
	const char *const argv[] = { "ffmpeg", "-nostdin", "-hide_banner", "-v", "error", "-progress", "pipe:1", "-i", input, "-map", "0:v:0",
				     "-vsync", "passthrough", "-f", "null", "-", NULL };
	posix_spawn_file_actions_t actions;
	int ends[2], failed;
	pid_t pid = 0;

	*words = NULL;
	if (pipe2(ends, O_CLOEXEC)) {
		free(input);
		return 0;
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
	failed = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	free(input);
	close(ends[1]);
	*words = failed ? NULL : fdopen(ends[0], "re");
	if (!*words)
		close(ends[0]);
	return failed ? 0 : pid;
}

static void take_line(struct words *words, char *line)
{
	size_t name = strspn(line, "abcdefghijklmnopqrstuvwxyz0123456789_");

	line[strcspn(line, "\n")] = '\0';
	if (line[name] == '=') {
		if (!strncmp(line, "frame=", 6))
			words->frames = strtoll(line + 6, NULL, 10);
	} else if (*line && !strstr(line, "deprecated") && !words->complaints++) {
		snprintf(words->first, sizeof(words->first), "%s", human_clean(line));
	}
}

static void judge(struct verify_file *file, const struct words *words, int status)
{
	int64_t wanted = file->frames;

	file->decoded_frames = words->frames;
	if (words->complaints)
		verify_add_problem(file, VERIFY_DECODING, words->complaints, "the decoder complains %" PRId64 " times, at first: %s",
				   words->complaints, words->first);
	else if (!WIFEXITED(status) || WEXITSTATUS(status))
		verify_add_problem(file, VERIFY_DECODING, FIELD_UNSET, "ffmpeg failed to decode it");
	if (wanted != FIELD_UNSET && words->frames < wanted)
		verify_add_problem(file, VERIFY_DECODING, wanted - words->frames, "%" PRId64 " frames of %" PRId64 " can't be decoded",
				   wanted - words->frames, wanted);
}

void verify_decode(struct verify_file *file)
{
	struct words words = { 0 };
	char *line = NULL;
	size_t room = 0;
	int status = 0;
	FILE *from;
	pid_t pid = start(file->file, &from);

	if (!pid || !from) {
		verify_add_note(file, "it was not decoded: the program ffmpeg can't be started (Debian's package ffmpeg)");
		file->verdict = VERIFY_UNKNOWN;
		return;
	}
	while (getline(&line, &room, from) >= 0)
		take_line(&words, line);
	free(line);
	fclose(from);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	judge(file, &words, status);
}
