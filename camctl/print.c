#include "camctl/print.h"

#include "camctl/human.h"
#include "common/util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GAP 2		/* columns between two columns */
#define MAX_INLINE 48	/* a list of texts that is wider gets lines of its own */

struct printer {
	const struct wire_message *message;
	int columns;
	FILE *to;
};

static void print_object(struct printer *printer, const char *path, const struct field *table, int indent);

static char *join(const char *path, const char *member)
{
	return xasprintf("%s.%s", path, member);
}

static char *item_path(const char *path, int index)
{
	return xasprintf("%s.%d", path, index);
}

static int list_length(const struct printer *printer, const char *path)
{
	char *length = join(path, "#");
	int n = wire_integer(printer->message, length, 0);

	free(length);
	return n;
}

/* Appends to a text that grows; takes the piece, which may be NULL. */
static void append(char **text, const char *separator, char *piece)
{
	char *longer = *text && piece ? xasprintf("%s%s%s", *text, separator, piece) : NULL;

	if (!piece)
		return;
	if (!longer) {
		*text = piece;
		return;
	}
	free(*text);
	free(piece);
	*text = longer;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

static char *number_text(const struct printer *printer, const struct field *f, const char *path)
{
	char buffer[HUMAN_BYTES];
	double number = wire_number(printer->message, path, NAN);

	if (isnan(number))
		return NULL;
	if (f->unit && !strcmp(f->unit, "bytes"))
		return xstrdup(human_size(number, buffer));
	if (f->unit && !strcmp(f->unit, "ns") && ends_with(f->name, "duration_ns"))
		return xstrdup(human_duration(number, buffer));
	if (f->type == FIELD_REAL && fabs(number) >= 0.1 && number != floor(number))
		return xasprintf("%.2f", number);
	return wire_value_text(printer->message, path);
}

static char *value_text(const struct printer *printer, const struct field *f, enum field_type type, const char *path);

/* The members of an object in one line; those that are 0 go without saying. */
static char *object_text(const struct printer *printer, const struct field *table, const char *path)
{
	char *text = NULL;

	for (const struct field *f = table; f && f->name; f++) {
		char *member = join(path, f->name), *value = value_text(printer, f, f->type, member);

		free(member);
		if (value && strcmp(value, "0"))
			append(&text, ", ", xasprintf("%s %s", f->name, value));
		free(value);
	}
	return text ? text : xstrdup("none");
}

/* The values of an item that stands in a list in one line: "1456x1088 60". */
static char *item_text(const struct printer *printer, const struct field *f, const char *path)
{
	char *text = NULL;

	if (f->of != FIELD_OBJECT)
		return value_text(printer, f, f->of, path);
	for (const struct field *member = f->fields; member && member->name; member++) {
		char *at = join(path, member->name);

		append(&text, " ", value_text(printer, member, member->type, at));
		free(at);
	}
	return text;
}

static char *list_text(const struct printer *printer, const struct field *f, const char *path)
{
	int n = list_length(printer, path);
	char *text = NULL;

	if (!n)	/* it may be a lone item */
		return f->of == FIELD_OBJECT ? NULL : wire_value_text(printer->message, path);
	for (int i = 0; i < n; i++) {
		char *item = item_path(path, i);

		append(&text, ", ", item_text(printer, f, item));
		free(item);
	}
	return text;
}

/* NULL: absent, null, or an empty list. */
static char *value_text(const struct printer *printer, const struct field *f, enum field_type type, const char *path)
{
	char *text = wire_value_text(printer->message, path);
	bool absent = !text || !strcmp(text, "null") || !strcmp(text, "[]");

	if (!absent && type == FIELD_BOOL) {
		bool yes = !strcmp(text, "true");

		free(text);
		return xstrdup(yes ? "yes" : "no");
	}
	if (absent || type == FIELD_TEXT || type == FIELD_PATH || type == FIELD_ENUM || type == FIELD_SIZE || type == FIELD_COLOUR ||
	    type == FIELD_JSON || type == FIELD_ID) {
		if (!absent)
			return human_clean(text);
		free(text);
		return NULL;
	}
	free(text);
	if (type == FIELD_OBJECT)
		return object_text(printer, f->fields, path);
	return type == FIELD_LIST ? list_text(printer, f, path) : number_text(printer, f, path);
}

static void print_padded(struct printer *printer, const char *text, int width, bool right)
{
	int pad = MAX(width - human_width(text), 0);

	fprintf(printer->to, "%*s%s%*s", right ? pad : 0, "", text, right ? 0 : pad, "");
}

/* ---- tables ---- */

struct grid {
	int rows, columns;
	char **cells;	/* rows + 1 times columns, headings first; NULL: empty */
	int *widths;	/* 0: the column is empty and left out */
};

static bool is_number(const char *text)
{
	return text[strspn(text, "-0123456789.")] == '\0';
}

static void fill_column(struct printer *printer, struct grid *grid, int column, const struct field *f, const char *path)
{
	for (int row = 0; row < grid->rows; row++) {
		char *item = item_path(path, row), *member = join(item, f->name);
		char *value = value_text(printer, f, f->type, member);

		grid->cells[(row + 1) * grid->columns + column] = value;
		if (value)
			grid->widths[column] = MAX(grid->widths[column], human_width(value));
		free(member);
		free(item);
	}
	grid->cells[column] = xstrdup(f->name);
	if (grid->widths[column])
		grid->widths[column] = MAX(grid->widths[column], human_width(f->name));
}

static struct grid make_grid(struct printer *printer, const struct field *table, const char *path)
{
	struct grid grid = { .rows = list_length(printer, path), .columns = fields_count(table) };

	grid.cells = xcalloc((size_t)(grid.rows + 1) * grid.columns, sizeof(char *));
	grid.widths = xcalloc(grid.columns, sizeof(int));
	for (int column = 0; column < grid.columns; column++)
		fill_column(printer, &grid, column, &table[column], path);
	return grid;
}

static void clear_grid(struct grid *grid)
{
	for (int i = 0; i < (grid->rows + 1) * grid->columns; i++)
		free(grid->cells[i]);
	free(grid->cells);
	free(grid->widths);
}

static int grid_width(const struct grid *grid)
{
	int sum = 0;

	for (int column = 0; column < grid->columns; column++)
		sum += grid->widths[column] ? grid->widths[column] + GAP : 0;
	return sum;
}

static bool column_is_numeric(const struct grid *grid, int column)
{
	for (int row = 1; row <= grid->rows; row++) {
		const char *cell = grid->cells[row * grid->columns + column];

		if (cell && !is_number(cell))
			return false;
	}
	return true;
}

static void print_grid(struct printer *printer, const struct grid *grid, int indent)
{
	for (int row = 0; row <= grid->rows; row++) {
		bool first = true;

		fprintf(printer->to, "%*s", indent, "");
		for (int column = 0; column < grid->columns; column++) {
			const char *cell = grid->cells[row * grid->columns + column];

			if (!grid->widths[column])
				continue;
			fprintf(printer->to, "%*s", first ? 0 : GAP, "");
			print_padded(printer, cell ? cell : "-", grid->widths[column], column_is_numeric(grid, column));
			first = false;
		}
		fputc('\n', printer->to);
	}
}

/* ---- blocks ---- */

static void print_items(struct printer *printer, const struct field *f, const char *path, int indent)
{
	struct grid grid = make_grid(printer, f->fields, path);

	if (indent + grid_width(&grid) <= printer->columns) {
		print_grid(printer, &grid, indent);
	} else {
		for (int i = 0; i < grid.rows; i++) {
			char *item = item_path(path, i);

			if (i)
				fputc('\n', printer->to);
			print_object(printer, item, f->fields, indent);
			free(item);
		}
	}
	clear_grid(&grid);
}

static int name_width(const struct field *table)
{
	int width = 0;

	for (const struct field *f = table; f && f->name; f++)
		width = MAX(width, (int)strlen(f->name));
	return width;
}

static void print_texts(struct printer *printer, const char *path, int indent)
{
	int n = list_length(printer, path);

	for (int i = 0; i < n; i++) {
		char *item = item_path(path, i), *text = wire_value_text(printer->message, item);

		fprintf(printer->to, "%*s%s\n", indent, "", text ? human_clean(text) : "-");
		free(text);
		free(item);
	}
}

/* An object that no table describes: settings. */
static void print_members(struct printer *printer, const char *path, int indent)
{
	const char *name;
	int width = 0;

	for (int i = 0; (name = wire_member_name(printer->message, path, i)); i++)
		width = MAX(width, human_width(name));
	for (int i = 0; (name = wire_member_name(printer->message, path, i)); i++) {
		char *member = join(path, name), *value = wire_value_text(printer->message, member), *clean = human_clean(xstrdup(name));

		fprintf(printer->to, "%*s", indent, "");
		print_padded(printer, clean, width + GAP, false);
		fprintf(printer->to, "%s\n", value && strcmp(value, "null") ? human_clean(value) : "-");
		free(clean);
		free(value);
		free(member);
	}
}

static void print_member(struct printer *printer, const struct field *f, const char *path, int indent, int width)
{
	bool objects = f->type == FIELD_LIST && f->of == FIELD_OBJECT && list_length(printer, path);
	bool settings = f->type == FIELD_JSON && wire_member_name(printer->message, path, 0);
	char *text = objects || settings ? NULL : value_text(printer, f, f->type, path);
	bool lines = f->type == FIELD_LIST && !objects && text && human_width(text) > MAX_INLINE && list_length(printer, path);

	if (objects || settings || lines)
		fprintf(printer->to, "%*s%s:\n", indent, "", f->name);
	if (objects)
		print_items(printer, f, path, indent + GAP);
	else if (settings)
		print_members(printer, path, indent + GAP);
	else if (lines)
		print_texts(printer, path, indent + GAP);
	else if (text)
		fprintf(printer->to, "%*s%-*s%s%s%s\n", indent, "", width + GAP, f->name, text,
			f->type == FIELD_REAL && f->unit ? " " : "", f->type == FIELD_REAL && f->unit ? f->unit : "");
	free(text);
}

static void print_object(struct printer *printer, const char *path, const struct field *table, int indent)
{
	int width = name_width(table);

	for (const struct field *f = table; f && f->name; f++) {
		char *member = join(path, f->name);

		print_member(printer, f, member, indent, width);
		free(member);
	}
}

void print_reply(const struct wire_message *message, int columns, FILE *to)
{
	struct printer printer = { message, columns, to };
	char *ignored = wire_value_text(message, "data.ignored");

	fprintf(to, "%s\n", messages[message->message].name);
	print_object(&printer, "data", messages[message->message].fields, GAP);
	if (ignored)
		fprintf(to, "  ignored: %s\n", human_clean(ignored));
	free(ignored);
}
