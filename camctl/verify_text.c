#include "camctl/verify.h"

#include "camctl/human.h"
#include "camctl/recap.h"
#include "common/util.h"

#include <inttypes.h>
#include <stdlib.h>

static const char *const verdicts[] = {
	[VERIFY_SOUND] = "sound", [VERIFY_MISSING] = "something is missing", [VERIFY_UNKNOWN] = "can't say",
};

static void print_name(const struct verify_file *file, FILE *to)
{
	char *name = human_clean(xstrdup(human_path(file->file ? file->file : file->table)));

	fprintf(to, "%s: %s\n", name, verdicts[file->verdict]);
	free(name);
}

static void print_video(const struct verify_file *file, FILE *to)
{
	char size[HUMAN_BYTES], duration[HUMAN_BYTES];

	if (!file->file || file->bytes == FIELD_UNSET)
		return;
	fprintf(to, "    video    %s", human_size(file->bytes, size));
	if (file->state)
		fprintf(to, ", %s", file->state);
	if (file->frames != FIELD_UNSET)
		fprintf(to, ", %" PRId64 " frames", file->frames);
	if (file->duration_ns != FIELD_UNSET)
		fprintf(to, ", %s", human_duration(file->duration_ns, duration));
	if (file->whole_frames != FIELD_UNSET && file->whole_frames == file->frames)
		fputs(", all checksums right", to);
	else if (file->whole_frames != FIELD_UNSET)
		fprintf(to, ", the checksums of %" PRId64 " right", file->whole_frames);
	if (file->decoded_frames != FIELD_UNSET)
		fprintf(to, ", %" PRId64 " decoded", file->decoded_frames);
	fputs("\n", to);
}

static void print_table(const struct verify_file *file, FILE *to)
{
	const int64_t lost[N_CSV_CAUSES + 1] = {
		[CSV_SENSOR] = file->lost.sensor, [CSV_STARVED] = file->lost.starved, [CSV_ENCODER] = file->lost.encoder,
		[CSV_STORAGE] = file->lost.storage,
	};
	char text[RECAP_LOST_BYTES];

	if (file->rows == FIELD_UNSET)
		return;
	fprintf(to, "    table    %" PRId64 " rows", file->rows);
	if (file->rows)
		fprintf(to, ", numbers %" PRId64 " to %" PRId64, file->first_number, file->last_number);
	fprintf(to, "; lost: %s\n", recap_lost_text(lost, text));
	if (file->time_error_ns == 0 && file->rows && file->file)
		fputs("    times    the video has the table's, to the nanosecond\n", to);
	else if (file->time_error_ns != FIELD_UNSET && file->rows && file->file)
		fprintf(to, "    times    the video's are within %" PRId64 " ns of the table's\n", file->time_error_ns);
}

void verify_print(const struct verify_file *file, FILE *to)
{
	const struct verify_problem *problems = file->problems.items;

	print_name(file, to);
	print_video(file, to);
	print_table(file, to);
	for (size_t i = 0; i < file->problems.n; i++)
		fprintf(to, "    PROBLEM  %s\n", human_clean(problems[i].message));
	for (size_t i = 0; i < file->notes.n; i++)
		fprintf(to, "    note     %s\n", human_clean(((char **)file->notes.items)[i]));
}

void verify_print_summary(const struct verify_summary *summary, FILE *to)
{
	fprintf(to, "%" PRId64 " recording%s: %" PRId64 " sound", summary->recordings, summary->recordings == 1 ? "" : "s", summary->sound);
	if (summary->missing)
		fprintf(to, ", %" PRId64 " with something missing", summary->missing);
	if (summary->unknown)
		fprintf(to, ", %" PRId64 " of which nothing can be said", summary->unknown);
	fputs("\n", to);
}
