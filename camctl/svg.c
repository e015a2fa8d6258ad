#include "camctl/svg.h"

#include "common/util.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

#define VALUE_LINES 4
#define TIME_LINES 10

static const char style[] =
	"<style>"
	"text{font-family:Inter,system-ui,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif;fill:#334155;font-size:12px}"
	".title{font-size:22px;font-weight:600;fill:#0f172a}.sub{font-size:13px;fill:#64748b}"
	".head{font-size:16px;font-weight:600;fill:#0f172a}.name{font-size:12px;font-weight:600}.tick{font-size:11px;fill:#94a3b8}"
	".page{fill:#fff}.field{fill:#f8fafc;stroke:#e2e8f0}.grid{stroke:#e2e8f0;stroke-width:1}"
	".band{fill:#93c5fd;fill-opacity:.55}.mean{fill:none;stroke:#1d4ed8;stroke-width:1.5;stroke-linejoin:round}"
	".bits{fill:#99f6e4}.bitsline{fill:none;stroke:#0f766e;stroke-width:1.5;stroke-linejoin:round}.bar{fill:#60a5fa}"
	".c0{fill:#dc2626}.c1{fill:#f59e0b}.c2{fill:#9333ea}.c3{fill:#0891b2}.c4{fill:#475569}"
	"</style>\n";

void svg_begin(FILE *to, double width, double height)
{
	fprintf(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
		"viewBox=\"0 0 %.0f %.0f\">\n%s", width, height, width, height, style);
	svg_rect(to, 0, 0, width, height, "page");
}

void svg_end(FILE *to)
{
	fputs("</svg>\n", to);
}

static void print_escaped(const char *text, FILE *to)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '<' || c == '&' || c == '>')
			fprintf(to, "&#%d;", c);
		else
			fputc(c < ' ' || c == 0x7f ? '?' : c, to);
	}
}

void svg_text(FILE *to, double x, double y, enum svg_anchor anchor, const char *class, const char *format, ...)
{
	static const char *const anchors[] = { "start", "middle", "end" };
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	fprintf(to, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">", x, y, anchors[anchor], class);
	print_escaped(text, to);
	fputs("</text>\n", to);
	free(text);
}

void svg_rect(FILE *to, double x, double y, double width, double height, const char *class)
{
	fprintf(to, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"%s\"/>\n", x, y, width, height, class);
}

double svg_x(const struct svg_chart *chart, double t)
{
	return chart->x + (t - chart->t0) / (chart->t1 - chart->t0) * chart->width;
}

double svg_y(const struct svg_chart *chart, double value)
{
	double part = (value - chart->lo) / (chart->hi - chart->lo);

	return chart->y + chart->height * (1 - MIN(MAX(part, 0), 1));
}

double svg_step(double range, int parts)
{
	double power = pow(10, floor(log10(range / parts)));

	for (int i = 0; i < 2; i++, power *= 10)
		for (const int *n = (const int[]){ 1, 2, 5, 0 }; *n; n++)
			if (range / (*n * power) <= parts)
				return *n * power;
	return power;
}

static void value_lines(const struct svg_chart *chart)
{
	double step = svg_step(chart->hi - chart->lo, VALUE_LINES);
	int decimals = (int)MIN(MAX(-floor(log10(step) + 1e-9), 0), 6);

	for (double value = ceil(chart->lo / step - 1e-9) * step; value <= chart->hi + step * 1e-9; value += step) {
		double y = svg_y(chart, value);

		fprintf(chart->to, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" class=\"grid\"/>\n", chart->x,
			chart->x + chart->width, y, y);
		svg_text(chart->to, chart->x - 8, y + 4, SVG_END, "tick", "%.*f", decimals, value + 0.0);
	}
}

/* Seconds, minutes, hours: steps of clocks. */
static double time_step(double seconds)
{
	static const double steps[] = { 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 86400 };

	if (seconds <= 50 * TIME_LINES / 2)
		for (const double *step = (const double[]){ 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 0 }; *step > 0; step++)
			if (seconds / *step <= TIME_LINES)
				return *step;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		if (seconds / steps[i] <= TIME_LINES)
			return steps[i];
	return svg_step(seconds / 86400, TIME_LINES) * 86400;
}

static void print_time(const struct svg_chart *chart, double t, double step)
{
	double x = svg_x(chart, t), y = chart->y + chart->height + 16;
	long long whole = llround(t * 10) / 10;

	if (step < 1)
		svg_text(chart->to, x, y, SVG_MIDDLE, "tick", "%.1f s", t);
	else if (chart->t1 < 90)
		svg_text(chart->to, x, y, SVG_MIDDLE, "tick", "%.0f s", t);
	else if (chart->t1 < 3600)
		svg_text(chart->to, x, y, SVG_MIDDLE, "tick", "%lld:%02lld", whole / 60, whole % 60);
	else
		svg_text(chart->to, x, y, SVG_MIDDLE, "tick", "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
}

void svg_axes(const struct svg_chart *chart, bool times)
{
	double step = time_step(chart->t1 - chart->t0);

	svg_rect(chart->to, chart->x, chart->y, chart->width, chart->height, "field");
	value_lines(chart);
	for (double t = chart->t0; t <= chart->t1 + step * 1e-9; t += step) {
		double x = svg_x(chart, t);

		fprintf(chart->to, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" class=\"grid\"/>\n", x, x, chart->y,
			chart->y + chart->height);
		if (times)
			print_time(chart, t, step);
	}
}
