#include "camd/still/still.h"

#include "camd/convert.h"

const struct still_impl *const stills[] = { &still_jpeg, &still_png, &still_npy, &still_npy_bgr };

struct sums *still_open(const struct frame *frame, struct error *err)
{
	bool coded = frame->format.pixels == PIXEL_MJPEG;
	struct converter *converter = coded ? converter_create(1) : NULL;
	struct frame *decoded = coded ? converter_run(converter, frame, err) : NULL;
	const struct frame *picture = coded ? decoded : frame;
	struct sums *sums = picture ? sums_create(&picture->format) : NULL;

	if (sums)
		sums_add(sums, picture);
	frame_unref(decoded);
	converter_destroy(converter);
	return sums;
}
