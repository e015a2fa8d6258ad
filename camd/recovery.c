#include "camd/recovery.h"

#include "camd/control.h"
#include "camd/exports.h"
#include "camd/recover.h"
#include "camd/untold.h"
#include "camd/worker.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#define AGAIN_NS (10 * NS_PER_S)

struct finding {
	struct recovery *recovery;
	struct recovered event;
	struct finding *next;
};

struct recovery {
	struct session *session;
	struct worker work;
	char *output_dir;
	struct finding *first, **last;	/* told to nobody yet */
	struct list sessions;		/* of those that were told of: paths, whose notes are to be removed */
	struct list forgotten;		/* the same; the worker's while that is busy */
	bool told;
	bool no_room;			/* for something the disk was too full; the worker's while that is busy */
	bool again;			/* it was told of before */
	uint64_t room_bytes;		/* there was then */
	int64_t due_ns;
	atomic_bool busy, stop;
};

static void free_finding(struct finding *finding)
{
	free(finding->event.file);
	free(finding->event.message);
	free(finding);
}

static void free_recovery(struct recovery *recovery)
{
	while (recovery->first) {
		struct finding *finding = recovery->first;

		recovery->first = finding->next;
		free_finding(finding);
	}
	fields_free_texts(&recovery->sessions);
	free(recovery->output_dir);
	free(recovery);
}

static void add_session(struct recovery *recovery, const char *file)
{
	char *session = strndup(file, (size_t)(strrchr(file, '/') - file));

	if (!recovery->sessions.n || strcmp(((char **)recovery->sessions.items)[recovery->sessions.n - 1], session) != 0)
		fields_add_text(&recovery->sessions, session);
	free(session);
}

static void send_finding(struct recovery *recovery, struct finding *finding)
{
	add_session(recovery, finding->event.file);
	control_event(session_control(recovery->session), EVENT_RECOVERED, &finding->event);
	free_finding(finding);
}

static void forget_work(struct worker *job)
{
	struct recovery *recovery = job->data;

	for (size_t i = 0; i < recovery->forgotten.n; i++)
		untold_forget(((char **)recovery->forgotten.items)[i]);
}

static void after_forgetting(struct worker *job)
{
	struct recovery *recovery = job->data;

	fields_free_texts(&recovery->forgotten);
	atomic_store(&recovery->busy, false);
	session_check_down(recovery->session);
}

/* Of what was told. */
static void forget(struct recovery *recovery)
{
	if (recovery_is_busy(recovery) || !recovery->sessions.n)
		return;
	recovery->forgotten = recovery->sessions;
	recovery->sessions = (struct list){ 0 };
	atomic_store(&recovery->busy, true);
	worker_start(session_loop(recovery->session), &recovery->work, forget_work, after_forgetting);
}

static void note_finding(void *argument)
{
	struct finding *finding = argument;
	struct recovery *recovery = finding->recovery;

	if (recovery->told) {
		send_finding(recovery, finding);
		if (atomic_load(&recovery->stop))
			forget(recovery);
		return;
	}
	*recovery->last = finding;
	recovery->last = &finding->next;
}

static char *describe(const struct recover_report *report, const struct error *err)
{
	if (err)
		return xstrdup(err->text);
	if (report->table_error.code)
		return xstrdup(report->table_error.text);
	if (report->damaged_frames)
		return xasprintf("%" PRIu64 " frames were damaged and are counted as lost by storage", report->damaged_frames);
	return NULL;
}

static bool on_file(void *user, const char *path, const struct recover_report *report, const struct error *err)
{
	struct recovery *recovery = user;
	struct finding *finding;

	if (report->state == RECOVER_RAW && report->table_error.code) {
		/* the video is as whole as raw video can be, and may have ended well: somebody else's, as a rule */
		log_warning("%s: its timing table can't be looked at: %s", path, report->table_error.text);
		return !atomic_load(&recovery->stop);
	}
	if (err && err->code == ERR_STORAGE_FULL) {
		recovery->no_room = true;
		if (recovery->again)
			return !atomic_load(&recovery->stop);
	}
	finding = xcalloc(1, sizeof(*finding));
	finding->recovery = recovery;
	finding->event = (struct recovered){
		.file = xstrdup(path), .frames = report->frames, .duration_ns = report->duration_ns, .bytes_cut = report->bytes_cut,
		.message = describe(report, err),
	};
	log_info("recovered %s: %" PRIu64 " frames%s%s", path, report->frames, finding->event.message ? "; " : "",
		 finding->event.message ? finding->event.message : "");
	mailbox_post(session_mailbox(recovery->session), note_finding, finding);
	return !atomic_load(&recovery->stop);
}

static uint64_t room_bytes(const struct recovery *recovery)
{
	struct statvfs disk;

	return statvfs(recovery->output_dir, &disk) ? 0 : (uint64_t)disk.f_bavail * disk.f_frsize;
}

static void work(struct worker *job)
{
	struct recovery *recovery = job->data;

	if (recovery->again && room_bytes(recovery) <= recovery->room_bytes)
		return;
	recovery->no_room = false;
	recover_directory(recovery->output_dir, on_file, recovery);
	recovery->room_bytes = room_bytes(recovery);
	exports_sweep(recovery->output_dir);
}

static void after(struct worker *job)
{
	struct recovery *recovery = job->data;

	recovery->due_ns = clock_now_ns() + AGAIN_NS;
	atomic_store(&recovery->busy, false);
	if (atomic_load(&recovery->stop))
		forget(recovery);
	session_check_down(recovery->session);
}

static void begin(struct recovery *recovery)
{
	atomic_store(&recovery->busy, true);
	worker_start(session_loop(recovery->session), &recovery->work, work, after);
}

void recovery_tick(struct recovery *recovery)
{
	if (recovery->told)
		forget(recovery);
	if (recovery_is_busy(recovery) || !recovery->no_room || atomic_load(&recovery->stop) || clock_now_ns() < recovery->due_ns)
		return;
	recovery->again = true;
	begin(recovery);
}

struct recovery *recovery_begin(struct session *session, const char *output_dir)
{
	struct recovery *recovery = xcalloc(1, sizeof(*recovery));

	recovery->session = session;
	recovery->output_dir = xstrdup(output_dir);
	recovery->last = &recovery->first;
	recovery->work.data = recovery;
	begin(recovery);
	return recovery;
}

void recovery_tell(struct recovery *recovery)
{
	recovery->told = true;
	while (recovery->first) {
		struct finding *finding = recovery->first;

		recovery->first = finding->next;
		send_finding(recovery, finding);
	}
	recovery->last = &recovery->first;
}

bool recovery_is_busy(const struct recovery *recovery)
{
	return recovery && atomic_load(&recovery->busy);
}

void recovery_stop(struct recovery *recovery)
{
	atomic_store(&recovery->stop, true);
	forget(recovery);
}

void recovery_destroy(struct recovery *recovery)
{
	if (recovery)
		free_recovery(recovery);
}
