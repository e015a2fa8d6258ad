/* Kinds of NAL units of H.264, as far as they are of interest here: the lower five bits of their first byte. */
#pragma once

enum nal_type { NAL_SLICE = 1, NAL_IDR = 5, NAL_SEI = 6, NAL_SPS = 7, NAL_PPS = 8, NAL_AUD = 9, NAL_FILLER = 12 };
