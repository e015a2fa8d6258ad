#include "camd/share.h"

#include "common/field.h"

#include <stdlib.h>
#include <string.h>

const char *share_read(const char *text, struct share *share)
{
	static const struct field bytes = { .name = "share", .type = FIELD_AMOUNT, .min = 0, .max = 1e18 };
	struct share read = { 0 };
	char *end;

	if (!strchr(text, '%')) {
		if (!field_parse(&bytes, &read.bytes, text, NULL))
			return "bytes, such as 20G, or percent of the disk, such as 80%";
	} else {
		read.percent = strtod(text, &end);
		if (strcmp(end, "%") || text[strspn(text, "0123456789.")] != '%' || !(read.percent > 0 && read.percent <= 100))
			return "percent of the disk, more than 0% and up to 100%";
	}
	if (share)
		*share = read;
	return NULL;
}

int64_t share_of(const struct share *share, int64_t disk_bytes)
{
	return share->bytes ? share->bytes : (int64_t)((double)disk_bytes * share->percent / 100);
}
