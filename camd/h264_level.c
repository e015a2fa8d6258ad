#include "camd/h264_level.h"

#include "common/util.h"

#define MACROBLOCK 16
#define BPS_PER_UNIT 1000	/* of MaxBR, for the VCL of Main and Baseline; High has 1250 */
#define BPS_PER_UNIT_HIGH 1250

struct level {
	int level;			/* times ten; 9 is 1b */
	int64_t macroblocks_per_s;	/* MaxMBPS */
	int64_t macroblocks;		/* MaxFS, of a picture */
	int64_t bitrate_units;		/* MaxBR */
};

static const struct level levels[] = {
	{ 10, 1485, 99, 64 }, { 9, 1485, 99, 128 }, { 11, 3000, 396, 192 }, { 12, 6000, 396, 384 }, { 13, 11880, 396, 768 },
	{ 20, 11880, 396, 2000 }, { 21, 19800, 792, 4000 }, { 22, 20250, 1620, 4000 },
	{ 30, 40500, 1620, 10000 }, { 31, 108000, 3600, 14000 }, { 32, 216000, 5120, 20000 },
	{ 40, 245760, 8192, 20000 }, { 41, 245760, 8192, 50000 }, { 42, 522240, 8704, 50000 },
	{ 50, 589824, 22080, 135000 }, { 51, 983040, 36864, 240000 }, { 52, 2073600, 36864, 240000 },
	{ 60, 4177920, 139264, 240000 }, { 61, 8355840, 139264, 480000 }, { 62, 16711680, 139264, 800000 },
};

int h264_level_needed(int width, int height, double fps, int64_t bitrate_bps, bool high)
{
	int64_t across = (width + MACROBLOCK - 1) / MACROBLOCK, down = (height + MACROBLOCK - 1) / MACROBLOCK;
	int64_t unit = high ? BPS_PER_UNIT_HIGH : BPS_PER_UNIT;

	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		const struct level *level = &levels[i];
		int64_t longest = MAX(across, down);

		/* A.3.1: no side longer than the root of eight times MaxFS */
		if (across * down <= level->macroblocks && longest * longest <= 8 * level->macroblocks &&
		    (double)(across * down) * fps <= (double)level->macroblocks_per_s &&
		    bitrate_bps <= level->bitrate_units * unit)
			return level->level;
	}
	return 0;
}
