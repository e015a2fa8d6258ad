#include "camd/libav.h"

#include "common/log.h"

#include <libavutil/log.h>
#include <libavutil/mem.h>
#include <stdio.h>
#include <string.h>

/*
 * FFmpeg prints some lines in pieces, and its callback gets no pointer of ours: what is not yet a line waits here, in
 * a buffer a thread, so that lines of two threads can't mix.
 */
struct partial {
	char text[1024];
	size_t n;
	int prefix;		/* whether the next piece begins a line; libavutil's own flag */
	bool begun;
};

static _Thread_local struct partial partial;

static enum log_level to_log_level(int level)
{
	if (level <= AV_LOG_ERROR)
		return LOG_ERROR;
	return level <= AV_LOG_WARNING ? LOG_WARNING : LOG_DEBUG;
}

static void flush_line(enum log_level level)
{
	while (partial.n && strchr("\r\n ", partial.text[partial.n - 1]))
		partial.n--;
	if (partial.n)
		log_write(level, "ffmpeg: %.*s", (int)partial.n, partial.text);
	partial.n = 0;
}

static void on_log(void *object, int level, const char *format, va_list args)
{
	size_t room = sizeof(partial.text) - partial.n;
	int n;

	level &= 0xff;		/* what is above is a colour for terminals */
	if (level > av_log_get_level())
		return;
	if (!partial.begun) {
		partial.prefix = 1;
		partial.begun = true;
	}
	n = av_log_format_line2(object, level, format, args, partial.text + partial.n, room, &partial.prefix);
	if (n < 0)
		return;
	partial.n += (size_t)n < room ? (size_t)n : room - 1;
	if (partial.prefix || partial.n == sizeof(partial.text) - 1)
		flush_line(to_log_level(level));
}

void libav_install(void)
{
	av_log_set_callback(on_log);
	av_max_alloc(LIBAV_MAX_BLOCK);
}
