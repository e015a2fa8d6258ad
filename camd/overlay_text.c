#include "camd/overlay_text.h"

#include "common/clock.h"
#include "common/util.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* What is written so far, and of what. */
struct writing_text {
	char *text;
	size_t used;
	const struct frame *facts;
	int camera_id;
	struct tm tm;			/* once it is_timed: the frame's */
	bool is_timed;
};

static void add(struct writing_text *to, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct writing_text *to, const char *format, ...)
{
	size_t room = OVERLAY_TEXT_BYTES - to->used;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(to->text + to->used, room, format, args);
	va_end(args);
	to->used += n < 0 ? 0 : MIN((size_t)n, room - 1);
}

static void add_letter(struct writing_text *to, char letter)
{
	if (to->used == OVERLAY_TEXT_BYTES - 1)
		return;
	to->text[to->used++] = letter;
	to->text[to->used] = '\0';
}

static void add_fact(struct writing_text *to, unsigned fact, int decimals, double value)
{
	if (to->facts->exposure.known & fact)
		add(to, "%.*f", decimals, value);
	else
		add(to, "-");
}

static void add_frame(struct writing_text *to)
{
	if (to->facts->number)
		add(to, "%" PRIu64, to->facts->number);
	else
		add(to, "-");
}

static void add_fps(struct writing_text *to)
{
	if (to->facts->kept_mfps)
		add(to, "%.1f", (double)to->facts->kept_mfps / 1000);
	else
		add(to, "-");
}

static void add_dropped(struct writing_text *to)
{
	if (to->facts->number)
		add(to, "%" PRIu64, to->facts->lost);
	else
		add(to, "-");
}

static void add_camera(struct writing_text *to)
{
	add(to, "%d", to->camera_id);
}

static void add_exposure(struct writing_text *to)
{
	add_fact(to, EXPOSURE_TIME, 2, to->facts->exposure.time_us / 1e3);
}

static void add_gain(struct writing_text *to)
{
	const struct exposure *exposure = &to->facts->exposure;
	bool digital = exposure->known & EXPOSURE_DIGITAL_GAIN;

	add_fact(to, EXPOSURE_ANALOGUE_GAIN, 2, (double)exposure->analogue_gain * (digital ? (double)exposure->digital_gain : 1));
}

static void add_temperature(struct writing_text *to)
{
	add_fact(to, EXPOSURE_TEMPERATURE, 1, (double)to->facts->exposure.temperature_c);
}

static void add_microseconds(struct writing_text *to)
{
	add(to, "%06d", (int)(frame_exposed_wall_ns(to->facts) % NS_PER_S / 1000));
}

/* Longer names before those that they begin with. */
static const struct {
	const char *name;
	void (*add)(struct writing_text *to);
} tokens[] = {
	{ "frame", add_frame }, { "fps", add_fps }, { "dropped", add_dropped }, { "camera", add_camera },
	{ "exposure", add_exposure }, { "gain", add_gain }, { "temp", add_temperature }, { "f", add_microseconds },
};

/* Returns what is behind it; NULL: it is none. */
static const char *add_token(struct writing_text *to, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
		size_t length = strlen(tokens[i].name);

		if (!strncmp(name, tokens[i].name, length)) {
			tokens[i].add(to);
			return name + length;
		}
	}
	return NULL;
}

/* One conversion of strftime's, with its modifier. Returns what is behind it. */
static const char *add_time(struct writing_text *to, const char *at)
{
	size_t length = strspn(at, "EO_-0^#") + 1;
	char format[8] = "%", text[64];

	if (length > sizeof(format) - 2 || !at[length - 1]) {
		add(to, "%%");
		return at;
	}
	memcpy(format + 1, at, length);
	if (!to->is_timed)
		clock_broken_down(frame_exposed_wall_ns(to->facts), &to->tm);
	to->is_timed = true;
	if (strftime(text, sizeof(text), format, &to->tm))
		add(to, "%s", text);
	return at + length;
}

void overlay_text_write(const char *template, const struct frame *facts, int camera_id, char text[OVERLAY_TEXT_BYTES])
{
	struct writing_text to = { .text = text, .facts = facts, .camera_id = camera_id };
	const char *at = template;

	text[0] = '\0';
	while (*at) {
		if (at[0] == '\\' && at[1] == 'n') {
			add(&to, "\n");
			at += 2;
		} else if (*at == '%') {
			const char *behind = add_token(&to, at + 1);

			at = behind ? behind : add_time(&to, at + 1);
		} else {
			add_letter(&to, *at++);
		}
	}
}
