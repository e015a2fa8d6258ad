#include "camctl/script.h"

#include "camctl/session.h"
#include "camctl/step.h"
#include "camctl/tempdir.h"
#include "common/loop.h"
#include "common/util.h"

#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIMIT_NS (10 * NS_PER_S)
#define STATUS_SKIPPED 77
#define TAIL_LINES 25

bool script_fail(struct script *script, const char *format, ...)
{
	va_list args;

	if (script->failure)
		return false;
	va_start(args, format);
	if (vasprintf(&script->failure, format, args) < 0)
		abort();
	va_end(args);
	return false;
}

/* ---- time ---- */

static void on_time(uv_timer_t *timer)
{
	struct script *script = timer->data;

	script->timed_out = true;
}

static bool check_peers(struct script *script)
{
	for (size_t i = 0; i < script->n_peers; i++)
		if (script->peers[i]->violation)
			return script_fail(script, "camd sent what the message table does not have: %s", script->peers[i]->violation);
	return true;
}

bool script_pump(struct script *script, int64_t ns, bool (*done)(void *user), void *user)
{
	script->timed_out = false;
	uv_update_time(&script->loop);
	uv_timer_start(&script->timer, on_time, MAX(ns / NS_PER_MS, 0) * script->patience, 0);
	while (!done(user) && !script->timed_out && !script->failure) {
		uv_run(&script->loop, UV_RUN_ONCE);
		check_peers(script);
	}
	uv_timer_stop(&script->timer);
	return !script->failure && done(user);
}

static void on_signal(uv_signal_t *handle, int number)
{
	script_fail(handle->data, "interrupted by SIG%s", sigabbrev_np(number));
}

struct peer *script_peer(struct script *script, const char *name)
{
	for (size_t i = 0; i < script->n_peers; i++)
		if (!strcmp(script->peers[i]->name, name))
			return script->peers[i];
	if (script->n_peers == ARRAY_LEN(script->peers)) {
		script_fail(script, "more than %zu camds", ARRAY_LEN(script->peers));
		return NULL;
	}
	script->peers[script->n_peers] = peer_create(name, &script->seen);
	return script->peers[script->n_peers++];
}

/* ---- the script's folder ---- */

static bool make_directory(struct script *script)
{
	const char *base = getenv("TMPDIR");
	struct error err;

	script->directory = tempdir_make(base && *base ? base : "/tmp", "camctl-script", &err);
	if (!script->directory)
		return script_fail(script, "%s (see $TMPDIR)", err.text);
	setenv("TMP", script->directory, 1);
	return true;
}

static void remove_directory(struct script *script)
{
	if (getenv("CAMCTL_KEEP"))
		fprintf(stderr, "camctl: %s: its files are in %s\n", script->path, script->directory);
	else
		tempdir_remove(script->directory);
	free(script->directory);
}

/* ---- what a failure shows ---- */

static void print_tail(const char *path)
{
	FILE *file = fopen(path, "re");
	char *lines[TAIL_LINES] = { NULL }, *line = NULL;
	size_t room = 0, n = 0;

	if (!file)
		return;
	fprintf(stderr, "  the end of %s:\n", path);
	while (getline(&line, &room, file) > 0) {
		free(lines[n % TAIL_LINES]);
		lines[n++ % TAIL_LINES] = xstrdup(line);
	}
	for (size_t i = n > TAIL_LINES ? n - TAIL_LINES : 0; i < n; i++)
		fprintf(stderr, "    %s", lines[i % TAIL_LINES]);
	for (size_t i = 0; i < TAIL_LINES; i++)
		free(lines[i]);
	free(line);
	fclose(file);
}

static void print_logs(const struct script *script)
{
	static const char *const places[] = { "*/session.log", "*/*/session.log" };

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		char *pattern = xasprintf("%s/%s", script->directory, places[i]);
		glob_t found = { 0 };

		if (!glob(pattern, 0, NULL, &found))
			for (size_t j = 0; j < found.gl_pathc; j++)
				print_tail(found.gl_pathv[j]);
		globfree(&found);
		free(pattern);
	}
}

static void print_failure(const struct script *script, const char *line)
{
	fprintf(stderr, "%s:%d: %s\n    %s\n", script->path, script->line_number, line, script->failure);
	for (size_t i = 0; i < script->n_peers; i++) {
		const struct peer *peer = script->peers[i];

		if (peer->complaints[0])
			fprintf(stderr, "  camd%s%s's stderr:\n%s", *peer->name ? " " : "", peer->name, peer->complaints);
		for (size_t j = 0; j < peer->n_lines; j++)
			fprintf(stderr, "  not taken yet: %s\n", peer->lines[j].text);
	}
	print_logs(script);
}

/* ---- a file ---- */

static void run_lines(struct script *script, FILE *file)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	bool ok = true;

	while (ok && (n = getline(&line, &room, file)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		script->line_number++;
		ok = step_run(script, line);
	}
	if (ok && !step_run_ending(script) && script->failure)
		print_failure(script, "(the end)");
	else if (script->failure)
		print_failure(script, line);
	free(line);
}

static void init(struct script *script, const char *path, const struct list *camd_flags)
{
	static const int numbers[] = { SIGINT, SIGTERM };
	const char *patience = getenv("CAMD_PATIENCE");

	*script = (struct script){
		.path = path, .camd_flags = camd_flags, .limit_ns = LIMIT_NS, .patience = patience ? atof(patience) : 1,
	};
	if (script->patience <= 0)
		script->patience = 1;
	xloop(&script->loop);
	uv_timer_init(&script->loop, &script->timer);
	script->timer.data = script;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		uv_signal_init(&script->loop, &script->signals[i]);
		script->signals[i].data = script;
		uv_signal_start(&script->signals[i], on_signal, numbers[i]);
	}
	seen_open(&script->seen);
}

static void finish(struct script *script)
{
	peer_clear_line(&script->last);
	for (size_t i = 0; i < script->n_peers; i++)
		peer_destroy(script->peers[i]);
	uv_close((uv_handle_t *)&script->timer, NULL);
	for (size_t i = 0; i < ARRAY_LEN(script->signals); i++)
		uv_close((uv_handle_t *)&script->signals[i], NULL);
	uv_run(&script->loop, UV_RUN_DEFAULT);
	uv_loop_close(&script->loop);
	seen_close(&script->seen);
	free(script->failure);
}

static int run_file(const char *path, const struct list *camd_flags)
{
	FILE *file = fopen(path, "re");
	struct script script;
	int status;

	if (!file) {
		fprintf(stderr, "camctl: cannot read %s: %s\n", path, strerror(errno));
		return SESSION_USAGE;
	}
	init(&script, path, camd_flags);
	if (make_directory(&script)) {
		run_lines(&script, file);
		remove_directory(&script);
	} else {
		fprintf(stderr, "camctl: %s\n", script.failure);
		free(script.directory);
	}
	status = script.failure ? SESSION_PROBLEM : script.skipped ? STATUS_SKIPPED : SESSION_OK;
	finish(&script);
	fclose(file);
	return status;
}

int script_run_files(const struct list *files, const struct list *camd_flags)
{
	int worst = SESSION_OK;
	size_t skipped = 0;

	if (!files->n) {
		fprintf(stderr, "camctl: script: which file? (see camctl script --help)\n");
		return SESSION_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < files->n; i++) {
		const char *path = ((char **)files->items)[i];
		int status = run_file(path, camd_flags);

		if (status == STATUS_SKIPPED)
			skipped++;
		else
			worst = MAX(worst, status);
		if (files->n > 1 || status == STATUS_SKIPPED)
			printf("%s: %s\n", path, status == STATUS_SKIPPED ? "skipped" : status ? "FAILED" : "passed");
	}
	return worst == SESSION_OK && skipped == files->n ? STATUS_SKIPPED : worst;
}
