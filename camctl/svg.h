/* The little of SVG that charts take, printed as it comes. One thread. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* A field with values over time in it, axes at its left and below. */
struct svg_chart {
	FILE *to;
	double x, y, width, height;	/* of the field */
	double t0, t1;			/* seconds at its left and right */
	double lo, hi;			/* values at its bottom and top */
};

enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };

void svg_begin(FILE *to, double width, double height);
void svg_end(FILE *to);

/* Text of a class of the style sheet; what XML would take for its own is written so that it doesn't, what it can't have is '?'. */
void svg_text(FILE *to, double x, double y, enum svg_anchor anchor, const char *class, const char *format, ...)
	__attribute__((format(printf, 6, 7)));
void svg_rect(FILE *to, double x, double y, double width, double height, const char *class);

double svg_x(const struct svg_chart *chart, double t);
double svg_y(const struct svg_chart *chart, double value);	/* kept inside of the field */

/* The field, its lines and their values; times: whether those below are printed. */
void svg_axes(const struct svg_chart *chart, bool times);

/* A step of 1, 2 or 5 by which a range falls into no more than so many parts. */
double svg_step(double range, int parts);
