/*
 * A recording's timing table, row by row, with its accounts checked: each step of the numbers must be what the columns of losses say.
 * One thread.
 */
#pragma once

#include "camctl/csv.h"

struct ledger {
	struct csv csv;
	struct csv_row row, last;	/* the one at hand, and the one before it */
	bool composed;			/* numbers may begin anew within it: a clip's, an export's */
	bool has_causes;		/* it has the columns of losses; tables of other programs have not */
	bool at_row;			/* row is one */

	/* of the rows up to the one at hand */
	int64_t rows;
	int64_t before;			/* number of the recording's row before the first one; 0: none */
	struct csv_row first;
	int64_t lost[N_CSV_CAUSES];	/* within this table; what was lost before its first row, too, if that is the recording's first */
	int64_t gaps;			/* steps of the numbers by more than one */
	int64_t unexplained;		/* frames missing between numbers for which no column has a cause */
	int64_t contradictions;		/* rows whose losses are not what the numbers say, otherwise than that */
	int64_t disordered;		/* rows whose number or time is not above that of the row before */
};

bool ledger_open(struct ledger *ledger, const char *path, bool composed, struct error *err);
void ledger_close(struct ledger *ledger);

/* Steps to the next row; the first one is there once the table is open. False: there is no more. */
bool ledger_next(struct ledger *ledger);
