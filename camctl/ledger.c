#include "camctl/ledger.h"

#include "common/util.h"

#include <string.h>

#define LARGEST (INT64_C(1) << 60)	/* what is counted stays below, so that sums stay numbers */

static void add(int64_t *count, int64_t n)
{
	*count = MIN(*count + MIN(n, LARGEST), LARGEST);
}

static int64_t sum(const int64_t lost[N_CSV_CAUSES])
{
	int64_t n = 0;

	for (int cause = 0; cause < N_CSV_CAUSES; cause++)
		n += lost[cause];
	return n;
}

/* What the totals grew by. */
static void count_lost(struct ledger *ledger, const struct csv_row *from)
{
	for (int cause = 0; cause < N_CSV_CAUSES; cause++)
		add(&ledger->lost[cause], MAX(ledger->row.lost[cause] - (from ? from->lost[cause] : 0), 0));
}

/* Frames that are missing before a row, and the causes that are there for them. */
static void account(struct ledger *ledger, int64_t missing, int64_t causes)
{
	ledger->gaps += missing > 0;
	if (ledger->row.dropped != missing || causes > missing)
		ledger->contradictions++;
	else if (ledger->has_causes && causes < missing)
		add(&ledger->unexplained, missing - causes);
}

/* The first row of the table: what was before it may be in another file, of which only the totals are known. */
static void take_first(struct ledger *ledger)
{
	const struct csv_row *row = &ledger->row;
	int64_t before = row->number - 1 - row->dropped, all = sum(row->lost);

	ledger->first = *row;
	ledger->before = MAX(before, 0);
	if (before < 0 || (ledger->has_causes && all < 0)) {
		ledger->contradictions++;
	} else if (!before) {
		account(ledger, row->dropped, ledger->has_causes ? all : row->dropped);
		count_lost(ledger, NULL);
	} else {
		ledger->gaps += row->dropped > 0;
		if (ledger->has_causes && row->dropped > all)
			add(&ledger->unexplained, row->dropped - all);
	}
}

static void take_row(struct ledger *ledger)
{
	const struct csv_row *row = &ledger->row, *last = &ledger->last;
	bool anew = ledger->rows && row->number <= last->number;

	if (ledger->rows && (row->sensor_ns <= last->sensor_ns || (anew && !ledger->composed))) {
		ledger->disordered++;
	} else if (anew) {
		/* what lies between two recordings no column counts, but the camera's own count */
		ledger->gaps += row->dropped > 0;
	} else if (!ledger->rows) {
		take_first(ledger);
	} else {
		int64_t missing = row->number - last->number - 1;

		account(ledger, missing, ledger->has_causes ? sum(row->lost) - sum(last->lost) : missing);
		count_lost(ledger, last);
	}
	ledger->rows++;
}

bool ledger_next(struct ledger *ledger)
{
	if (ledger->at_row)
		ledger->last = ledger->row;
	ledger->at_row = ledger->csv.file && csv_next(&ledger->csv, &ledger->row);
	if (ledger->at_row)
		take_row(ledger);
	return ledger->at_row;
}

bool ledger_open(struct ledger *ledger, const char *path, bool composed, struct error *err)
{
	*ledger = (struct ledger){ .composed = composed };
	if (!csv_open(&ledger->csv, path, err))
		return false;
	ledger->has_causes = strstr(ledger->csv.line, ",lost_sensor,lost_starved,lost_encoder,lost_storage");
	ledger_next(ledger);
	return true;
}

void ledger_close(struct ledger *ledger)
{
	csv_close(&ledger->csv);
}
