#include "camctl/shell.h"

#include "common/util.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_OUTPUT_BYTES ((off_t)1 << 20)

struct shell {
	uv_process_t process;
	int output_fd;		/* a file in memory: nobody has to read while the command runs */
	bool ended, abandoned;
	int status;
};

static void on_closed(uv_handle_t *handle)
{
	struct shell *shell = handle->data;

	if (shell->abandoned)
		free(shell);
	else
		shell->ended = true;
}

static void on_exit_of(uv_process_t *process, int64_t status, int signal)
{
	struct shell *shell = process->data;

	shell->status = signal ? 128 + signal : (int)status;
	uv_close((uv_handle_t *)process, on_closed);
}

struct shell *shell_start(uv_loop_t *loop, const char *command, const char *directory, struct error *err)
{
	struct shell *shell = xcalloc(1, sizeof(*shell));
	char *arguments[] = { (char *)"sh", (char *)"-c", (char *)command, NULL };
	uv_stdio_container_t stdio[3] = { { .flags = UV_IGNORE }, { .flags = UV_INHERIT_FD }, { .flags = UV_INHERIT_FD } };
	uv_process_options_t options = {
		.file = "/bin/sh", .args = arguments, .cwd = directory, .exit_cb = on_exit_of, .flags = UV_PROCESS_DETACHED,
		.stdio_count = 3, .stdio = stdio,
	};
	int number;

	shell->process.data = shell;
	shell->output_fd = memfd_create("output", MFD_CLOEXEC);
	stdio[1].data.fd = stdio[2].data.fd = shell->output_fd;
	number = uv_spawn(loop, &shell->process, &options);
	if (!number)
		return shell;
	error_set_errno(err, -number, "cannot start /bin/sh");
	close(shell->output_fd);
	shell->abandoned = true;
	uv_close((uv_handle_t *)&shell->process, on_closed);
	return NULL;
}

bool shell_has_ended(const struct shell *shell)
{
	return shell->ended;
}

static char *read_output(int fd)
{
	off_t bytes = MIN(MAX(lseek(fd, 0, SEEK_END), 0), MAX_OUTPUT_BYTES);
	char *text = xcalloc(1, bytes + 1);
	ssize_t n = pread(fd, text, bytes, 0);

	text[MAX(n, 0)] = '\0';
	return text;
}

struct shell_result shell_finish(struct shell *shell)
{
	struct shell_result result = { shell->ended, shell->status, read_output(shell->output_fd) };

	close(shell->output_fd);
	if (shell->ended) {
		free(shell);
		return result;
	}
	shell->abandoned = true;
	if (!uv_is_closing((uv_handle_t *)&shell->process))
		kill(-shell->process.pid, SIGKILL);	/* its own group: what it started goes with it */
	return result;
}
