#include "camd/mjpeg.h"

#define MIN_BYTES 128	/* headers alone take more */
#define TAIL_BYTES 64	/* of what is not zero, within which the end marker must be */

bool mjpeg_is_whole(const uint8_t *data, size_t bytes)
{
	if (bytes < MIN_BYTES || data[0] != 0xff || data[1] != 0xd8)
		return false;
	while (bytes > MIN_BYTES && !data[bytes - 1])
		bytes--;
	for (size_t back = 2; back <= TAIL_BYTES; back++)
		if (data[bytes - back] == 0xff && data[bytes - back + 1] == 0xd9)
			return true;
	return false;
}
