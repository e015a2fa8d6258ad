#include "protocol/describe.h"

#include "common/util.h"
#include "protocol/commands.h"
#include "protocol/errors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COMMENT_WIDTH 100

#define AT(in, member) .at = offsetof(struct in, member)
#define DESCRIBED_FIELDS(in, member, text) \
	{ .name = #member, .type = FIELD_LIST, .of = FIELD_OBJECT, AT(in, member), .fields = described_field_fields, \
	  .item_bytes = sizeof(struct described_field), .flags = FIELD_OPTIONAL, .help = text }

const struct field described_field_fields[] = {
	{ .name = "name", .type = FIELD_TEXT, AT(described_field, name), .help = "Its name." },
	{ .name = "type", .type = FIELD_TEXT, AT(described_field, type), .help = "Its type." },
	{ .name = "choices", .type = FIELD_LIST, .of = FIELD_TEXT, AT(described_field, choices), .flags = FIELD_OPTIONAL,
	  .help = "The values that it can have." },
	{ .name = "min", .type = FIELD_REAL, AT(described_field, min), .flags = FIELD_OPTIONAL, .help = "Smallest value." },
	{ .name = "max", .type = FIELD_REAL, AT(described_field, max), .flags = FIELD_OPTIONAL, .help = "Largest value." },
	{ .name = "default", .type = FIELD_TEXT, AT(described_field, fallback), .flags = FIELD_OPTIONAL,
	  .help = "What holds if it is not given." },
	{ .name = "unit", .type = FIELD_TEXT, AT(described_field, unit), .flags = FIELD_OPTIONAL, .help = "Its unit." },
	{ .name = "help", .type = FIELD_TEXT, AT(described_field, help), .help = "One sentence." },
	{ .name = "required", .type = FIELD_BOOL, AT(described_field, required), .help = "Whether it must be given." },
	{ .name = "optional", .type = FIELD_BOOL, AT(described_field, optional), .help = "Whether it may be absent." },
	{ .name = "live", .type = FIELD_BOOL, AT(described_field, live), .help = "Whether a setting takes effect without a restart." },
	{ .name = "per_camera", .type = FIELD_BOOL, AT(described_field, per_camera),
	  .help = "Whether one camera may have the setting otherwise than the others, as camera0.NAME." },
	DESCRIBED_FIELDS(described_field, fields, "Members of the object or of the items."),
	{ 0 },
};

const struct field described_command_fields[] = {
	{ .name = "name", .type = FIELD_TEXT, AT(described_command, name), .help = "Its name." },
	{ .name = "summary", .type = FIELD_TEXT, AT(described_command, summary), .help = "One sentence." },
	{ .name = "reply", .type = FIELD_TEXT, AT(described_command, reply), .help = "Name of the reply." },
	{ .name = "may_take_time", .type = FIELD_BOOL, AT(described_command, may_take_time),
	  .help = "Whether later requests with an id may be answered before it." },
	DESCRIBED_FIELDS(described_command, arguments, "Its arguments."),
	{ 0 },
};

const struct field described_message_fields[] = {
	{ .name = "name", .type = FIELD_TEXT, AT(described_message, name), .help = "Its name." },
	{ .name = "kind", .type = FIELD_TEXT, AT(described_message, kind), .help = "reply, notice or event." },
	{ .name = "summary", .type = FIELD_TEXT, AT(described_message, summary), .help = "When it is sent." },
	DESCRIBED_FIELDS(described_message, data, "Members of its data."),
	{ 0 },
};

const struct field described_error_fields[] = {
	{ .name = "code", .type = FIELD_TEXT, AT(described_error, code), .help = "Its name." },
	{ .name = "meaning", .type = FIELD_TEXT, AT(described_error, meaning), .help = "One sentence." },
	{ 0 },
};

static const char *const kind_names[] = { "reply", "notice", "event" };

static char *borrowed(const char *text)
{
	return (char *)text;
}

static struct list describe_fields(const struct field *table);

static void describe_field(const struct field *f, struct described_field *to)
{
	bool bounded = f->min != f->max && f->type != FIELD_TEXT && f->type != FIELD_PATH;

	*to = (struct described_field){
		.name = borrowed(f->name), .type = borrowed(field_type_name(f)), .help = borrowed(f->help ? f->help : ""),
		.min = bounded ? f->min : NAN, .max = bounded ? f->max : NAN,
		.fallback = borrowed(f->fallback), .unit = borrowed(f->unit),
		.required = f->flags & FIELD_REQUIRED, .optional = f->flags & FIELD_OPTIONAL, .live = f->flags & FIELD_LIVE,
		.per_camera = f->flags & FIELD_PER_CAMERA,
	};
	while (f->choices && f->choices[to->choices.n])
		to->choices.n++;
	to->choices.items = (void *)f->choices;
	if (f->fields && f->fields != described_field_fields)
		to->fields = describe_fields(f->fields);
}

static struct list describe_fields(const struct field *table)
{
	struct list list = { .n = fields_count(table) };
	struct described_field *items = xcalloc(list.n, sizeof(*items));

	for (size_t i = 0; i < list.n; i++)
		describe_field(&table[i], &items[i]);
	list.items = items;
	return list;
}

static void free_fields(struct list *list)
{
	struct described_field *items = list->items;

	for (size_t i = 0; i < list->n; i++)
		free_fields(&items[i].fields);
	free(items);
	*list = (struct list){ 0 };
}

static struct list describe_commands(void)
{
	struct described_command *items = xcalloc(N_COMMANDS, sizeof(*items));

	for (int i = 0; i < N_COMMANDS; i++)
		items[i] = (struct described_command){
			.name = borrowed(commands[i].name), .summary = borrowed(commands[i].summary),
			.reply = borrowed(messages[commands[i].reply].name),
			.may_take_time = commands[i].flags & CMD_MAY_TAKE_TIME,
			.arguments = describe_fields(commands[i].arguments),
		};
	return (struct list){ N_COMMANDS, items };
}

static struct list describe_messages(void)
{
	struct described_message *items = xcalloc(N_MESSAGES, sizeof(*items));

	for (int i = 0; i < N_MESSAGES; i++)
		items[i] = (struct described_message){
			.name = borrowed(messages[i].name), .kind = borrowed(kind_names[messages[i].kind]),
			.summary = borrowed(messages[i].summary), .data = describe_fields(messages[i].fields),
		};
	return (struct list){ N_MESSAGES, items };
}

static struct list describe_errors(void)
{
	struct described_error *items = xcalloc(N_ERROR_CODES, sizeof(*items));
	size_t n = 0;

	for (int i = ERR_NONE + 1; i < N_ERROR_CODES; i++)
		items[n++] = (struct described_error){ borrowed(error_descriptions[i].name), borrowed(error_descriptions[i].meaning) };
	return (struct list){ n, items };
}

void describe_all(const struct field *settings, struct description *description)
{
	*description = (struct description){
		.commands = describe_commands(), .messages = describe_messages(), .settings = describe_fields(settings),
		.errors = describe_errors(), .protocol = PROTOCOL_VERSION, .version = borrowed(CAMD_VERSION),
	};
}

void describe_free(struct description *description)
{
	struct described_command *command = description->commands.items;
	struct described_message *message = description->messages.items;

	for (size_t i = 0; i < description->commands.n; i++)
		free_fields(&command[i].arguments);
	for (size_t i = 0; i < description->messages.n; i++)
		free_fields(&message[i].data);
	free(command);
	free(message);
	free_fields(&description->settings);
	free(description->errors.items);
}

static void print_fields(const struct field *table, bool arguments, FILE *to)
{
	if (!fields_count(table))
		return;
	fputs("\n| member | type | default | meaning |\n|---|---|---|---|\n", to);
	fields_print_markdown(table, "", arguments, to);
}

static void print_messages(enum message_kind kind, const char *heading, FILE *to)
{
	fprintf(to, "\n## %s\n", heading);
	for (int i = 0; i < N_MESSAGES; i++) {
		if (messages[i].kind != kind)
			continue;
		fprintf(to, "\n### `%s`\n\n%s\n", messages[i].name, messages[i].summary);
		print_fields(messages[i].fields, false, to);
	}
}

static void print_commands(FILE *to)
{
	fputs("\n## Commands\n", to);
	for (int i = 0; i < N_COMMANDS; i++) {
		fprintf(to, "\n### `%s`\n\n%s Reply: `%s`.%s\n", commands[i].name, commands[i].summary,
			messages[commands[i].reply].name,
			commands[i].flags & CMD_MAY_TAKE_TIME ? " It may take time." : "");
		print_fields(commands[i].arguments, true, to);
	}
}

static const char protocol_rules[] =
	"<!-- Printed from protocol/*.c by `ninja -C build docs`: change those. -->\n"
	"# The protocol\n\n"
	"camd reads requests from stdin and writes replies and events to stdout: UTF-8 JSON, one object a line.\n\n"
	"    {\"command\": NAME, ...arguments..., \"id\": string or integer, if wanted}\n"
	"    {\"type\":\"status\",\"status\":NAME,\"timestamp\":\"2026-11-20T14:03:07.123456+01:00\",\"data\":{...},\"id\":...}\n"
	"    {\"type\":\"event\",\"event\":NAME,\"timestamp\":...,\"data\":{...}}\n\n"
	"- Each request gets exactly one line, in the order of the requests. Nothing comes unasked but events subscribed to, preview\n"
	"  frames switched on, and the notices that `--greeting` asks for.\n"
	"- Behind a request that may take time, one **with** an `id` that needs no waiting is answered at once; one without waits its turn.\n"
	"- What needs cameras waits for them until `discovery_timeout` after the start, then answers the error `no_cameras`. A camera that\n"
	"  gives no frame within `start_timeout` does not hold the others: they record, and it stands in `failed`.\n"
	"- `quit` and signals cancel what is pending: each gets its error, code `cancelled`. At the end of stdin, what was read is carried\n"
	"  out to the end, waits included; then recordings are finished and camd exits with 0. A dead stdout cuts that short.\n"
	"- While more than 64 requests are unanswered, camd reads no more. Events that nobody reads are dropped, oldest first, and\n"
	"  `events_lost` says how many; of previews, the newest a camera is kept. A reader that stops delays nothing but its own lines.\n"
	"- A camd that is handed a listening UNIX socket (systemd's LISTEN_FDS) serves up to 16 further clients by it, each with its own\n"
	"  order of replies, subscriptions and previews; notices go to stdout alone. The end of such a client ends nothing else; its `quit`\n"
	"  ends camd. Who may not speak, or is one too many, gets one `error` line (`permission_denied`, `busy`) and is disconnected.\n"
	"- Limits: 64 KiB a line, depth 16, integers to 2^53 in requests (larger ids as strings). In replies, integers are exact.\n"
	"- An unterminated last line is never carried out. A member that a command does not know is no error: `data.ignored` names it.\n"
	"- `camera_id` is an integer or a list of them. A camera keeps its number when it comes back.\n"
	"- Members marked `?` may be absent. More members, messages and codes may be added; clients skip what they don't know.\n";

static const char file_rules[] =
	"\n## Files\n\n"
	"`OUTPUT_DIR/session_YYYYMMDD_HHMMSS/` holds `camN_WxH_30.0fps_YYYYMMDD_HHMMSS.mp4` (or `.h264`), `..._frame_timing.csv`,\n"
	"`snapshot_camN_....jpg` and `session.log` (with `session.log.1`, `.2` ..., the older parts of a large one). Nothing is overwritten:\n"
	"if a name exists, `_2`, `_3` ... is added.\n\n"
	"- A line of `session.log`: time, level, thread, text. What libraries print stands there too, as of the thread `libcamera`, or `stderr`.\n"
	"- The k-th decoded frame of a video is the frame of the k-th CSV row. PTS = sensor time less the first frame's, to the nanosecond\n"
	"  (in a finished file with a gap of more than 4.29 s, to the microsecond).\n"
	"- A frame's number starts at 1 with each recording and counts every frame that the sensor produced: a lost frame has no row, and\n"
	"  the next row's number is higher by it. So the last number = rows + frames lost before it, and captured = recorded + lost, always.\n"
	"- CSV columns: `frame_number`, `write_time_unix` (s), `sensor_timestamp_ns` (CLOCK_MONOTONIC), `dropped_since_last` (all causes),\n"
	"  `total_hardware_drops` (the sensor's), `camera_frame` (counts from the camera's start), `lost_sensor`, `lost_starved`,\n"
	"  `lost_encoder`, `lost_storage` (totals since the start of the recording), `exposure_us`, `analogue_gain`, `digital_gain`, `lux`,\n"
	"  `sensor_temperature_c` (what the camera said of this frame), `mark` (what somebody noted; as CSV has it, in quotes where it\n"
	"  holds a comma or a quote). An unknown value is empty; a last line without a newline does not count.\n"
	"- A clip that reaches across a recording's begin or end has the numbers of both. Where they begin anew, `dropped_since_last` counts by\n"
	"  `camera_frame`: also what was lost behind the one's last row and before the other's first, which is in neither.\n"
	"- Tables of pictures (`..._frames.csv` of take_snapshot with `ring`, `CLIP_stills/stills.csv` of a trigger with `stills`): `dark_score` is\n"
	"  the mean brightness of the picture, 0 black to 255 white whatever its range is, as night is decided by it; `night` is 1 or 0, empty\n"
	"  if `night_mode` is off; `frames` of how many a picture is made (`stack_dark_frames`), of which the row has the first.\n"
	"- Where a disk has lost what was written, what it lost is written again and the recording goes on in another file: a `warning`\n"
	"  (`io_error`) and `segment_finished` tell. The first file ends before the frames of the second, or, if it has no others, has them too;\n"
	"  the next start finishes it. A recording that the disk ends goes on by itself, as a new one, when the disk lets it (`resuming`).\n"
	"- Frames left out because the wanted rate is below the sensor's are not lost and not counted. No frame is ever made up.\n";

void describe_protocol_markdown(FILE *to)
{
	fputs(protocol_rules, to);
	print_commands(to);
	print_messages(KIND_REPLY, "Replies", to);
	print_messages(KIND_NOTICE, "Notices", to);
	print_messages(KIND_EVENT, "Events", to);
	fputs("\n## Error codes\n\n| code | meaning |\n|---|---|\n", to);
	for (int i = ERR_NONE + 1; i < N_ERROR_CODES; i++)
		fprintf(to, "| `%s` | %s |\n", error_descriptions[i].name, error_descriptions[i].meaning);
	fputs(file_rules, to);
}

static void print_range(const struct field *f, FILE *to)
{
	if (f->min != f->max && f->type != FIELD_TEXT && f->type != FIELD_PATH)
		fprintf(to, ", %.15g to %.15g", f->min, f->max);
	fprintf(to, "%s%s", f->unit ? " " : "", f->unit ? f->unit : "");
}

/* A comment of as many lines as it takes. */
static void print_comment(const char *text, FILE *to)
{
	size_t column = 1;

	fputc('#', to);
	while (*text) {
		size_t n = strcspn(text, " ");

		if (column + 1 + n > COMMENT_WIDTH) {
			fputs("\n#", to);
			column = 1;
		}
		fprintf(to, " %.*s", (int)n, text);
		column += 1 + n;
		text += n + strspn(text + n, " ");
	}
	fputc('\n', to);
}

void describe_settings_sample(const struct field *settings, FILE *to)
{
	fputs("# The settings of camd, printed by `camd --print-config`. A line is `key = value`; what is behind a # says nothing.\n"
	      "# camd reads the first of these that is there: the file that --config names, ./config.txt, ~/.config/camd/camd.conf,\n"
	      "# /etc/camd/camd.conf. Flags override it. `camera0.key = value` is for one camera alone.\n", to);
	for (const struct field *f = settings; f->name; f++) {
		if (f->flags & FIELD_NOT_IN_FILE)
			continue;
		fputc('\n', to);
		print_comment(f->help, to);
		fprintf(to, "# (%s", field_type_name(f));
		for (int i = 0; f->choices && f->choices[i]; i++)
			fprintf(to, "%s%s", i ? ", " : " ", f->choices[i]);
		print_range(f, to);
		fprintf(to, "%s)\n#%s =%s%s\n", f->flags & FIELD_PER_CAMERA ? "; per camera" : "", f->name,
			f->fallback ? " " : "", f->fallback ? f->fallback : "");
	}
}

void describe_settings_markdown(const struct field *settings, FILE *to)
{
	fputs("<!-- Printed from camd/config.c by `ninja -C build docs`: change that. -->\n"
	      "# Settings\n\n"
	      "A setting is a line `key = value` of a file (with `#` comments), and a flag `--key value` with `-` for `_`, which overrides\n"
	      "the file; `--no-key` switches off. The file is the first of these that is there: the one that `--config` names,\n"
	      "`./config.txt`, `$XDG_CONFIG_HOME/camd/camd.conf` (by default in `~/.config`), `/etc/camd/camd.conf` (first in the etc of where it was installed);\n"
	      "`--no-config` reads none. `camd --print-config` prints one with all settings as comments. Times take `s`, `ms`, `us`, `min`,\n"
	      "`h`; amounts `k`, `M`, `G` (powers of 1000), rates also `kbps`, `mbps`. `set_config` changes the settings marked live\n"
	      "without a restart.\n\n"
	      "Those marked per camera can be set for one alone, which then has it whatever holds for the others: `camera0.bitrate = 4M` in\n"
	      "the file, `--camera0.bitrate 4M`, and `camera0.bitrate` in `get_config` and `set_config`, which also list what is set so.\n\n"
	      "| setting | type | default | live | per camera | meaning |\n|---|---|---|---|---|---|\n", to);
	for (const struct field *f = settings; f->name; f++) {
		fprintf(to, "| `%s` | %s", f->name, field_type_name(f));
		for (int i = 0; f->choices && f->choices[i]; i++)
			fprintf(to, "%s`%s`", i ? ", " : " ", f->choices[i]);
		print_range(f, to);
		fprintf(to, " | %s%s%s | %s | %s | %s |\n", f->fallback ? "`" : "", f->fallback ? f->fallback : "", f->fallback ? "`" : "",
			f->flags & FIELD_LIVE ? "yes" : "", f->flags & FIELD_PER_CAMERA ? "yes" : "", f->help);
	}
}
