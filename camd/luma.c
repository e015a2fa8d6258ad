#include "camd/luma.h"

struct luma_weights luma_weights_of(uint8_t matrix)
{
	switch (matrix) {
	case 1:
		return (struct luma_weights){ 0.2126, 0.0722 };
	case 4:
		return (struct luma_weights){ 0.30, 0.11 };
	case 7:
		return (struct luma_weights){ 0.212, 0.087 };
	case 9:
	case 10:
		return (struct luma_weights){ 0.2627, 0.0593 };
	default:
		/* 5 and 6; and what says nothing of itself is a webcam, as a rule */
		return (struct luma_weights){ 0.299, 0.114 };
	}
}
