/*
 * The one type system. A `struct field` describes one member of one C struct: settings, arguments of commands, members of
 * messages. Text and JSON are parsed into structs and printed from them by walking such tables; so are the reference pages
 * and the derived tests. A table ends with an entry whose name is NULL.
 *
 * How types look in C, in text (config file, flags) and in JSON:
 *
 *   FIELD_BOOL      bool           true false yes no on off 1 0        true, false
 *   FIELD_INT       int64_t        30                                   integer to 2^53 when read, any when written
 *   FIELD_REAL      double         29.97                                number
 *   FIELD_TEXT      char *         as is                                string
 *   FIELD_PATH      char *         as is                                string; made absolute by who uses it
 *   FIELD_ENUM      int            one of choices, or of synonyms       string, or a number that spells one
 *   FIELD_SIZE      struct size    1456x1088, or a preset 0-7           string or preset number
 *   FIELD_COLOUR    struct rgba    red, ff8000, ff800080, none          string
 *   FIELD_DURATION  int64_t (ns)   1.5s 20ms 2min 1d, bare: in .unit    number in .unit, or such a string
 *   FIELD_TIME      int64_t (ns)   2026-11-20T14:03:07+01:00, see clock_read()  such a string, or seconds since 1970
 *   FIELD_AMOUNT    int64_t        10M, 2.5k, 1G (powers of 1000)       number, or such a string; a rate also 10mbps
 *   FIELD_OBJECT    struct inline  -                                    object, by .fields
 *   FIELD_LIST      struct list    one item; each further appends       array of .of (objects by .fields)
 *   FIELD_JSON      struct cJSON * -                                    anything
 *   FIELD_ID        struct cJSON * -                                    string or integer
 *
 * "Absent", for members with FIELD_OPTIONAL: texts, lists and JSON are NULL, numbers FIELD_UNSET / NAN, enums -1, colours not given. Optional members
 * that are absent are not printed; NULL texts that are not optional print as null.
 *
 * Texts and items read by this module belong to the struct and are freed by fields_clear(). Structs that are only printed
 * may borrow. Pure functions; any thread.
 */
#pragma once

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct cJSON;

enum field_type {
	FIELD_BOOL,
	FIELD_INT,
	FIELD_REAL,
	FIELD_TEXT,
	FIELD_PATH,
	FIELD_ENUM,
	FIELD_SIZE,
	FIELD_COLOUR,
	FIELD_DURATION,
	FIELD_TIME,
	FIELD_AMOUNT,
	FIELD_OBJECT,
	FIELD_LIST,
	FIELD_JSON,
	FIELD_ID,
};

enum field_flag {
	FIELD_OPTIONAL = 1 << 0,	/* may be absent */
	FIELD_REQUIRED = 1 << 1,	/* an argument that must be given */
	FIELD_LIVE = 1 << 2,		/* a setting that takes effect without a restart */
	FIELD_NOT_IN_FILE = 1 << 3,	/* a flag only */
	FIELD_ONE_OR_MANY = 1 << 4,	/* a list for which a lone item may stand */
	FIELD_PER_CAMERA = 1 << 5,	/* a setting that one camera may have otherwise than the others: camera0.KEY */
};

#define FIELD_UNSET INT64_MIN

struct size {
	int width, height;
};

/* sRGB. Colours are written as a name, or in hexadecimal, with or without a '#' before it and an alpha behind it. */
struct rgba {
	uint8_t red, green, blue;
	uint8_t alpha;			/* 255: opaque, 0: none */
	bool given;			/* false: absent */
};

struct list {
	size_t n;
	void *items;
};

struct field {
	const char *name;		/* key, JSON member; the flag is the same with '-' for '_' */
	enum field_type type;
	size_t at;			/* offset in the struct that the table describes */
	double min, max;		/* numbers, inclusive, in .unit; none if min == max */
	const char *const *choices;	/* FIELD_ENUM: names, NULL-terminated; the value is the index */
	const char *const (*synonyms)[2];	/* FIELD_ENUM: pairs {other spelling, choice}, ending with {NULL}; NULL: none */
	const char *(*check)(const char *text);	/* FIELD_TEXT, each of a list of texts: NULL if it will do, else in words what would; NULL: any does */
	const char *fallback;		/* the default, as text, parsed by the same parser */
	const char *unit;
	const char *help;		/* one sentence */
	unsigned flags;
	const struct field *fields;	/* FIELD_OBJECT, FIELD_LIST of objects */
	enum field_type of;		/* FIELD_LIST */
	size_t item_bytes;		/* FIELD_LIST of objects: size of one */
};

/* Presets 0-7 of the recording size. */
extern const struct size field_size_presets[8];

const struct field *field_find(const struct field *table, const char *name);	/* NULL: none */
const char *field_nearest(const struct field *table, const char *name);		/* a known name like it, or NULL */
size_t fields_count(const struct field *table);
size_t fields_bytes(const struct field *table);					/* room enough for a struct that it describes */
const char *field_type_name(const struct field *field);				/* "integer", "list of text", … */
double field_unit_ns(const struct field *field);		/* FIELD_DURATION: how long one of its bare numbers is */

/* Parses one value from text. The error names the field and what would be right. */
bool field_parse(const struct field *field, void *base, const char *text, struct error *err);

/* The value as text that field_parse() reads back to the same; allocated, the caller frees. Lists: items joined by newlines. */
char *field_print(const struct field *field, const void *base);

char *field_print_colour(const struct rgba *colour);	/* likewise; empty if it is not given */

/* Sets all members to absent or, where there is a fallback, to that. Asserts that fallbacks parse. */
void fields_defaults(const struct field *table, void *base);
void fields_clear(const struct field *table, void *base);

/* What a setting is made of (no objects, no JSON, of lists those of texts), copied over what is there. */
void field_copy(const struct field *field, void *to, const void *from);

/* Parses one value from JSON. */
bool field_from_json(const struct field *field, void *base, const struct cJSON *value, struct error *err);

/*
 * Parses an object's members, looked up case-sensitively; FIELD_REQUIRED ones must be there. Names that the table doesn't
 * know, and that aren't in `except` (NULL-terminated, may be NULL), are added to ignored (a list of allocated texts; free
 * with fields_free_texts()).
 */
bool fields_from_json(const struct field *table, void *base, const struct cJSON *object, const char *const *except,
		      struct list *ignored, struct error *err);

/* As field_from_json(), from JSON text: for what field_parse() can't take, such as FIELD_JSON on a command line. */
bool field_parse_json(const struct field *field, void *base, const char *text, struct error *err);

/*
 * Sets a member of a FIELD_JSON value, which is made an object if it is absent. The text stands for a number, true, false or
 * "a quoted string" if it reads as one, else for itself.
 */
void field_set_json_member(struct cJSON **object, const char *name, const char *text);

/* A member of a FIELD_JSON value, in plain C: text, an object, up to JSON_MEMBER_NUMBERS numbers (a boolean is 0 or 1), or none of these. */
#define JSON_MEMBER_NUMBERS 16
struct json_member {
	const char *name;	/* borrowed, as is the text */
	const char *text;	/* NULL: it is none */
	const struct cJSON *object;	/* NULL: it is none */
	const struct cJSON *list;	/* likewise; field_json_next() steps through its items, which have no names */
	bool is_bool;
	size_t n;
	double numbers[JSON_MEMBER_NUMBERS];
};

/* How many members an object has; 0 for what is no object. */
size_t field_json_members(const struct cJSON *object);

/* Steps through an object's members: at is what the last call returned, NULL at first. Returns NULL behind the last. */
const struct cJSON *field_json_next(const struct cJSON *object, const struct cJSON *at, struct json_member *member);

struct cJSON *field_to_json(const struct field *field, const void *base);	/* NULL: absent */
struct cJSON *fields_to_json(const struct field *table, const void *base);	/* an object; the caller deletes */

/* The same as one line of text without its newline; allocated. */
char *fields_print_json(const struct field *table, const void *base);

/* Whether an object is what the table says: members known, there, and of the right type. For tests and clients. */
bool fields_check_json(const struct field *table, const struct cJSON *object, const char *where, struct error *err);

/* Appends a copy of text to a list of texts. */
void fields_add_text(struct list *texts, const char *text);
void fields_free_texts(struct list *texts);

/* One Markdown table row a field: | `name` | type | default | range | meaning |, with nested members as name.member. */
void fields_print_markdown(const struct field *table, const char *prefix, bool arguments, FILE *to);
