#include "camctl/doctor_video.h"

#include "camctl/human.h"
#include "common/util.h"

#include <stdlib.h>
#include <string.h>

#define DECODED_NS (120 * NS_PER_S)	/* of a long recording: small boards decode no faster than they record */
#define LIMIT_NS (900 * NS_PER_S)

/* The command's output, or NULL; err says why. */
static char *run(struct doctor *doctor, const char *path, const char *options, const char *filter, struct error *err)
{
	char *file = doctor_quote(path), *output;
	char *command = xasprintf("nice ffprobe -v error -threads 1 -select_streams v:0 %s -i %s%s", options, file, filter);
	int status;

	output = doctor_shell(doctor, command, LIMIT_NS, &status);
	free(command);
	free(file);
	if (!status)
		return output;
	if (status == 127)
		error_set(err, ERR_NOT_FOUND, "ffprobe is not there (Debian's package ffmpeg)");
	else
		error_set(err, ERR_IO, "ffprobe failed with status %d: %.200s", status, output);
	free(output);
	return NULL;
}

static void take_value(const char *output, const char *name, char *to, size_t bytes)
{
	char *key = xasprintf("\n%s=", name);
	const char *at = strstr(output, key);

	if (at)
		snprintf(to, bytes, "%.*s", (int)strcspn(at + strlen(key), "\n"), at + strlen(key));
	free(key);
}

static int64_t take_number(const char *output, const char *name)
{
	char text[32] = "0";

	take_value(output, name, text, sizeof(text));
	return strtoll(text, NULL, 10);
}

static void describe(const char *output, struct doctor_video *video)
{
	char codec[24] = "?", profile[32] = "?", level[8] = "0", width[8] = "?", height[8] = "?";
	long number;

	take_value(output, "codec_name", codec, sizeof(codec));
	take_value(output, "profile", profile, sizeof(profile));
	take_value(output, "level", level, sizeof(level));
	take_value(output, "width", width, sizeof(width));
	take_value(output, "height", height, sizeof(height));
	number = strtol(level, NULL, 10);
	snprintf(video->coding, sizeof(video->coding), "%s %s level %ld.%ld %sx%s", codec, profile, number / 10, number % 10,
		 width, height);
}

/* What stands before the section is what the decoder has to say. */
static void take_complaint(const char *output, struct doctor_video *video)
{
	size_t n = strcspn(output, "\n");

	if (!n || !strncmp(output, "[STREAM]", 8))
		return;
	snprintf(video->complaint, sizeof(video->complaint), "%.*s", (int)MIN(n, sizeof(video->complaint) - 1), output);
	human_clean(video->complaint);
}

/* One line a run of packets of one kind, such as "   29 _"; K begins a picture that needs no other. */
static void count_packets(const char *output, struct doctor_video *video)
{
	for (const char *line = output; line; line = strchr(line, '\n'), line += line != NULL) {
		long long n;
		char kind;

		if (sscanf(line, "%lld %c", &n, &kind) != 2 || (kind != 'K' && kind != '_'))
			continue;
		video->begins_with_key |= !video->packets && kind == 'K';
		video->packets += n;
		video->keys += kind == 'K' ? n : 0;
	}
}

static bool look_at_packets(struct doctor *doctor, const char *path, struct doctor_video *video, struct error *err)
{
	char *output = run(doctor, path, "-show_entries packet=flags -of csv=p=0", " | cut -c1 | uniq -c", err);

	if (!output)
		return false;
	count_packets(output, video);
	if (!video->packets)
		error_set(err, ERR_IO, "ffprobe (Debian's package ffmpeg) found no packets: %.200s", output);
	free(output);
	return video->packets > 0;
}

bool doctor_video_look(struct doctor *doctor, const char *path, int64_t duration_ns, struct doctor_video *video,
		       struct error *err)
{
	static const char what[] = "-count_frames -show_entries stream=codec_name,profile,level,width,height,nb_read_frames";
	char *options, *output;

	*video = (struct doctor_video){ .partly = duration_ns > DECODED_NS };
	if (!look_at_packets(doctor, path, video, err))
		return false;
	options = xasprintf("%s%s", video->partly ? "-read_intervals %+120 " : "", what);
	output = run(doctor, path, options, "", err);
	free(options);
	if (!output)
		return false;
	take_complaint(output, video);
	describe(output, video);
	video->decoded = take_number(output, "nb_read_frames");
	free(output);
	return true;
}
