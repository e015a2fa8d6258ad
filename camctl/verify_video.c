#include "camctl/verify_video.h"

#include "camctl/mp4index.h"
#include "common/movie_head.h"
#include "common/salvage.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- frames and rows ---- */

static void leave_row(struct verify_pairs *pairs)
{
	if (!pairs->rows_alone++)
		pairs->first_row_alone = pairs->ledger->row.number;
	pairs->last_row_alone = pairs->ledger->row.number;
	ledger_next(pairs->ledger);
}

void verify_leave_rows(struct verify_pairs *pairs)
{
	while (pairs->ledger->at_row && !pairs->going_on)
		leave_row(pairs);
	while (pairs->ledger->at_row)
		ledger_next(pairs->ledger);
}

/* The frame of that number and time; its row has the same time. */
static void pair_by_time(struct verify_pairs *pairs, int64_t number, int64_t sensor_ns)
{
	struct ledger *ledger = pairs->ledger;

	pairs->frames++;
	if (!ledger)
		return;
	while (ledger->at_row && ledger->row.sensor_ns < sensor_ns)
		leave_row(pairs);
	if (ledger->at_row && ledger->row.sensor_ns == sensor_ns) {
		pairs->wrong_numbers += ledger->row.number != number;
		pairs->last_frame_alone = 0;
		ledger_next(ledger);
	} else {
		pairs->frames_alone++;
		pairs->last_frame_alone++;
	}
}

/* The next frame of a video that says no more than its time, if that: its row is the next one. Returns whether there is one. */
static bool pair_by_place(struct verify_pairs *pairs)
{
	pairs->frames++;
	if (!pairs->ledger || pairs->ledger->at_row)
		return pairs->ledger;
	pairs->frames_alone++;
	pairs->last_frame_alone++;
	return false;
}

/* ---- the file that camd writes: fragments, and an index when it is finished ---- */

struct film {
	struct verify_file *file;
	struct verify_pairs *pairs;
	const struct mp4index *index;	/* NULL: there is none */
	struct mp4index_sample sample;	/* the next one of the index */
	bool at_sample;
	int64_t first_media_ns;
	int64_t damaged;		/* in the index, but no whole frame */
	int64_t unindexed;		/* whole, but not in the index */
	uint64_t end_ns;
};

static void next_sample(struct film *film)
{
	film->at_sample = film->index && mp4index_next(film->index, &film->sample);
}

static void note_time(struct verify_file *file, struct verify_pairs *pairs, int64_t error_ns, int64_t allowed_ns)
{
	error_ns = llabs(error_ns);
	file->time_error_ns = MAX(file->time_error_ns, error_ns);
	pairs->wrong_times += error_ns > allowed_ns;
}

/* Half of a unit is lost by rounding. */
static int64_t allowed_ns(const struct mp4index *index)
{
	return index->units_per_s == NS_PER_S ? 0 : NS_PER_S / index->units_per_s / 2 + 1;
}

/* Whether the index has the frame whose payload begins there, and at what time. */
static void find_sample(struct film *film, uint64_t payload, uint32_t bytes, int64_t media_ns)
{
	while (film->at_sample && film->sample.offset < payload) {
		film->damaged++;
		next_sample(film);
	}
	if (!film->at_sample || film->sample.offset > payload) {
		film->unindexed++;
		return;
	}
	film->damaged += film->sample.bytes != bytes;
	note_time(film->file, film->pairs, mp4index_ns(film->index, film->sample.time) - media_ns, allowed_ns(film->index));
	film->end_ns = (uint64_t)media_ns + (uint64_t)mp4index_ns(film->index, film->sample.duration);
	next_sample(film);
}

static void on_fragment(void *user, const struct fragment *fragment, const struct salvage *so_far)
{
	struct film *film = user;
	int64_t media_ns = fragment->media_ns - so_far->first.media_ns, sensor_ns;

	film->file->whole_frames++;
	film->end_ns = (uint64_t)media_ns + fragment->frame_ns;
	if (film->index)
		find_sample(film, so_far->end - fragment->payload_bytes, fragment->payload_bytes, media_ns);
	/* both are times of the sensor's */
	if (__builtin_sub_overflow(fragment->row.sensor_ns, so_far->first.row.sensor_ns, &sensor_ns) || sensor_ns != media_ns)
		film->pairs->wrong_times++;
	pair_by_time(film->pairs, (int64_t)fragment->row.number, fragment->row.sensor_ns);
}

static void judge_finished(struct film *film, const struct salvage *salvage)
{
	struct verify_file *file = film->file;

	for (; film->at_sample; next_sample(film))
		film->damaged++;
	film->pairs->damaged = film->damaged;
	if (film->damaged)
		verify_add_problem(file, VERIFY_DAMAGED, film->damaged, "%" PRId64 " frames are damaged: their bytes are not those that were "
				   "written", film->damaged);
	if (film->unindexed)
		verify_add_problem(file, VERIFY_UNINDEXED, film->unindexed, "%" PRId64 " whole frames are not in the index: players don't "
				   "show them", film->unindexed);
	if (!film->damaged && salvage->damaged_frames)
		verify_add_note(file, "%" PRIu64 " frames were damaged when it was finished after a crash; the table counts them as lost by "
				"storage", salvage->damaged_frames);
	if (salvage->doubtful_frames)
		verify_add_note(file, "%" PRIu64 " frames after damaged ones may look wrong, up to the next key frame", salvage->doubtful_frames);
}

static void judge_unfinished(struct film *film, const struct salvage *salvage, enum movie_state state)
{
	struct verify_file *file = film->file;
	uint64_t torn = (uint64_t)file->bytes > salvage->end ? (uint64_t)file->bytes - salvage->end : 0;

	if (state == MOVIE_DAMAGED)
		verify_add_problem(file, VERIFY_HEAD, FIELD_UNSET, "its head is damaged: it does not play until camd has made it anew, which the next "
				   "start with this output directory does");
	film->pairs->damaged = (int64_t)salvage->damaged_frames;
	if (salvage->damaged_frames)
		verify_add_problem(file, VERIFY_DAMAGED, (int64_t)salvage->damaged_frames, "%" PRIu64 " frames are damaged: their bytes are not "
				   "those that were written", salvage->damaged_frames);
	if (film->pairs->going_on)
		return;
	verify_add_problem(file, VERIFY_UNFINISHED, FIELD_UNSET, "it was never finished: it plays, but not everywhere and without an index; the "
			   "next start of camd with this output directory finishes it");
	if (torn)
		verify_add_note(file, "the last %" PRIu64 " bytes are no whole frame", torn);
}

/* A file that says it is finished must have its index. */
static bool read_index(struct film *film, struct mp4index *index, int fd, struct error *err)
{
	switch (mp4index_read(index, fd, film->file->file, (uint64_t)film->file->bytes, err)) {
	case MP4INDEX_READ:
		film->index = index;
		if (!index->offsets)
			verify_add_problem(film->file, VERIFY_NO_INDEX, FIELD_UNSET, "its index is not as camd writes it");
		next_sample(film);
		if (index->end < (uint64_t)film->file->bytes)
			verify_add_note(film->file, "%" PRIu64 " bytes behind its end belong to nothing", (uint64_t)film->file->bytes - index->end);
		return true;
	case MP4INDEX_NONE:
		verify_add_problem(film->file, VERIFY_NO_INDEX, FIELD_UNSET, "its index is missing or damaged, so it does not play: the file was cut, or "
				   "overwritten, after it was finished");
		return true;
	case MP4INDEX_EMPTY:
		return true;	/* it is told where no frame is found */
	case MP4INDEX_FAILED:
		break;
	}
	return false;
}

static bool scan_film(struct film *film, int fd, enum movie_state state, uint32_t file_id, struct error *err)
{
	struct verify_file *file = film->file;
	struct salvage salvage;

	file->whole_frames = 0;
	if (!salvage_scan(fd, file->file, (uint64_t)file->bytes, file_id, &salvage, on_fragment, film, err))
		return false;
	/* what has an index plays by that */
	file->frames = film->index ? (int64_t)film->index->n : (int64_t)salvage.n;
	if (salvage.n)
		file->duration_ns = (int64_t)MIN(film->end_ns, (uint64_t)INT64_MAX);
	if (!salvage.n && !film->pairs->going_on)
		verify_add_problem(file, VERIFY_EMPTY, FIELD_UNSET, "there is no whole frame in it");
	if (state == MOVIE_FINISHED)
		judge_finished(film, &salvage);
	else
		judge_unfinished(film, &salvage, state);
	return true;
}

static bool verify_film(struct verify_file *file, struct verify_pairs *pairs, int fd, enum movie_state state, uint32_t file_id,
			struct error *err)
{
	struct film film = { .file = file, .pairs = pairs };
	struct mp4index index = { 0 };
	bool ok;

	file->state = state == MOVIE_FINISHED ? "finished" : pairs->going_on ? "recording" : state == MOVIE_DAMAGED ? "damaged" : "unfinished";
	file->time_error_ns = 0;
	ok = (state != MOVIE_FINISHED || read_index(&film, &index, fd, err)) && scan_film(&film, fd, state, file_id, err);
	mp4index_finish(&index);
	return ok;
}

/* ---- any other MP4: an export, what remux made, or a stranger's ---- */

static void hold_times(struct verify_file *file, struct verify_pairs *pairs, const struct mp4index *index)
{
	struct mp4index_sample sample = { 0 };
	int64_t first_ns = 0, last_ns = 0;

	while (mp4index_next(index, &sample)) {
		int64_t ns = mp4index_ns(index, sample.time);

		last_ns = ns + mp4index_ns(index, sample.duration);
		if (sample.k < index->lead_in)
			continue;
		if (sample.k == index->lead_in)
			first_ns = ns;
		if (!pair_by_place(pairs))
			continue;
		note_time(file, pairs, ns - first_ns - (pairs->ledger->row.sensor_ns - pairs->ledger->first.sensor_ns),
			  2 * allowed_ns(index));
		ledger_next(pairs->ledger);
	}
	file->frames = pairs->frames;
	file->duration_ns = last_ns - first_ns;
}

static bool verify_other(struct verify_file *file, struct verify_pairs *pairs, int fd, struct error *err)
{
	struct mp4index index;
	enum mp4index_state state = mp4index_read(&index, fd, file->file, (uint64_t)file->bytes, err);

	file->state = file->composed || pairs->ledger ? "finished" : "foreign";
	if (state == MP4INDEX_READ) {
		file->time_error_ns = pairs->ledger ? 0 : FIELD_UNSET;
		hold_times(file, pairs, &index);
		verify_add_note(file, "it has no checksums: whether its bytes are right only --decode can tell");
	} else if (state == MP4INDEX_EMPTY) {
		verify_add_problem(file, VERIFY_EMPTY, FIELD_UNSET, "it is a video without a frame");
	} else if (state == MP4INDEX_NONE) {
		verify_add_problem(file, file->composed || pairs->ledger ? VERIFY_NO_INDEX : VERIFY_FOREIGN, FIELD_UNSET,
				   "it is no MP4 that was ever finished");
	}
	if (state == MP4INDEX_READ && !file->composed && !pairs->ledger)
		verify_add_problem(file, VERIFY_FOREIGN, FIELD_UNSET, "it is no recording of camd's, and has no timing table: what is missing "
				   "can't be said");
	mp4index_finish(&index);
	return state != MP4INDEX_FAILED;
}

bool verify_mp4(struct verify_file *file, struct verify_pairs *pairs, int fd, struct error *err)
{
	uint8_t head[MOVIE_HEAD_BYTES] = { 0 };
	ssize_t got = pread(fd, head, sizeof(head), 0);
	enum movie_state state;
	uint32_t file_id;

	if (got < 0)
		return error_set_errno(err, errno, "%s: cannot be read", file->file);
	state = movie_head_read(head, (size_t)got, &file_id);
	if (state == MOVIE_FOREIGN)
		return verify_other(file, pairs, fd, err);
	return verify_film(file, pairs, fd, state, file_id, err);
}
