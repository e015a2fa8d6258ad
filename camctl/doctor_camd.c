#include "camctl/doctor_camd.h"

#include "camctl/doctor_devices.h"
#include "camctl/doctor_log.h"
#include "camctl/item.h"
#include "camctl/spawn.h"
#include "common/util.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *doctor_camd_log_path(const struct patient *patient, const char *output_dir)
{
	return xasprintf("%s/%s/session.log", output_dir, patient->label ? patient->label : "");
}

void doctor_camd_clear(struct doctor_camd *camd)
{
	free(camd->output_dir);
	camd->output_dir = NULL;
}

/* ---- what it has ---- */

static bool ask_settings(struct patient *patient, struct doctor_camd *camd, struct error *err)
{
	static const char *const wanted[] = { "output_dir", "bitrate" };
	struct get_config_args arguments = { .names = { ARRAY_LEN(wanted), (void *)wanted } };
	const struct wire_message *reply = patient_ask(patient, CMD_GET_CONFIG, &arguments, 0, err);
	const char *directory = reply ? wire_text(reply, "data.values.output_dir") : NULL;
	char *here;

	if (!reply)
		return false;
	camd->bitrate_bps = wire_integer(reply, "data.values.bitrate", 10000000);
	here = getcwd(NULL, 0);
	camd->output_dir = directory && *directory == '/' ? xstrdup(directory) :
			   xasprintf("%s/%s", here && strcmp(here, "/") ? here : "", directory ? directory : "");
	free(here);
	return true;
}

/* For who reads the report elsewhere. */
static void row_flags(struct doctor *doctor)
{
	char *all = xstrdup("");

	for (size_t i = 0; i < doctor->flags->n; i++) {
		char *longer = xasprintf("%s%s%s", all, *all ? " " : "", ((char **)doctor->flags->items)[i]);

		free(all);
		all = longer;
	}
	findings_row(doctor->report, VERDICT_OK, "flags", NULL, "%s", *all ? all : "none");
	free(all);
}

/* camd says in its log what became of its module for libcamera, once it has looked for cameras. */
static void row_libcamera(const struct patient *patient, const struct doctor_camd *camd)
{
	struct findings *report = patient->doctor->report;
	char *path = doctor_camd_log_path(patient, camd->output_dir);
	char *found = doctor_log_find(path, " is there (", "libcamera ");
	char *missing = doctor_log_find(path, " camd ", "no libcamera cameras: ");

	if (!patient->label)
		findings_row(report, VERDICT_NOTE, "libcamera", "camd could not make its folder: see below", "unknown");
	else if (found)
		findings_row(report, VERDICT_OK, "libcamera", NULL, "%s", found);
	else if (missing)
		findings_row(report, VERDICT_NOTE, "libcamera", "cameras on CSI need it, USB cameras do not",
			   "%s", missing + strlen("no libcamera cameras: "));
	else
		findings_row(report, VERDICT_OK, "libcamera", NULL, "not looked for: the cameras are named by --camera or the "
			   "settings");
	free(found);
	free(missing);
	free(path);
}

/* Software always is; what else there is comes before it. */
static void row_encoders(const struct patient *patient, struct doctor_camd *camd)
{
	struct findings *report = patient->doctor->report;

	for (size_t i = 0; i < patient->encoders.n; i++) {
		const char *name = ((char **)patient->encoders.items)[i];

		if (!strstr(name, "(hardware)"))
			continue;
		camd->has_hardware = true;
		findings_row(report, VERDICT_OK, "encoder", NULL, "%s", name);
	}
	if (!camd->has_hardware)
		findings_row(report, VERDICT_NOTE, "encoder", "normal on a Raspberry Pi 5 and on a PC; elsewhere: is "
			   "/dev/video* of the encoder there, may it be opened?",
			   "no hardware encoder for H.264: the processor encodes");
}

/* ---- cameras ---- */

static void row_camera(struct findings *report, const struct wire_message *cameras, const struct wire_message *status,
		       int index)
{
	static const char list[] = "data.cameras";
	int64_t id = item_integer(cameras, list, index, "camera_id", index);
	int at = item_of_camera(status, list, id);
	const char *state = item_text(cameras, list, index, "state"), *error = item_text(status, list, at, "error");
	const char *size = item_text(status, list, at, "size");
	bool runs = state && !strcmp(state, "running");
	char *what = xasprintf("camera %" PRId64, id);

	findings_row(report, runs ? VERDICT_OK : VERDICT_PROBLEM, what, runs ? NULL :
		   "see the error; another program may have it, or its cable is loose",
		   "%s (%s), %s at %g frames/s, %" PRId64 " modes, %" PRId64 " controls: %s%s%s",
		   item_text(cameras, list, index, "model"), item_text(cameras, list, index, "id"),
		   size ? size : "size unknown",
		   item_number(status, list, at, "target_fps", 0), item_integer(cameras, list, index, "modes.#", 0),
		   item_integer(cameras, list, index, "controls.#", 0), state, error ? ": " : "", error ? error : "");
	free(what);
}

static void rows_cameras(struct patient *patient, struct doctor_camd *camd)
{
	struct findings *report = patient->doctor->report;
	struct wire_message cameras;
	const struct wire_message *status;
	struct error err;
	int n;

	if (!patient_ask(patient, CMD_LIST_CAMERAS, NULL, 0, &err)) {
		findings_row(report, VERDICT_PROBLEM, "cameras", NULL, "%s", err.text);
		return;
	}
	cameras = patient_take(patient);
	n = item_count(&cameras, "data.cameras");
	status = patient_ask(patient, CMD_GET_STATUS, NULL, 0, &err);
	for (int i = 0; status && i < n; i++)
		row_camera(report, &cameras, status, i);
	if (!n)
		findings_row(report, VERDICT_PROBLEM, "cameras", "plug one in; on CSI, is it named in config.txt or found by "
			   "itself (camera_auto_detect=1)? "
			   "`--camera synthetic` tries the rest without one", "none was found");
	camd->cameras = patient->cameras;
	wire_clear_message(&cameras);
}

/* What it warned of, once each, but for what has a row of its own. */
static void rows_notes(const struct patient *patient)
{
	for (size_t i = 0; i < patient->notes.n; i++) {
		const char *text = ((char **)patient->notes.items)[i];

		/* without a folder, all of its log comes this way */
		if (!strstr(text, "No cameras found") && !strstr(text, " info    "))
			findings_row(patient->doctor->report, VERDICT_NOTE, "camd says", NULL, "%s", text);
	}
}

static void tell_failure(struct doctor *doctor, struct doctor_camd *camd, const struct error *err)
{
	camd->failure = err->code == ERR_BAD_ARGUMENT ? SESSION_USAGE : SESSION_CAMD_FAILED;
	findings_row(doctor->report, VERDICT_PROBLEM, "camd", "is camd installed beside camctl? $CAMCTL_CAMD names another",
		   "%s", err->text);
}

void doctor_camd_examine(struct doctor *doctor, struct doctor_camd *camd)
{
	/* what a question needs leaves nothing behind */
	static const char *const flags[] = {
		"--keep-session", "used", "--mode", "slave", "--no-auto-start-recording", "--libcamera-log-level", "INFO", NULL,
	};
	struct error err;
	struct patient *patient;
	char *program = spawn_find_camd();

	*camd = (struct doctor_camd){ 0 };
	findings_section(doctor->report, "camd");
	patient = patient_start(doctor, doctor->flags, flags, &err);
	if (!patient || !ask_settings(patient, camd, &err)) {
		tell_failure(doctor, camd, &err);
	} else {
		findings_row(doctor->report, VERDICT_OK, "camd", NULL, "%s (%s), as user %d", patient->version, program,
			   (int)geteuid());
		row_flags(doctor);
		row_libcamera(patient, camd);
		row_encoders(patient, camd);
		rows_cameras(patient, camd);
		doctor_devices_row_disk(doctor, camd->output_dir, camd->bitrate_bps * MAX(camd->cameras, 1));
		rows_notes(patient);
	}
	patient_end(patient);
	free(program);
}
