/* What tests of the hardware encoder need to know beyond encoder.h. */
#pragma once

#include "camd/encode/encoder.h"

/*
 * As encoder_m2m's create(), for another coded format, by V4L2's name: drivers that can be had for tests have their own. Of
 * others than H.264 each buffer is a picture, and which are key frames is the driver's word.
 */
struct encoder *m2m_create_coded(const struct encoder_request *request, unsigned coded, encoder_packet_fn on_packet, void *user,
				 struct error *err);
