/*
 * How long `get_status` takes while two synthetic cameras record at 30 frames/s, beside a bare pipe echo under the same load:
 * request and answer alternate between camd and a child that only copies back a line of the reply's size.
 *
 * usage: status_roundtrip CAMD [ROUNDS]
 */
#include "common/clock.h"
#include "common/util.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOM 65536
#define PAUSE_NS (2 * NS_PER_MS)

struct child {
	pid_t pid;
	int to, from;
};

static struct child begin(const char *const *arguments)
{
	struct child child;
	int in[2], out[2];

	if (pipe(in) || pipe(out))
		exit(1);
	child.pid = fork();
	if (!child.pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[0]), close(in[1]), close(out[0]), close(out[1]);
		execvp(arguments[0], (char **)arguments);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	child.to = in[1];
	child.from = out[0];
	return child;
}

static size_t read_line(struct child *child, char *line)
{
	size_t n = 0;

	while (!n || line[n - 1] != '\n') {
		ssize_t got = read(child->from, line + n, ROOM - n);

		if (got <= 0) {
			fputs("status_roundtrip: a child ended\n", stderr);
			exit(1);
		}
		n += got;
	}
	return n;
}

static size_t ask(struct child *child, const char *request, size_t bytes, char *reply, int64_t *took_ns)
{
	int64_t began_ns = clock_now_ns();
	size_t n = 0;

	if (write(child->to, request, bytes) != (ssize_t)bytes)
		exit(1);
	n = read_line(child, reply);
	*took_ns = clock_now_ns() - began_ns;
	return n;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double percentile_us(int64_t *sorted, int n, double p)
{
	return sorted[(int)((n - 1) * p)] / 1e3;
}

static void report(const char *name, int64_t *took, int n)
{
	qsort(took, n, sizeof(*took), compare);
	printf("%-12s p50 %7.1f us   p99 %7.1f us   max %8.1f us\n", name, percentile_us(took, n, 0.5), percentile_us(took, n, 0.99),
	       percentile_us(took, n, 1));
}

int main(int argc, char **argv)
{
	static const char start[] = "{\"command\":\"start_recording\"}\n", status[] = "{\"command\":\"get_status\"}\n";
	char directory[] = "/tmp/camd-bench-XXXXXX", reply[ROOM], echo[ROOM], *clean;
	const char *camd[] = { argv[1], "--camera", "synthetic", "--camera", "synthetic", "--output-dir", directory, "--preset",
			       "ultrafast", NULL };
	const char *cat[] = { "cat", NULL };
	int rounds = argc > 2 ? atoi(argv[2]) : 3000;
	int64_t *camd_ns = xcalloc(rounds, sizeof(*camd_ns)), *echo_ns = xcalloc(rounds, sizeof(*echo_ns)), ignored_ns;
	struct child a, b;
	size_t n = 0;

	if (argc < 2 || !mkdtemp(directory))
		return 2;
	a = begin(camd);
	b = begin(cat);
	ask(&a, start, sizeof(start) - 1, reply, &ignored_ns);
	for (int i = 0; i < rounds; i++) {
		n = ask(&a, status, sizeof(status) - 1, reply, &camd_ns[i]);
		clock_sleep_until(clock_now_ns() + PAUSE_NS);
		ask(&b, reply, n, echo, &echo_ns[i]);
		clock_sleep_until(clock_now_ns() + PAUSE_NS);
	}
	printf("%d round trips, reply of %zu bytes, two cameras 1456x1088 recording at 30 frames/s\n", rounds, n);
	report("get_status", camd_ns, rounds);
	report("pipe echo", echo_ns, rounds);
	printf("p99 is %.2f times the echo's\n", percentile_us(camd_ns, rounds, 0.99) / percentile_us(echo_ns, rounds, 0.99));
	close(a.to);
	close(b.to);
	waitpid(a.pid, NULL, 0);
	waitpid(b.pid, NULL, 0);
	clean = xasprintf("rm -rf %s", directory);
	n = system(clean);
	free(clean);
	return n != 0;
}
