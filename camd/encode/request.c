#include "camd/encode/request.h"

bool encoder_request_check(const struct encoder_request *request, struct error *err)
{
	const struct frame_format *format = &request->format;

	if (format->width < 16 || format->height < 16 || format->width % 2 || format->height % 2)
		return error_set_argument(err, "resolution", "H.264 needs even sizes of 16x16 and more, not %dx%d",
					  format->width, format->height);
	if (!(request->fps > 0 && request->fps <= 1000))
		return error_set_argument(err, "target_fps", "H.264 needs a frame rate above 0 and up to 1000, not %g",
					  request->fps);
	if (request->bitrate_bps < 1000)
		return error_set_argument(err, "bitrate", "%lld b/s is too little: 1000 is the least",
					  (long long)request->bitrate_bps);
	if (request->intra < 1)
		return error_set_argument(err, "intra", "a key frame every %d frames can't be", request->intra);
	return true;
}
