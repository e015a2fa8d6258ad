#include "camctl/doctor_machine.h"

#include "camctl/doctor_files.h"
#include "camctl/human.h"
#include "common/util.h"

#include <glob.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define SHELL_NS (5 * NS_PER_S)
#define HOT_C 75.0
#define LITTLE_MEMORY_BYTES ((int64_t)128 << 20)
#define LITTLE_CMA_BYTES ((int64_t)48 << 20)	/* one camera of 1920x1080 with a hardware encoder takes about 43 MB */

/* Bits of get_throttled: what holds now, and, 16 higher, what has been since the board was switched on. */
enum { UNDER_VOLTAGE = 1, CAPPED = 2, THROTTLED = 4, TOO_HOT = 8, NOW = 0xf };

/* ---- what it is ---- */

static void row_system(struct findings *report)
{
	char name[DOCTOR_TEXT_BYTES] = "unknown distribution";
	struct utsname uts;

	doctor_files_value("/etc/os-release", "PRETTY_NAME", name);
	uname(&uts);
	findings_row(report, VERDICT_OK, "system", NULL, "%s; %s %s, %s", name, uts.sysname, uts.release, uts.machine);
}

static bool is_raspberry_pi(const char *model)
{
	return strstr(model, "Raspberry Pi");
}

/* The boards whose chip, BCM2712, has no encoder at all. */
static bool has_no_encoder(const char *model)
{
	return strstr(model, "Raspberry Pi 5") || strstr(model, "Compute Module 5");
}

/* The H.264 encoder of Raspberry Pis up to the 4 has its driver in Raspberry Pi's kernels only, not in mainline. */
static void row_board(struct findings *report)
{
	char model[DOCTOR_TEXT_BYTES];
	bool has_driver = !access("/sys/module/bcm2835_codec", F_OK);

	if (!doctor_files_line("/proc/device-tree/model", model) &&
	    !doctor_files_line("/sys/class/dmi/id/product_name", model)) {
		findings_row(report, VERDICT_OK, "board", NULL, "it does not say");
		return;
	}
	if (is_raspberry_pi(model) && has_no_encoder(model))
		findings_row(report, VERDICT_OK, "board", NULL, "%s: it has no H.264 encoder, the processor encodes", model);
	else if (is_raspberry_pi(model) && !has_driver)
		findings_row(report, VERDICT_NOTE, "board", "only Raspberry Pi OS has the driver bcm2835-codec; with another "
			   "kernel the processor encodes",
			   "%s, whose hardware encoder has no driver in this kernel", model);
	else
		findings_row(report, VERDICT_OK, "board", NULL, "%s", model);
}

static void row_processor(struct findings *report)
{
	char governor[DOCTOR_TEXT_BYTES] = "none", name[DOCTOR_TEXT_BYTES] = "";
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	bool slow;

	if (!doctor_files_value("/proc/cpuinfo", "model name", name))
		doctor_files_value("/proc/cpuinfo", "Model", name);
	doctor_files_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", governor);
	slow = !strcmp(governor, "powersave") && access("/sys/devices/system/cpu/intel_pstate", F_OK);
	findings_row(report, slow ? VERDICT_NOTE : VERDICT_OK, "processor",
		   slow ? "with the governor `powersave` it stays at its lowest clock: set `ondemand` or `schedutil`" : NULL,
		   "%ld cores%s%s, governor %s", n, *name ? ", " : "", name, governor);
}

static void row_load(struct findings *report)
{
	double load[1] = { 0 };
	bool busy = getloadavg(load, 1) == 1 && load[0] > 0.5 * (double)sysconf(_SC_NPROCESSORS_ONLN);

	findings_row(report, busy ? VERDICT_NOTE : VERDICT_OK, "load", busy ?
		   "other programs compute: what is measured will be worse than it need be" : NULL,
		   "%.2f", load[0]);
}

/* ---- memory ---- */

static void row_memory(struct findings *report)
{
	int64_t total = doctor_files_bytes("/proc/meminfo", "MemTotal");
	int64_t available = doctor_files_bytes("/proc/meminfo", "MemAvailable");
	char a[HUMAN_BYTES], b[HUMAN_BYTES];
	bool little = available < LITTLE_MEMORY_BYTES;

	findings_row(report, little ? VERDICT_NOTE : VERDICT_OK, "memory", little ?
		   "little is left for the buffers of cameras and encoders" : NULL,
		   "%s available of %s", human_size(available, a), human_size(total, b));
}

/* What hardware that can't gather scattered pages works in. */
static void row_contiguous(struct findings *report)
{
	int64_t total = doctor_files_bytes("/proc/meminfo", "CmaTotal");
	int64_t left = doctor_files_bytes("/proc/meminfo", "CmaFree");
	char a[HUMAN_BYTES], b[HUMAN_BYTES];
	bool little = total > 0 && left < LITTLE_CMA_BYTES;

	if (total <= 0) {
		findings_row(report, VERDICT_OK, "contiguous memory", NULL,
			   "no CMA; none is needed where devices have an IOMMU, or for USB cameras");
		return;
	}
	findings_row(report, little ? VERDICT_NOTE : VERDICT_OK, "contiguous memory",
		   little ? "a camera of 1456x1088 with a hardware encoder takes about 33 MB: raise cma= on the kernel's "
		   "command line (on a Raspberry Pi: dtoverlay=vc4-kms-v3d,cma-256 in config.txt)" : NULL,
		   "CMA: %s free of %s", human_size(left, a), human_size(total, b));
}

static void row_heaps(struct findings *report)
{
	glob_t found = { 0 };
	char *names = xstrdup("");
	bool allowed = true;

	glob("/dev/dma_heap/*", 0, NULL, &found);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char *longer = xasprintf("%s%s%s", names, *names ? ", " : "", strrchr(found.gl_pathv[i], '/') + 1);

		allowed = allowed && !access(found.gl_pathv[i], R_OK);
		free(names);
		names = longer;
	}
	if (!found.gl_pathc)
		findings_row(report, VERDICT_OK, "dma heaps", NULL, "none");
	else
		findings_row(report, allowed ? VERDICT_OK : VERDICT_NOTE, "dma heaps", allowed ? NULL :
			   "some of libcamera's pipelines need them: put the user into the group that owns /dev/dma_heap/*",
			   "%s%s", names, allowed ? "" : "; not all may be opened");
	globfree(&found);
	free(names);
}

/* ---- heat and power ---- */

double doctor_machine_temperature(void)
{
	glob_t found = { 0 };
	double highest = NAN;

	glob("/sys/class/thermal/thermal_zone*/temp", 0, NULL, &found);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char text[DOCTOR_TEXT_BYTES];

		if (doctor_files_line(found.gl_pathv[i], text))
			highest = fmax(highest, strtod(text, NULL) / 1000);
	}
	globfree(&found);
	return highest;
}

static void row_temperature(struct findings *report)
{
	double degrees = doctor_machine_temperature();

	if (isnan(degrees))
		return;
	findings_row(report, degrees > HOT_C ? VERDICT_NOTE : VERDICT_OK, "temperature",
		   degrees > HOT_C ? "a Raspberry Pi slows down from 80 degrees on: cool it" : NULL, "%.1f degrees", degrees);
}

long doctor_machine_throttled(struct doctor *doctor)
{
	char text[DOCTOR_TEXT_BYTES];
	long bits = -1;
	char *output;
	int status;

	if (doctor_files_line("/sys/devices/platform/soc/soc:firmware/get_throttled", text))
		return strtol(text, NULL, 16);
	output = doctor_shell(doctor, "vcgencmd get_throttled", SHELL_NS, &status);
	if (!status && strchr(output, '='))
		bits = strtol(strchr(output, '=') + 1, NULL, 0);
	free(output);
	return bits;
}

void doctor_machine_row_throttled(struct doctor *doctor, const char *during)
{
	static const char advice[] = "under-voltage: a stronger power supply and a shorter cable; heat: a cooler";
	long bits = doctor_machine_throttled(doctor), now = bits & NOW, ever = bits >> 16 & NOW;
	long all = now | ever;

	if (bits < 0)
		return;
	findings_row(doctor->report, now ? VERDICT_PROBLEM : ever ? VERDICT_NOTE : VERDICT_OK, during, all ? advice : NULL,
		   "0x%lx%s%s%s%s%s%s", (unsigned long)bits, !all ? ": none" : now ? ": now" : ": since it was switched on",
		   all & UNDER_VOLTAGE ? ", under-voltage" : "", all & CAPPED ? ", clock capped" : "", all & THROTTLED ?
		   ", throttled" : "", all & TOO_HOT ? ", too hot" : "", now && ever != now ? " (and more before)" : "");
}

/* ---- tools ---- */

static void row_tools(struct doctor *doctor)
{
	int status;
	char *output = doctor_shell(doctor, "ffprobe -version", SHELL_NS, &status);

	output[strcspn(output, "\n")] = '\0';
	if (strstr(output, " Copyright"))
		*strstr(output, " Copyright") = '\0';
	if (status)
		findings_row(doctor->report, VERDICT_NOTE, "ffmpeg", "install it (Debian: apt install ffmpeg)",
			   "ffprobe is not there: recordings can't be decoded and remux can't work");
	else
		findings_row(doctor->report, VERDICT_OK, "ffmpeg", NULL, "%.60s", output);
	free(output);
}

void doctor_machine_examine(struct doctor *doctor)
{
	findings_section(doctor->report, "The machine");
	row_system(doctor->report);
	row_board(doctor->report);
	row_processor(doctor->report);
	row_load(doctor->report);
	row_memory(doctor->report);
	row_contiguous(doctor->report);
	row_heaps(doctor->report);
	row_temperature(doctor->report);
	doctor_machine_row_throttled(doctor, "throttling");
	row_tools(doctor);
}
