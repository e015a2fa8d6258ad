#include "camd/retry.h"

#include "common/clock.h"
#include "common/util.h"

static const int pauses_s[] = { 1, 2, 5, 10 };

/* What worked for so long was all right: the pauses begin anew. What fails as soon as it works is tried ever more seldom. */
#define STEADY_NS (10 * NS_PER_S)

void retry_note_success(struct retry *retry)
{
	retry->succeeded_ns = clock_now_ns();
}

void retry_note_failure(struct retry *retry)
{
	int64_t now_ns = clock_now_ns();

	if (retry->succeeded_ns && now_ns - retry->succeeded_ns > STEADY_NS)
		retry->tries = 0;
	retry->succeeded_ns = 0;
	retry->due_ns = now_ns + pauses_s[MIN((size_t)retry->tries, ARRAY_LEN(pauses_s) - 1)] * NS_PER_S;
	retry->tries++;
}

bool retry_is_due(const struct retry *retry, int64_t now_ns)
{
	return now_ns >= retry->due_ns;
}
