#include "camctl/patient.h"

#include "camctl/human.h"
#include "camctl/say.h"
#include "common/clock.h"
#include "common/util.h"
#include "protocol/errors.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define START_NS (40 * NS_PER_S)	/* the longest discovery, and a slow card */
#define END_NS (30 * NS_PER_S)
#define ANSWER_NS (30 * NS_PER_S)

/* A question may be given up before its answer comes. */
struct question {
	struct patient *patient;
	int64_t number;
};

/* ---- what it says ---- */

/* Takes the text. */
static void note(struct patient *patient, char *text)
{
	if (text && patient->notes.n < PATIENT_NOTES)
		fields_add_text(&patient->notes, text);
	free(text);
}

static void take_encoders(struct patient *patient, const struct wire_message *initialized)
{
	int64_t n = wire_integer(initialized, "data.encoders.#", 0);

	for (int64_t i = 0; i < n; i++) {
		char *path = xasprintf("data.encoders.%d", (int)i);

		fields_add_text(&patient->encoders, wire_text(initialized, path));
		free(path);
	}
}

static void on_ready(void *user, const struct wire_message *initialized)
{
	struct patient *patient = user;
	const char *label = wire_text(initialized, "data.session"), *version = wire_text(initialized, "data.version");

	patient->ready = true;
	patient->cameras = wire_integer(initialized, "data.cameras", 0);
	patient->label = label ? xstrdup(label) : NULL;
	patient->version = xstrdup(version ? version : "?");
	take_encoders(patient, initialized);
}

static void on_message(void *user, const struct wire_message *message)
{
	struct patient *patient = user;

	patient->previews += message->message == MSG_PREVIEW_FRAME;
	patient->encoders_changed += message->message == EVENT_ENCODER_CHANGED;
	patient->degraded += message->message == EVENT_CAMERA_DEGRADED;
	patient->cameras_lost += message->message == EVENT_CAMERA_LOST;
	switch (message->message) {
	case EVENT_CAMERA_LOST:
	case EVENT_CAMERA_DEGRADED:
	case EVENT_ENCODER_CHANGED:
	case EVENT_STORAGE_FULL:
	case EVENT_RECOVERED:
	case EVENT_FRAMES_LOST:
	case MSG_WARNING:
		note(patient, say_message(message));
		break;
	default:
		break;
	}
}

static void on_text(void *user, const char *text)
{
	note(user, human_clean(xstrdup(text)));
}

static void on_line(void *user, const char *line)
{
	struct patient *patient = user;

	if (!patient->doctor->json)
		return;
	puts(line);
	fflush(stdout);
}

static void on_end(void *user)
{
	struct patient *patient = user;

	patient->ended = true;
}

static const struct session_watcher watcher = {
	.on_ready = on_ready, .on_message = on_message, .on_text = on_text, .on_line = on_line, .on_end = on_end,
};

/* ---- its course ---- */

static bool is_ready(void *user)
{
	struct patient *patient = user;

	return patient->ready || patient->ended;
}

static bool is_gone(void *user)
{
	struct patient *patient = user;

	return patient->ended;
}

/* Borrowed texts; later flags win, so ours come last. */
static const char **all_flags(const struct list *base, const char *const *ours)
{
	size_t n = 0;
	const char **all;

	while (ours[n])
		n++;
	all = xcalloc(base->n + n + 1, sizeof(*all));
	for (size_t i = 0; i < base->n; i++)
		all[i] = ((char **)base->items)[i];
	memcpy(all + base->n, ours, n * sizeof(*ours));
	return all;
}

struct patient *patient_start(struct doctor *doctor, const struct list *base, const char *const *flags, struct error *err)
{
	struct patient *patient = xcalloc(1, sizeof(*patient));
	const char **all = all_flags(base, flags);
	bool usage;

	patient->doctor = doctor;
	patient->session = session_create(&doctor->loop, all, err);
	free(all);
	if (!patient->session) {
		free(patient);
		return NULL;
	}
	session_watch(patient->session, &watcher, patient);
	session_want_events(patient->session);
	if (doctor_pump(doctor, START_NS, DOCTOR_WAITS, is_ready, patient) && !patient->ended)
		return patient;
	usage = patient->ended && session_status(patient->session) == SESSION_USAGE;
	if (doctor_is_stopped(doctor))
		error_set(err, ERR_CANCELLED, "interrupted");
	else
		error_set(err, usage ? ERR_BAD_ARGUMENT : ERR_INTERNAL, "camd %s: %s",
			  patient->ended ? "did not start" : "does not say that it is ready",
			  patient->notes.n ? ((char **)patient->notes.items)[patient->notes.n - 1] : "it gave no reason");
	patient_end(patient);
	return NULL;
}

static void forget_reply(struct patient *patient)
{
	if (patient->reply.json)
		wire_clear_message(&patient->reply);
	patient->reply = (struct wire_message){ 0 };
}

static bool has_quit(void *user)
{
	const struct patient *patient = user;

	return patient->ended || patient->doctor->interruptions > 1;
}

enum session_status patient_end(struct patient *patient)
{
	enum session_status status;

	if (!patient)
		return SESSION_OK;
	session_quit(patient->session, SESSION_OK);
	if (!doctor_pump(patient->doctor, END_NS, DOCTOR_ENDS, has_quit, patient) || !patient->ended) {
		session_kill(patient->session);
		doctor_pump(patient->doctor, END_NS, DOCTOR_ENDS, is_gone, patient);
	}
	status = session_status(patient->session);
	session_destroy(patient->session);
	uv_run(&patient->doctor->loop, UV_RUN_NOWAIT);
	forget_reply(patient);
	fields_free_texts(&patient->encoders);
	fields_free_texts(&patient->notes);
	free(patient->label);
	free(patient->version);
	free(patient);
	return status;
}

/* ---- questions ---- */

static void on_reply(void *user, const struct wire_message *reply)
{
	struct question *question = user;
	struct patient *patient = question->patient;
	const char *line = reply ? session_line(patient->session) : NULL;
	struct error err;

	if (question->number == patient->question) {
		patient->answered = true;
		if (line)	/* the message is the session's; what is kept is a copy */
			wire_parse_message(line, strlen(line), &patient->reply, &err);
	}
	free(question);
}

static bool is_answered(void *user)
{
	struct patient *patient = user;

	return patient->answered || patient->ended;
}

static bool refuse(const struct patient *patient, const char *command, struct error *err)
{
	if (doctor_is_stopped(patient->doctor))
		return error_set(err, ERR_CANCELLED, "interrupted");
	if (patient->ended)
		return error_set(err, ERR_INTERNAL, "%s: camd is gone", command);
	return error_set(err, ERR_TIMEOUT, "%s: no answer in time", command);
}

const struct wire_message *patient_ask(struct patient *patient, enum command_id command, const void *arguments,
				       int64_t limit_ns, struct error *err)
{
	struct question *question = xcalloc(1, sizeof(*question));
	char *text;

	forget_reply(patient);
	patient->answered = false;
	*question = (struct question){ patient, ++patient->question };
	session_call(patient->session, command, arguments, on_reply, question);
	doctor_pump(patient->doctor, limit_ns ? limit_ns : ANSWER_NS, DOCTOR_WORKS, is_answered, patient);
	if (!patient->answered || !patient->reply.json) {
		patient->question++;
		refuse(patient, commands[command].name, err);
		return NULL;
	}
	if (patient->reply.message != MSG_ERROR)
		return &patient->reply;
	text = say_error(&patient->reply);
	error_set(err, ERR_INTERNAL, "%s", text);
	free(text);
	return NULL;
}

struct wire_message patient_take(struct patient *patient)
{
	struct wire_message reply = patient->reply;

	patient->reply = (struct wire_message){ 0 };
	return reply;
}

bool patient_set(struct patient *patient, const char *name, const char *value, struct error *err)
{
	struct set_config_args arguments = { 0 };
	bool done;

	field_set_json_member(&arguments.values, name, value);
	done = patient_ask(patient, CMD_SET_CONFIG, &arguments, 0, err);
	fields_clear(commands[CMD_SET_CONFIG].arguments, &arguments);
	return done;
}

bool patient_wait(struct patient *patient, int64_t ns)
{
	doctor_pump(patient->doctor, ns, DOCTOR_WAITS, is_gone, patient);
	return !patient->ended && !doctor_is_stopped(patient->doctor);
}

/* ---- what it takes ---- */

static char *read_file_of(const struct patient *patient, const char *name)
{
	char *path = xasprintf("/proc/%d/%s", session_pid(patient->session), name), *text = xcalloc(1, 4096);
	FILE *file = fopen(path, "re");

	if (file) {
		text[fread(text, 1, 4095, file)] = '\0';
		fclose(file);
	}
	free(path);
	return text;
}

static int64_t status_value(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at ? strtoll(at + strlen(name), NULL, 10) : 0;
}

struct patient_usage patient_usage(const struct patient *patient)
{
	struct patient_usage usage = { 0 };
	unsigned long long user_ticks, system_ticks;
	char *stat, *status;
	const char *behind;

	if (patient->ended)
		return usage;
	stat = read_file_of(patient, "stat");
	status = read_file_of(patient, "status");
	behind = strrchr(stat, ')');	/* the name before it may hold anything */
	if (behind && sscanf(behind + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user_ticks, &system_ticks) == 2)
		usage.cpu_s = (double)(user_ticks + system_ticks) / (double)sysconf(_SC_CLK_TCK);
	usage.rss_bytes = status_value(status, "\nVmRSS:") * 1024;
	usage.peak_bytes = status_value(status, "\nVmHWM:") * 1024;
	usage.threads = status_value(status, "\nThreads:");
	free(stat);
	free(status);
	return usage;
}
