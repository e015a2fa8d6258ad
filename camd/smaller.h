/* A frame's picture made smaller, for previews and for programs that look at it. Any thread, a converter at a time. */
#pragma once

#include "camd/convert.h"
#include "common/field.h"

/* The camera's own small picture where it is large enough, for it costs less to read; else the frame. Borrowed. */
const struct frame *smaller_choose(const struct frame *frame, struct size size);

/* The picture in I420, of a size that fits into this one, its proportions kept; see convert_scale(). The caller unrefs. */
struct frame *smaller_make(struct converter *converter, const struct frame *frame, struct size size, struct error *err);
