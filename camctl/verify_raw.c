#include "camctl/verify_video.h"

#include "common/nal.h"
#include "common/util.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PIECE_BYTES 65536

/* Counts pictures in a stream of NAL units behind start codes, that comes in pieces. */
struct counter {
	uint32_t last;		/* bytes */
	int64_t frames;
	bool any;		/* NAL unit */
};

/* A slice that is the first of its picture begins with a macroblock of number 0, which is written as one bit. */
static void count(struct counter *counter, const uint8_t *data, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		uint8_t kind = counter->last & 31;

		if ((counter->last & 0xffffff00) == 0x00000100) {
			counter->any = true;
			counter->frames += (kind == NAL_SLICE || kind == NAL_IDR) && data[i] & 0x80;
		}
		counter->last = counter->last << 8 | data[i];
	}
}

static void hold_rows(struct verify_file *file, struct verify_pairs *pairs, int64_t frames)
{
	struct ledger *ledger = pairs->ledger;

	for (int64_t i = 0; ledger && i < frames && ledger->at_row; i++)
		ledger_next(ledger);
	pairs->frames = file->frames = frames;
	if (ledger && frames > ledger->rows)
		pairs->frames_alone = pairs->last_frame_alone = frames - ledger->rows;
	verify_add_note(file, "a raw stream has neither times nor checksums: whether its bytes are right only --decode can tell");
}

bool verify_raw(struct verify_file *file, struct verify_pairs *pairs, int fd, struct error *err)
{
	struct counter counter = { .last = UINT32_MAX };
	uint8_t data[PIECE_BYTES];
	ssize_t got;

	file->state = pairs->going_on ? "recording" : "raw";
	while ((got = read(fd, data, sizeof(data))) > 0 || (got < 0 && errno == EINTR))
		count(&counter, data, (size_t)MAX(got, 0));
	if (got < 0)
		return error_set_errno(err, errno, "%s: cannot be read", file->file);
	if (counter.any)
		hold_rows(file, pairs, counter.frames);
	else if (!pairs->going_on)
		verify_add_problem(file, pairs->ledger || !file->bytes ? VERIFY_EMPTY : VERIFY_FOREIGN, FIELD_UNSET, "there is no H.264 in it");
	return true;
}
